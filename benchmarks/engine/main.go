// Command engine is a program with the cluster's server in it, and nothing else that a
// program does not need that has one. The benchmarks build it and start it for what
// depends on the program: how soon the first server of a process is ready, and how
// much memory the process then has.
//
//	engine start memory         # ns that Start took
//	engine start fast           # the same, of a server with a directory
//	engine idle nothing         # MiB resident, and how many of them are shared with nobody
//	engine idle memory          # the same, beside a server that has been idle for a moment
//	engine idle fast
//	engine idle client          # and beside it a client and a worker that have run 1,000 calls
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/resident"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	if len(args) != 2 {
		return errors.New("nothing to do")
	}
	dir, err := os.MkdirTemp("", "potok-engine-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fast := []embedded.Option{embedded.StoreDir(dir)}
	switch args[0] + " " + args[1] {
	case "start memory":
		return start()
	case "start fast":
		return start(fast...)
	case "idle nothing":
		return printSize()
	case "idle memory":
		return idle()
	case "idle fast":
		return idle(fast...)
	case "idle client":
		return idleClient(fast...)
	}
	return fmt.Errorf("%q is nothing to do", args)
}

func start(opts ...embedded.Option) error {
	begin := time.Now()
	server, err := embedded.Start(opts...)
	took := time.Since(begin)
	if err != nil {
		return err
	}
	_, err = fmt.Println(took.Nanoseconds())
	return errors.Join(err, server.Close())
}

func idle(opts ...embedded.Option) error {
	server, err := embedded.Start(opts...)
	if err != nil {
		return err
	}
	return errors.Join(printSize(), server.Close())
}

// printSize prints what this process has when it has done nothing for a moment.
func printSize() error {
	const toSettle = 300 * time.Millisecond
	time.Sleep(toSettle)
	all, private, err := resident.Now(os.Getpid())
	if err != nil {
		return err
	}
	const mib = 1 << 20
	_, err = fmt.Println(float64(all)/mib, float64(private)/mib)
	return err
}

var next = potok.Define("engine/next", func(_ context.Context, x int) (int, error) { return x + 1, nil })

func idleClient(opts ...embedded.Option) (err error) {
	server, err := embedded.Start(opts...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	near, err := server.Connect()
	if err != nil {
		return err
	}
	defer near.Close()
	far, err := server.Connect()
	if err != nil {
		return err
	}
	defer far.Close()
	pool := potok.NewPool(1)
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- cluster.Serve(ctx, far, pool) }()
	defer func() {
		stop()
		err = errors.Join(err, <-over, pool.Close())
	}()
	client, err := cluster.Connect(ctx, near)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	const calls = 1000
	in := slices.Repeat([]int{1}, calls)
	for _, f := range next.SubmitAll(ctx, client, in) {
		if two, err := f.Result(ctx); err != nil || two != 2 {
			return fmt.Errorf("after 1 comes %d, %w", two, err)
		}
	}
	return printSize()
}
