package main

import (
	"context"
	"fmt"

	"github.com/potok-go/potok"
)

// allocGoals count what potok allocates for a call whose result is taken, and
// what it costs that all calls share a context that can end.
//
// All calls share one closure and the slice of futures is there before, so
// nothing is allocated but by potok. What is made once for a pool, and the room
// that a hundred thousand calls take up in its queue, is divided among the calls.
func allocGoals() []goal {
	const calls = 100_000
	return []goal{{
		name: "G5",
		text: "allocations of Submit and SubmitAll, besides the caller's closure; one cancellable ctx for all calls",
		workloads: []workload{compare("100,000 calls", calls, []unit{allocations, allocBytes},
			[]contender{
				{"potok Submit", takeUnderBackground},
				{"potok Submit, shared ctx", takeUnderShared},
				{"potok Task.SubmitAll", takeFromSubmitAll},
			},
			atMost("potok Submit", wholeAllocations, 1),
			atMost("potok Submit", wholeBytes, 96),
			atMost("potok Task.SubmitAll", allocations, 0.01),
			ratio("potok Submit, shared ctx", "potok Submit", 1.5),
		)},
	}}
}

func takeUnderBackground(n int) trial {
	return takeUnder(n, endless)
}

func takeUnderShared(n int) trial {
	return takeUnder(n, endable)
}

// takeUnder is the trial of n calls of one closure under one ctx.
func takeUnder(n int, newContext func() (context.Context, context.CancelFunc)) trial {
	one := func(context.Context) (int, error) { return 1, nil }
	futures := make([]*potok.Future[int], n)
	sum := 0
	return trial{
		run: func() error {
			ctx, cancel := newContext()
			defer cancel()
			pool := potok.NewPool(workers)
			for i := range futures {
				futures[i] = potok.Submit(ctx, pool, one)
			}
			for _, f := range futures {
				v, err := f.Result(ctx)
				if err != nil {
					return err
				}
				sum += v
			}
			return pool.Shutdown(always)
		},
		verify: func() error {
			if sum != n {
				return fmt.Errorf("the sum of %d results of 1 is %d", n, sum)
			}
			return nil
		},
	}
}
