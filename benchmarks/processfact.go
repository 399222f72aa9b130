package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"runtime"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// allocatingFact is the factorial of the notebook, in its loop: Python makes a new
// number in each step, so this does.
func allocatingFact(_ context.Context, n int) (*big.Int, error) {
	r := big.NewInt(1)
	for i := 2; i <= n; i++ {
		r = new(big.Int).Mul(r, big.NewInt(int64(i)))
	}
	return r, nil
}

var factTask = potok.Define("benchmarks/fact", allocatingFact)

// processFact is about work that keeps the collector busy: a process has one of its
// own, on a heap of its own, with GOMAXPROCS 1 as there are two of them.
func processFact() goal {
	const calls, pooled, serial = 12, "potok.Pool, 2 workers", "one after the other, GOMAXPROCS=1"
	w := onSite("12 × fact(20000), 2 workers", []unit{nanoseconds}, func(context.Context, *site) []probe {
		return []probe{
			{byProcess, func(r round) (sample, error) {
				return onPool(processes, func(pool *process.Pool) (sample, error) { return factsOn(r, pool, calls) })
			}},
			{pooled, func(r round) (s sample, err error) {
				pool := potok.NewPool(processes)
				defer func() { err = errors.Join(err, pool.Shutdown(always)) }()
				return factsOn(r, pool, calls)
			}},
			{serial, func(r round) (sample, error) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
				return facts(r, calls, func(n int, out []*big.Int) (err error) {
					for i := range out {
						if out[i], err = allocatingFact(always, n); err != nil {
							return err
						}
					}
					return nil
				})
			}},
		}
	},
		ratio(byProcess, serial, 0.714), // 1/1.4
		ratio(byProcess, pooled, 0.667), // 1/1.5
	)
	return goal{name: "P6", text: "process: the notebook's allocating fact(20000), 2 workers", workloads: []workload{w}}
}

// factsOn computes factorials on an executor. Their digits come back with them.
func factsOn(r round, ex potok.Executor, calls int) (sample, error) {
	return facts(r, calls, func(n int, out []*big.Int) (err error) {
		futures := make([]*potok.Future[*big.Int], len(out))
		for i := range futures {
			futures[i] = factTask.Submit(always, ex, n)
		}
		for i, f := range futures {
			if out[i], err = f.Result(always); err != nil {
				return err
			}
		}
		return nil
	})
}

// facts has compute put the factorial of n into each place of out.
func facts(r round, calls int, compute func(n int, out []*big.Int) error) (sample, error) {
	n := 20_000
	if r.short {
		n = 2000
	}
	want, out := new(big.Int).MulRange(1, int64(n)), make([]*big.Int, calls)
	t := trial{
		run: func() error { return compute(n, out) },
		verify: func() error {
			for i, got := range out {
				if got.Cmp(want) != 0 {
					return fmt.Errorf("factorial %d of %d is not that of %d", i, calls, n)
				}
			}
			return nil
		},
	}
	return timed(t, calls)
}
