package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/crew"
	"github.com/potok-go/potok/process"
)

// workers is how many workers there are, where it is not one.
const workers = 2

var spun atomic.Int64

// endlessTask does not end, nor look at its context.
var endlessTask = potok.Define("lean/endless", func(context.Context, struct{}) (struct{}, error) {
	for {
		spun.Add(1)
	}
})

// lethalTask ends its worker, with a code of its own.
var lethalTask = potok.Define("lean/lethal", func(context.Context, struct{}) (struct{}, error) {
	os.Exit(lethalCode)
	return struct{}{}, nil
})

const lethalCode = 7

// passDeadline has a call pass its deadline. It prints how many milliseconds after
// that and the grace it failed, and how many after that the next was answered.
func passDeadline() (err error) {
	const grace, runs = 10 * time.Millisecond, 20 * time.Millisecond
	pool, err := crew.Open(1, process.Grace(grace))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	all := context.Background()
	ctx, cancel := context.WithTimeout(all, runs)
	defer cancel()
	_, died := endlessTask.Submit(ctx, pool, struct{}{}).Result(all)
	failed := time.Now()
	two, err := crew.Next.Submit(all, pool, 1).Result(all)
	answered := time.Now()

	if err != nil {
		return err
	}
	if _, ok := errors.AsType[*process.WorkerDied](died); !ok || !errors.Is(died, context.DeadlineExceeded) || two != 2 {
		return fmt.Errorf("after 1 comes %d, and the endless call said: %w", two, died)
	}
	deadline, _ := ctx.Deadline()
	_, err = fmt.Println(milliseconds(failed.Sub(deadline.Add(grace))), milliseconds(answered.Sub(failed)))
	return err
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// die has n calls each end the worker that runs it. It prints how many seconds that
// took.
func die(n int) (err error) {
	pool, err := crew.Open(workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	ctx := context.Background()
	begin := time.Now()
	errs := make([]error, n)
	for i, f := range lethalTask.SubmitAll(ctx, pool, make([]struct{}, n)) {
		_, errs[i] = f.Result(ctx)
	}
	took := time.Since(begin)
	for i, err := range errs {
		if death, ok := errors.AsType[*process.WorkerDied](err); !ok || death.ExitCode != lethalCode {
			return fmt.Errorf("call %d of %d did not end its worker: %w", i, n, err)
		}
	}
	_, err = fmt.Println(took.Seconds())
	return err
}

// beParent has one worker compute and one idle, prints which they are, and waits for
// its end.
func beParent() (err error) {
	const toSettle = 50 * time.Millisecond // for the call to begin
	pool, err := crew.Open(workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pids, err := crew.PIDs(pool, workers)
	if err != nil {
		return err
	}
	ctx := context.Background()
	call := endlessTask.Submit(ctx, pool, struct{}{})
	time.Sleep(toSettle)
	if _, err := fmt.Println(pids[0], pids[1]); err != nil {
		return err
	}
	_, err = call.Result(ctx)
	return err
}
