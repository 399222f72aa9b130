// Package crew makes process pools whose workers have all answered, so that what is
// measured next is not their start:
//
//	pool, err := crew.Open(2)
//
// Nothing of it is safe for concurrent use with one pool.
package crew

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// Next is a call that does nothing.
var Next = potok.Define("crew/next", func(_ context.Context, x int) (int, error) { return x + 1, nil })

// whoTask says which worker ran it. It takes a moment, so that the next call finds
// another worker, if there is one.
var whoTask = potok.Define("crew/who", func(context.Context, struct{}) (int, error) {
	time.Sleep(time.Millisecond)
	return os.Getpid(), nil
})

// Open makes a pool of n workers, whose output goes nowhere. It blocks until each
// has answered, and fails when one has not after ten seconds.
func Open(n int, opts ...process.Option) (*process.Pool, error) {
	pool, err := process.NewPool(n, append(opts, process.Output(nil))...)
	if err != nil {
		return nil, err
	}
	if _, err := PIDs(pool, n); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// PIDs says which the n workers of a pool are. It blocks until each has answered,
// and fails when one has not after ten seconds.
func PIDs(pool *process.Pool, n int) ([]int, error) {
	const patience = 10 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	seen := make(map[int]bool)
	var pids []int
	for len(pids) < n {
		for _, f := range whoTask.SubmitAll(ctx, pool, make([]struct{}, n)) {
			pid, err := f.Result(ctx)
			if err != nil {
				return nil, fmt.Errorf("%d of %d workers have answered: %w", len(pids), n, err)
			}
			if !seen[pid] {
				seen[pid] = true
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}
