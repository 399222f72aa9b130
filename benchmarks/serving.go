package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// startListening starts a server at a free address of this machine, which serving
// makes a command of, and returns when it answers there.
func startListening(ctx context.Context, shop *workshop, name string, serving func(address string) (command, error)) (address string, server *child, err error) {
	const attempts = 3
	var said string
	for range attempts { // another process may take the port between us and the server
		address, err := freeAddress()
		if err != nil {
			return "", nil, err
		}
		c, err := serving(address)
		if err != nil {
			return "", nil, err
		}
		server, err := shop.start(c)
		if err != nil {
			return "", nil, err
		}
		if awaitServer(ctx, address) {
			return address, server, nil
		}
		if err := server.end(); err != nil {
			return "", nil, err
		}
		if err := context.Cause(ctx); err != nil {
			return "", nil, err
		}
		said = lastOf(server.stderr.String())
	}
	return "", nil, fmt.Errorf("%s does not answer: %s", name, said)
}

// freeAddress is an address on this machine where nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// awaitServer says whether somebody listens there within a few seconds.
func awaitServer(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
		if err == nil {
			return conn.Close() == nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// startServing starts the part of a server and returns the line that it prints: where
// it listens.
func startServing(ctx context.Context, shop *workshop, part string, args ...string) (line string, server *child, err error) {
	serving, err := playing(part, args...)
	if err != nil {
		return "", nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	serving.stdout = w
	server, err = shop.start(serving)
	w.Close() // the server has the other one: when it ends, so does r
	if err != nil {
		return "", nil, err
	}
	stop := context.AfterFunc(ctx, func() { server.life.Close() })
	defer stop()
	line, err = bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return "", nil, errors.Join(errors.New("the server does not say where it listens"), err, server.end())
	}
	return strings.TrimSpace(line), server, nil
}
