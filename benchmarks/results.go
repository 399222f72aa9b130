package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/alitto/pond/v2"
	"github.com/potok-go/potok"
)

// resultGoals are about calls whose results are taken one by one, in the order
// of the calls, through a handle that each call returned.
//
// Everybody keeps a slice of handles, made within the time that is measured, and
// every closure is one of its own, as it holds its argument. So all pay for it
// but Task, whose argument stands beside the function: that is what a Task is
// for.
func resultGoals() []goal {
	const calls, title = 100_000, "100,000 calls"
	units := []unit{allocations, allocBytes}
	pondResult := contender{"pond ResultPool", takeFromPond}
	return []goal{
		{
			name: "G3",
			text: "100,000 small results through handles, in order, Submit of a closure",
			workloads: []workload{compare(title, calls, units,
				[]contender{
					{"potok Submit", takeFromSubmit},
					pondResult,
					{"channel + handle", takeFromChannel},
				},
				ratio("potok Submit", "pond ResultPool", 0.2),
				ratio("potok Submit", "channel + handle", 0.6),
			)},
		},
		{
			name: "G4",
			text: "100,000 small results through handles, in order, Task.Submit and Task.SubmitAll",
			workloads: []workload{compare(title, calls, units,
				[]contender{
					{"potok Task.Submit", takeFromTask},
					{"potok Task.SubmitAll", takeFromSubmitAll},
					pondResult,
				},
				ratio("potok Task.Submit", "pond ResultPool", 0.15),
				ratio("potok Task.SubmitAll", "pond ResultPool", 0.08),
			)},
		},
	}
}

// taking is the trial of n calls with the results 0, 1, 2 and so on, which run
// has to put into out in order.
func taking(n int, run func(out []int) error) trial {
	out := make([]int, n)
	return trial{
		run:    func() error { return run(out) },
		verify: func() error { return counted(out, 0) },
	}
}

// counted says whether values are first, first+1, first+2 and so on.
func counted(values []int, first int) error {
	for i, v := range values {
		if v != first+i {
			return fmt.Errorf("result %d is %d, not %d", i, v, first+i)
		}
	}
	return nil
}

// takeAll puts the futures' results into out, in order.
func takeAll(futures []*potok.Future[int], out []int) (err error) {
	for i, f := range futures {
		if out[i], err = f.Result(always); err != nil {
			return err
		}
	}
	return nil
}

func takeFromSubmit(n int) trial {
	return taking(n, func(out []int) error {
		pool := potok.NewPool(workers)
		futures := make([]*potok.Future[int], n)
		for i := range futures {
			futures[i] = potok.Submit(always, pool, func(context.Context) (int, error) { return i, nil })
		}
		if err := takeAll(futures, out); err != nil {
			return err
		}
		return pool.Shutdown(always)
	})
}

var sameTask = potok.Define("benchmarks/same", func(_ context.Context, i int) (int, error) { return i, nil })

func takeFromTask(n int) trial {
	return taking(n, func(out []int) error {
		pool := potok.NewPool(workers)
		futures := make([]*potok.Future[int], n)
		for i := range futures {
			futures[i] = sameTask.Submit(always, pool, i)
		}
		if err := takeAll(futures, out); err != nil {
			return err
		}
		return pool.Shutdown(always)
	})
}

func takeFromSubmitAll(n int) trial {
	arguments := make([]int, n)
	for i := range arguments {
		arguments[i] = i
	}
	return taking(n, func(out []int) error {
		pool := potok.NewPool(workers)
		if err := takeAll(sameTask.SubmitAll(always, pool, arguments), out); err != nil {
			return err
		}
		return pool.Shutdown(always)
	})
}

func takeFromPond(n int) trial {
	return taking(n, func(out []int) (err error) {
		pool := pond.NewResultPool[int](workers)
		handles := make([]pond.ResultTask[int], n)
		for i := range handles {
			handles[i] = pool.SubmitErr(func() (int, error) { return i, nil })
		}
		for i, h := range handles {
			if out[i], err = h.Wait(); err != nil {
				return err
			}
		}
		pool.StopAndWait()
		return nil
	})
}

// takeFromChannel is written by hand in the cheapest way that gives every call a
// handle: a channel with one place. It passes on no error, no panic and no
// cancelling.
func takeFromChannel(n int) trial {
	type call struct {
		fn     func() int
		result chan int
	}
	return taking(n, func(out []int) error {
		calls := make(chan call, handQueue)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for c := range calls {
					c.result <- c.fn()
				}
			})
		}
		handles := make([]chan int, n)
		for i := range handles {
			handles[i] = make(chan int, 1)
			calls <- call{func() int { return i }, handles[i]}
		}
		for i, h := range handles {
			out[i] = <-h
		}
		close(calls)
		wg.Wait()
		return nil
	})
}
