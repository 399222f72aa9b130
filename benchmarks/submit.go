package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/alitto/pond/v2"
	pkgz "github.com/go-pkgz/pool"
	"github.com/potok-go/potok"
	"golang.org/x/sync/errgroup"
)

// submitGoals are about calls whose results nobody asks for: each adds 1 to a
// counter under a mutex, and the work is over when all have. So little work
// shows what the pool costs.
//
// The pools are new in each run and end in it. The closure is the same one for
// all calls, and the arguments of SubmitAll are there before, so that nobody
// pays for the caller's allocations. pond's queue has no limit, as ours; that of
// the channel has 1,024 places and its producer waits for room.
func submitGoals() []goal {
	const calls, title = 100_000, "100,000 calls"
	pondGo := contender{"pond Go", countByPond}
	return []goal{
		{
			name: "G1",
			text: "100,000 × lock; n++; unlock by SubmitAll, wait for all",
			workloads: []workload{compare(title, calls, nil,
				[]contender{
					{"potok Task.SubmitAll", countBySubmitAll},
					pondGo,
					{"channel pool", countByChannel},
				},
				ratio("potok Task.SubmitAll", "pond Go", 0.35),
				ratio("potok Task.SubmitAll", "channel pool", 1.2),
			)},
		},
		{
			name: "G2",
			text: "100,000 × lock; n++; unlock by Submit, a Future each",
			workloads: []workload{compare(title, calls, nil,
				[]contender{
					{"potok Submit", countBySubmit},
					{"potok Pool.Go", countByGo},
					pondGo,
					{"go-pkgz, batch 10", countByPkgz(0)},
					{"go-pkgz, channel of 1,024", countByPkgz(handQueue)},
					{"errgroup, limit 3", countByErrgroup},
				},
				ratio("potok Submit", "pond Go", 0.45),
				ratio("potok Submit", "go-pkgz, batch 10", 1.1),
				ratio("potok Pool.Go", "pond Go", 0.45),
				ratio("potok Pool.Go", "go-pkgz, batch 10", 1.1),
			)},
		},
	}
}

// A counter counts the calls that ran.
type counter struct {
	mu sync.Mutex // guards n
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
}

// trial counts n calls of add, made by run.
func (c *counter) trial(n int, run func() error) trial {
	return trial{run: run, verify: func() error {
		if c.n != n {
			return fmt.Errorf("%d of %d calls ran", c.n, n)
		}
		return nil
	}}
}

var addTask = potok.Define("benchmarks/add", func(_ context.Context, c *counter) (struct{}, error) {
	c.add()
	return struct{}{}, nil
})

func countBySubmitAll(n int) trial {
	c := new(counter)
	arguments := slices.Repeat([]*counter{c}, n)
	return c.trial(n, func() error {
		pool := potok.NewPool(workers)
		addTask.SubmitAll(always, pool, arguments)
		return pool.Shutdown(always)
	})
}

func countBySubmit(n int) trial {
	c := new(counter)
	add := func(context.Context) (struct{}, error) { //nolint:unparam // the shape of Submit's functions
		c.add()
		return struct{}{}, nil
	}
	return c.trial(n, func() error {
		pool := potok.NewPool(workers)
		for range n {
			potok.Submit(always, pool, add)
		}
		return pool.Shutdown(always)
	})
}

func countByGo(n int) trial {
	c := new(counter)
	add := func(context.Context) error { //nolint:unparam // the shape of Go's functions
		c.add()
		return nil
	}
	return c.trial(n, func() error {
		pool := potok.NewPool(workers)
		for range n {
			pool.Go(always, add)
		}
		return pool.Shutdown(always)
	})
}

func countByPond(n int) trial {
	c := new(counter)
	add := c.add
	return c.trial(n, func() error {
		pool := pond.NewPool(workers)
		for range n {
			if err := pool.Go(add); err != nil {
				return err
			}
		}
		pool.StopAndWait()
		return nil
	})
}

// countByChannel is what one writes without a library.
func countByChannel(n int) trial {
	c := new(counter)
	add := c.add
	return c.trial(n, func() error {
		calls := make(chan func(), handQueue)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for call := range calls {
					call()
				}
			})
		}
		for range n {
			calls <- add
		}
		close(calls)
		wg.Wait()
		return nil
	})
}

// handQueue is the capacity of the channels written by hand: so many places that
// the producer seldom parks.
const handQueue = 1024

// countByPkgz has the batches of ten that the library makes unless told
// otherwise, and so has the channel in between as many places as there are
// workers. A longer one helps it: room is its capacity, 0 the library's own. Its
// workers get values, not closures.
func countByPkgz(room int) func(n int) trial {
	add := pkgz.WorkerFunc[*counter](func(_ context.Context, c *counter) error {
		c.add()
		return nil
	})
	return func(n int) trial {
		c := new(counter)
		return c.trial(n, func() error {
			pool := pkgz.New(workers, add).WithBatchSize(10)
			if room > 0 {
				pool = pool.WithWorkerChanSize(room)
			}
			if err := pool.Go(always); err != nil {
				return err
			}
			for range n {
				pool.Submit(c)
			}
			return pool.Close(always)
		})
	}
}

// countByErrgroup has no queue and no workers: a goroutine a call, and the
// caller waits for a free place. It is here to be seen, nobody is judged by it.
func countByErrgroup(n int) trial {
	c := new(counter)
	add := func() error { //nolint:unparam // the shape of Group.Go's functions
		c.add()
		return nil
	}
	return c.trial(n, func() error {
		var group errgroup.Group
		group.SetLimit(workers)
		for range n {
			group.Go(add)
		}
		return group.Wait()
	})
}
