package cluster_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

// A task that workers and clients know by its name, as both have this line.
var square = potok.Define("example.square", func(_ context.Context, n int) (int, error) {
	fmt.Printf("squaring %d\n", n)
	return n * n, nil
})

// local has a server and a worker in this program. Elsewhere the server is potok server, or any NATS server with JetStream,
// and each worker a program with the task and with Serve in its main.
func local(do func(nc *nats.Conn)) error {
	srv, err := embedded.Start()
	if err != nil {
		return err
	}
	defer srv.Close()
	near, err := srv.Connect()
	if err != nil {
		return err
	}
	defer near.Close()
	far, err := srv.Connect()
	if err != nil {
		return err
	}
	defer far.Close()
	pool := potok.NewPool(1)
	defer pool.Close()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- cluster.Serve(ctx, far, pool, cluster.Tasks("example.square")) }()
	do(near)
	stop() // the worker finishes what it has
	return <-served
}

// The same calls as on a Pool, on another executor.
func Example() {
	err := local(func(nc *nats.Conn) {
		ctx := context.Background()
		c, err := cluster.Connect(ctx, nc)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer c.Close()
		fmt.Println(square.Submit(ctx, c, 5).Result(ctx))
		for n, err := range square.Map(ctx, c, slices.Values([]int{6, 7})) {
			fmt.Println(n, err)
		}
	})
	fmt.Println(err)
	// Unordered output:
	// squaring 5
	// 25 <nil>
	// squaring 6
	// squaring 7
	// 36 <nil>
	// 49 <nil>
	// <nil>
}

// A run with a name is gone on with: what has a result does not run again.
func ExampleWithRun() {
	err := local(func(nc *nats.Conn) {
		ctx := context.Background()
		for _, list := range [][]int{{1, 2}, {1, 2, 3}} {
			c, err := cluster.Connect(ctx, nc, cluster.WithRun("nightly"))
			if err != nil {
				fmt.Println(err)
				return
			}
			for _, f := range square.SubmitAll(ctx, c, list) {
				if _, err := f.Result(ctx); err != nil {
					fmt.Println(err)
				}
			}
			c.Close()
		}
	})
	fmt.Println(err)
	// Output:
	// squaring 1
	// squaring 2
	// squaring 3
	// <nil>
}
