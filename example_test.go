package potok_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/queue"
)

// What is written first with this package.

// Fan-out, where the first error cancels the rest and is returned: what errgroup is for, with a limit.
func Example_firstError() {
	ctx := context.Background()
	pool := potok.NewPool(4)
	defer pool.Close()

	hosts := []string{"alpha", "beta", "gamma", "delta"}
	err := potok.Each(ctx, pool, func(yield func(string) bool) {
		for _, host := range hosts {
			if !yield(host) {
				return
			}
		}
	}, func(ctx context.Context, host string) error {
		if host == "gamma" {
			return errors.New("gamma: no route to host")
		}
		<-ctx.Done() // a slow ping, cut short by the failure
		return context.Cause(ctx)
	})
	fmt.Println(err)
	// Output: gamma: no route to host
}

// rows is what a query returns; see database/sql.
type rows struct {
	at, n int
	err   error
}

func (r *rows) Next() bool         { r.at++; return r.at <= r.n }
func (r *rows) Scan(id *int) error { *id = r.at; return nil }
func (r *rows) Err() error         { return r.err }
func (r *rows) Close() error       { return nil }

// all makes rows an input that ends at the first row that cannot be read.
func (r *rows) all(yield func(int) bool) {
	defer r.Close()
	for r.Next() {
		var id int
		if r.err = r.Scan(&id); r.err != nil || !yield(id) {
			return
		}
	}
}

// Rows of a database, as many as there are: never more than 16 of them are in memory. The rows are read on one
// goroutine, and nobody touches them any more once the range has ended, so Err may be asked then.
func Example_rows() {
	ctx := context.Background()
	pool := potok.NewPool(4)
	defer pool.Close()

	rows := &rows{n: 1000} // db.QueryContext(ctx, …)
	enrich := func(_ context.Context, id int) (string, error) { return fmt.Sprintf("user %d", id), nil }
	count := 0
	for user, err := range potok.Map(ctx, pool, rows.all, enrich, potok.Lookahead(16)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if count++; count == 1000 {
			fmt.Println("the last is", user)
		}
	}
	fmt.Println(count, rows.Err())
	// Output:
	// the last is user 1000
	// 1000 <nil>
}

// Two queues in a row. A queue is closed by who puts into it last: the first by the producer, the second, which several
// workers fill, by the one who waits for them all.
func Example_pipeline() {
	ctx := context.Background()
	pool := potok.NewPool(5) // a place for everybody: who waits for a queue keeps his place
	defer pool.Close()
	words, upper := queue.New[string](2), queue.New[string](2)

	pool.Go(ctx, func(ctx context.Context) error {
		defer words.Close()
		for _, w := range []string{"one", "two", "three"} {
			if err := words.Put(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	pool.Go(ctx, func(ctx context.Context) error {
		defer upper.Close()
		var workers []*potok.Future[struct{}]
		for range 3 {
			workers = append(workers, pool.Go(ctx, func(ctx context.Context) error {
				for w := range words.All(ctx) {
					if err := upper.Put(ctx, strings.ToUpper(w)); err != nil {
						return err
					}
				}
				return ctx.Err()
			}))
		}
		_, err := potok.Gather(ctx, workers...)
		return err
	})
	for w := range upper.All(ctx) {
		fmt.Println(w)
	}
	// Unordered output:
	// ONE
	// TWO
	// THREE
}

// A job that outlives the request that asks for it: WithoutCancel keeps the values of the request's context, a trace
// say, and drops its end. At exit Shutdown waits for the jobs, as long as it may.
func Example_background() {
	pool := potok.NewPool(2, potok.WithBacklog(100))
	var mail sync.Map
	handle := func(user string) {
		request, cancel := context.WithCancel(context.Background())
		defer cancel() // a server ends the context when the handler returns
		pool.Go(context.WithoutCancel(request), func(ctx context.Context) error {
			mail.Store(user, "welcome")
			return ctx.Err()
		})
	}
	handle("ann")
	handle("bob")

	grace, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := pool.Shutdown(grace)
	_, ann := mail.Load("ann")
	_, bob := mail.Load("bob")
	fmt.Println(ann, bob, err)
	// Output: true true <nil>
}

// Calls may submit calls to their own pool and wait for them, on one worker too: a call that waits lends its place.
func Example_recursion() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()

	var fib func(ctx context.Context, n int) (int, error)
	fib = func(ctx context.Context, n int) (int, error) {
		if n < 2 {
			return n, nil
		}
		parts, err := potok.MapSlice(ctx, pool, []int{n - 1, n - 2}, fib)
		if err != nil {
			return 0, err
		}
		return parts[0] + parts[1], nil
	}
	fmt.Println(fib(ctx, 10))
	// Output: 55 <nil>
}
