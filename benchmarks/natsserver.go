package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/potok-go/potok/cluster/embedded"
)

// serveNATS is the part of a NATS server that keeps its streams in the directory. It
// prints its URL, and goes on until it is told to end.
func serveNATS(args []string) error {
	if len(args) != 1 {
		return errors.New("no directory")
	}
	over := make(chan os.Signal, 1)
	signal.Notify(over, os.Interrupt, syscall.SIGTERM)
	server, err := openNATS(args[0])
	if err != nil {
		return err
	}
	if _, err := fmt.Println(server.URL()); err != nil {
		return errors.Join(err, server.Close())
	}
	for s := range over {
		if s == syscall.SIGTERM { // Ctrl-C is the benchmarks', who end us when they have ended the clients
			break
		}
	}
	return server.Close()
}

// openNATS starts a server in this process, with a port.
func openNATS(dir string) (*embedded.Server, error) {
	return embedded.Start(embedded.Listen("127.0.0.1:0"), embedded.StoreDir(dir), embedded.Durability(embedded.Fast))
}
