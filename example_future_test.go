package potok_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/potok-go/potok"
)

// A future is the answer of a call that may still be on its way.
func ExampleFuture() {
	ctx := context.Background()
	f := potok.Go(ctx, func(context.Context) (string, error) { return "the answer", nil })
	fmt.Println(f.Result(ctx)) // any number of goroutines may ask, any number of times
	fmt.Println(f)
	// Output:
	// the answer <nil>
	// Future(succeeded string)
}

// Giving up waiting changes nothing for the call.
func ExampleFuture_Result() {
	p := potok.NewPromise[int]()
	soon, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := p.Future().Result(soon)
	fmt.Println(err, p.Future().State())
	p.Resolve(42)
	fmt.Println(p.Future().Result(soon)) // what is settled wins over a context that has ended
	// Output:
	// context deadline exceeded pending
	// 42 <nil>
}

func ExampleFuture_Cancel() {
	ctx := context.Background()
	started := make(chan struct{})
	f := potok.Go(ctx, func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	<-started
	fmt.Println(f.Cancel())
	_, err := f.Result(ctx)
	fmt.Println(f.State(), errors.Is(err, potok.ErrCancelled), errors.Is(err, context.Canceled))
	// Output:
	// true
	// cancelled true true
}

func ExampleFuture_OnDone() {
	p := potok.NewPromise[int]()
	p.Future().OnDone(func(f *potok.Future[int]) { fmt.Println("first:", f.State()) })
	p.Future().OnDone(func(*potok.Future[int]) { fmt.Println("second") })
	p.Resolve(1) // the callbacks run here, on the goroutine that settles
	// Output:
	// first: succeeded
	// second
}

// Done is for a select; Result is for everything else.
func ExampleFuture_Done() {
	p := potok.NewPromise[int]()
	p.Resolve(1)
	select {
	case <-p.Future().Done():
		fmt.Println("done")
	case <-time.After(time.Minute):
		fmt.Println("too late")
	}
	// Output: done
}

func ExampleGo() {
	ctx := context.Background()
	f := potok.Go(ctx, func(context.Context) (int, error) { panic("oops") })
	_, err := f.Result(ctx) // the panic goes here, and nowhere else
	fmt.Println(err)
	// Output: potok: call panicked: oops
}

func ExampleThen() {
	ctx := context.Background()
	length := func(_ context.Context, s string) (int, error) { return len(s), nil }

	good := potok.Go(ctx, func(context.Context) (string, error) { return "seven!!", nil })
	bad := potok.Go(ctx, func(context.Context) (string, error) { return "", errors.New("no page") })
	fmt.Println(potok.Then(good, length).Result(ctx))
	fmt.Println(potok.Then(bad, length).Result(ctx)) // length does not run
	// Output:
	// 7 <nil>
	// 0 no page
}

// A promise is the bridge from code that reports its end in another way, here by a callback.
func ExamplePromise() {
	ask := func(answer func(string, error)) { go answer("blue", nil) } // somebody else's

	p := potok.NewPromise[string]()
	ask(func(s string, err error) {
		if err != nil {
			p.Reject(err)
			return
		}
		p.Resolve(s)
	})
	fmt.Println(p.Future().Result(context.Background()))
	fmt.Println(p.Resolve("red")) // it was settled already
	// Output:
	// blue <nil>
	// false
}

func ExampleGather() {
	ctx := context.Background()
	square := func(n int) *potok.Future[int] {
		return potok.Go(ctx, func(context.Context) (int, error) { return n * n, nil })
	}
	fmt.Println(potok.Gather(ctx, square(2), square(3), square(4)))
	// Output: [4 9 16] <nil>
}

// The fastest of several mirrors; the others are cancelled.
func ExampleWait() {
	ctx := context.Background()
	mirror := func(name string, slow bool) *potok.Future[string] {
		return potok.Go(ctx, func(ctx context.Context) (string, error) {
			if slow {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return name, nil
		})
	}
	done, pending, err := potok.Wait(ctx, potok.FirstDone, mirror("far", true), mirror("near", false))
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range pending {
		f.Cancel()
	}
	fmt.Println(done[0].Result(ctx))
	// Output: near <nil>
}

// Futures of different types can be waited for together.
func ExampleAwaitable() {
	ctx := context.Background()
	n, s := potok.NewPromise[int](), potok.NewPromise[string]()
	n.Resolve(1)
	done, pending, _ := potok.Wait[potok.Awaitable](ctx, potok.FirstDone, n.Future(), s.Future())
	fmt.Println(done, pending)
	// Output: [Future(succeeded int)] [Future(pending)]
}

// A struct that embeds a future carries what belongs to it.
func ExampleAsCompleted() {
	ctx := context.Background()
	type job struct {
		*potok.Future[int]
		name string
	}
	slow, quick := potok.NewPromise[int](), potok.NewPromise[int]()
	quick.Resolve(1)
	for j, err := range potok.AsCompleted(ctx, job{slow.Future(), "slow"}, job{quick.Future(), "quick"}) {
		if err != nil {
			fmt.Println(err) // ctx ended first
			break
		}
		v, _ := j.Result(ctx)
		fmt.Println(j.name, v)
		slow.Resolve(2)
	}
	// Output:
	// quick 1
	// slow 2
}
