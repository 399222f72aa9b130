package potok_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/potok-go/potok"
)

// Tasks are package-level variables, so that a worker process, which is the same program, knows them too.
var (
	square = potok.Define("example.square", func(_ context.Context, x int) (int, error) { return x * x, nil })
	fetch  = potok.Define("example.fetch", download, potok.Timeout(time.Minute), potok.Retry(3, time.Millisecond, 5*time.Millisecond))
	hang   = potok.Define("example.hang", func(ctx context.Context, _ string) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
)

// download fails as often as its argument says, like a server that is restarted.
func download(_ context.Context, failures *int) (string, error) {
	if *failures == 0 {
		return "page", nil
	}
	*failures--
	fmt.Println("connection refused")
	return "", errors.New("connection refused")
}

func ExampleTask() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	fmt.Println(square.Submit(ctx, pool, 12).Result(ctx))
	fmt.Println(square.Call(ctx, 12)) // here and now, without an executor
	fmt.Println(square.Name())
	// Output:
	// 144 <nil>
	// 144 <nil>
	// example.square
}

func ExampleTask_SubmitAll() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	fmt.Println(potok.Gather(ctx, square.SubmitAll(ctx, pool, []int{1, 2, 3})...))
	// Output: [1 4 9] <nil>
}

func ExampleTask_Map() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	for v, err := range square.Map(ctx, pool, slices.Values([]int{1, 2, 3})) {
		fmt.Println(v, err)
	}
	// Output:
	// 1 <nil>
	// 4 <nil>
	// 9 <nil>
}

// Between two attempts the call holds no place; a cancel ends it at once.
func ExampleRetry() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	failures := 2
	fmt.Println(fetch.Submit(ctx, pool, &failures).Result(ctx))
	// Output:
	// connection refused
	// connection refused
	// page <nil>
}

// The same task with other options for some calls.
func ExampleTask_With() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	once := fetch.With(potok.Retry(1, 0, 0))
	failures := 2
	_, err := once.Submit(ctx, pool, &failures).Result(ctx)
	fmt.Println("failed:", err)
	// Output:
	// connection refused
	// failed: connection refused
}

func ExampleTimeout() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	f := hang.With(potok.Timeout(time.Millisecond)).Submit(ctx, pool, "a dead server")
	_, err := f.Result(ctx)
	fmt.Println(f.State(), errors.Is(err, context.DeadlineExceeded)) // not cancelled: nobody did
	// Output: failed true
}

var parse = potok.Define("example.parse", func(_ context.Context, s string) (int, error) {
	return 0, potok.Permanent(fmt.Errorf("%q is not a number", s)) // it will not be one the next time
}, potok.Retry(10, time.Hour, time.Hour))

func ExamplePermanent() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	_, err := parse.Submit(ctx, pool, "x").Result(ctx) // at once
	fmt.Println(err)
	// Output: "x" is not a number
}

// ErrNoStock still matches errors.Is after it came back from a process or the cluster.
var ErrNoStock = errors.New("no stock")

func init() { potok.RegisterError("example.ErrNoStock", ErrNoStock) }

func ExampleRegisterError() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	_, err := pool.Go(ctx, func(context.Context) error { return fmt.Errorf("order 7: %w", ErrNoStock) }).Result(ctx)
	fmt.Println(err, errors.Is(err, ErrNoStock))
	// Output: order 7: no stock true
}

// A panic in a call is the error of its future: the worker lives on.
func ExamplePanicError() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	_, err := potok.Submit(ctx, pool, func(context.Context) (int, error) {
		words := strings.Fields("")
		return len(words[0]), nil
	}).Result(ctx)
	if e, ok := errors.AsType[*potok.PanicError](err); ok {
		fmt.Println(e.Value, len(e.Stack) > 0)
	}
	// Output: runtime error: index out of range [0] with length 0 true
}
