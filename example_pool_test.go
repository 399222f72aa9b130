package potok_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
)

func ExamplePool() {
	ctx := context.Background()
	pool := potok.NewPool(3, potok.WithName("mail"))
	fmt.Println(pool)

	f := potok.Submit(ctx, pool, func(context.Context) (string, error) { return "sent", nil })
	fmt.Println(f.Result(ctx))
	fmt.Println(pool.Shutdown(ctx)) // takes no more calls, and waits for those it has
	// Output:
	// Pool(mail, 3 workers)
	// sent <nil>
	// <nil>
}

// A call without a result but its error.
func ExamplePool_Go() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	_, err := pool.Go(ctx, func(context.Context) error { return errors.New("disk full") }).Result(ctx)
	fmt.Println(err)
	// Output: disk full
}

func ExamplePool_Wait() {
	ctx := context.Background()
	pool := potok.NewPool(4)
	defer pool.Close()
	var n atomic.Int64
	for range 100 {
		pool.Go(ctx, func(context.Context) error { n.Add(1); return nil })
	}
	fmt.Println(pool.Wait(ctx), n.Load()) // the pool stays usable
	// Output: <nil> 100
}

// Errors that nobody asked for do not vanish: they are counted, and an Observer is told of each.
func ExamplePool_Stats() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	pool.Go(ctx, func(context.Context) error { return errors.New("nobody reads this") })
	pool.Go(ctx, func(context.Context) error { return nil })
	_ = pool.Wait(ctx)
	s := pool.Stats()
	fmt.Println(s.Succeeded, s.Failed, s.Unread)
	// Output: 1 1 1
}

func ExamplePool_Shutdown() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	f := potok.Submit(ctx, pool, func(context.Context) (int, error) { return 1, nil })
	fmt.Println(pool.Shutdown(ctx), f.State())

	_, err := potok.Submit(ctx, pool, func(context.Context) (int, error) { return 2, nil }).Result(ctx)
	fmt.Println(errors.Is(err, potok.ErrClosed))
	// Output:
	// <nil> succeeded
	// true
}

// Close cancels: what is queued does not run, what runs sees its context end.
func ExamplePool_Close() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	started := make(chan struct{})
	running := pool.Go(ctx, func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	queued := pool.Go(ctx, func(context.Context) error { return nil })
	<-started
	fmt.Println(pool.Close(), running.State(), queued.State())
	_, err := queued.Result(ctx)
	fmt.Println(errors.Is(err, potok.ErrCancelled), errors.Is(err, potok.ErrClosed))
	// Output:
	// <nil> cancelled cancelled
	// true true
}

// Submit's ctx covers queueing and running; Result's only the waiting.
func ExampleSubmit() {
	ctx, cancel := context.WithCancel(context.Background())
	pool := potok.NewPool(1)
	defer pool.Close()
	f := potok.Submit(ctx, pool, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
	cancel()
	_, err := f.Result(context.Background())
	fmt.Println(f.State(), errors.Is(err, context.Canceled))
	// Output: cancelled true
}

// With a backlog a producer that is too fast waits in Submit, instead of filling the memory: here until his context
// ends.
func ExampleWithBacklog() {
	ctx := context.Background()
	pool := potok.NewPool(1, potok.WithBacklog(1))
	defer pool.Close()
	hold := make(chan struct{})
	wait := func(context.Context) error { <-hold; return nil }

	pool.Go(ctx, wait) // runs
	pool.Go(ctx, wait) // is queued
	soon, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	f := pool.Go(soon, wait) // waits for room
	_, err := f.Result(ctx)
	fmt.Println(f.State(), errors.Is(err, context.DeadlineExceeded))
	close(hold)
	// Output: cancelled true
}

// A server rather says no at once.
func ExampleRefuseWhenFull() {
	ctx := context.Background()
	pool := potok.NewPool(1, potok.WithBacklog(1), potok.RefuseWhenFull())
	defer pool.Close()
	hold := make(chan struct{})
	wait := func(context.Context) error { <-hold; return nil }

	pool.Go(ctx, wait)      // runs
	pool.Go(ctx, wait)      // is queued
	f := pool.Go(ctx, wait) // finds no room
	_, err := f.Result(ctx)
	fmt.Println(errors.Is(err, potok.ErrFull))
	close(hold)
	// Output: true
}

// Metrics, traces and progress bars hang on an Observer.
func ExampleObserver() {
	ctx := context.Background()
	pool := potok.NewPool(1, potok.WithName("etl"), potok.WithObserver(potok.Observer{
		Settled: func(_ context.Context, e potok.Event) {
			fmt.Printf("%s: call %d %v %v\n", e.Pool, e.Call, e.State, e.Err)
		},
	}))
	defer pool.Close()
	_, _ = pool.Go(ctx, func(context.Context) error { return nil }).Result(ctx)
	_, _ = pool.Go(ctx, func(context.Context) error { return errors.New("bad row") }).Result(ctx)
	// Output:
	// etl: call 1 succeeded <nil>
	// etl: call 2 failed bad row
}

// A wait that the pool cannot see, here on a channel, keeps the call's place, unless it stands in Lend: the second call
// could not start on this one worker.
func ExampleLend() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	words := make(chan string)
	first := potok.Submit(ctx, pool, func(ctx context.Context) (word string, err error) {
		err = potok.Lend(ctx, func() error {
			word = <-words
			return nil
		})
		return word, err
	})
	pool.Go(ctx, func(context.Context) error { words <- "from the second call"; return nil })
	fmt.Println(first.Result(ctx))
	// Output: from the second call <nil>
}

// limiter is an Executor by embedding one; what it redefines is what happens.
type limiter struct {
	potok.Executor
	name string
}

func (l limiter) Close() error {
	fmt.Println(l.name, "closes")
	return l.Executor.Close()
}

func ExampleExecutor() {
	ctx := context.Background()
	var ex potok.Executor = limiter{potok.NewPool(1), "mine"}
	defer ex.Close()
	fmt.Println(square.Submit(ctx, ex, 7).Result(ctx)) // a Task runs on any Executor
	// Output:
	// 49 <nil>
	// mine closes
}
