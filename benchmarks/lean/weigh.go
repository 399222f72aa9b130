package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/crew"
	"github.com/potok-go/potok/benchmarks/internal/echo"
	"github.com/potok-go/potok/benchmarks/internal/resident"
)

// peakTask is the most memory that its worker has had.
var peakTask = potok.Define("lean/peak", func(context.Context, struct{}) (int64, error) {
	return resident.Peak(os.Getpid())
})

// weighIdle prints what a worker has that has run calls and waits.
func weighIdle() (err error) {
	const calls, toSettle = 1000, 100 * time.Millisecond
	pool, err := crew.Open(1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	ctx := context.Background()
	for x := range calls {
		if _, err := crew.Next.Submit(ctx, pool, x).Result(ctx); err != nil {
			return err
		}
	}
	worker, err := crew.PIDs(pool, 1)
	if err != nil {
		return err
	}
	time.Sleep(toSettle)
	all, private, err := resident.Now(worker[0])
	if err != nil {
		return err
	}
	_, err = fmt.Println(float64(all)/1e6, float64(private)/1e6)
	return err
}

// weighEcho prints the peaks of this process and of its worker, in payloads. Each is
// asked for by its own process: a worker that is gone has none.
func weighEcho(size, times int) (err error) {
	pool, err := crew.Open(1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	if _, err := echo.On(pool, echo.Payload(size), times); err != nil {
		return err
	}
	ctx := context.Background()
	far, err := peakTask.Submit(ctx, pool, struct{}{}).Result(ctx)
	if err != nil {
		return err
	}
	near, err := resident.Peak(os.Getpid())
	if err != nil {
		return err
	}
	_, err = fmt.Println(float64(near)/float64(size), float64(far)/float64(size))
	return err
}
