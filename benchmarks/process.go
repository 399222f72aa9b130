package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/crew"
	"github.com/potok-go/potok/process"
)

// processGoals are about calls in processes of their own, beside Python's pools of
// processes, a plugin of hashicorp/go-plugin over gRPC, and two processes with
// nothing but pipes in between: what no pool can beat.
//
// Pools and plugins are new in each round, and have answered before the clock
// starts, unless the goal is about their start. Our workers are this binary again,
// as are the plugin and the end of the pipes; where it matters how large a program
// is, or how long it takes to start, the program is lean. What Python does it times
// itself.
func processGoals() []goal {
	return []goal{
		processTrips(), processMany(), processMap(), processEcho(),
		processStart(), processFact(), processNumber(), processEnds(),
	}
}

const (
	byProcess = "potok process.Pool"
	byPlugin  = "go-plugin, gRPC"
	byPipe    = "pipe"

	processes     = 2 // of a pool, unless the goal is about one call at a time
	processRounds = 5 // where each round is many seconds
)

// processTrips is about one call at a time. What is compared is the median of
// single round trips.
func processTrips() goal {
	const trips = 5000
	w := onSite("round trips one after the other, 1 worker: p50", []unit{nanoseconds},
		func(ctx context.Context, s *site) []probe {
			return []probe{
				tripping(byProcess, trips, dialProcess),
				tripping(byPipe, trips, func() (connection, error) { return dialPipe(s.shop) }),
				tripping(byPlugin, trips, dialPlugin),
				s.byPython(ctx, byPPE, []unit{nanoseconds}, "trip", operations(1000)),
			}
		},
		ratio(byProcess, byPipe, 2.5),
		ratio(byProcess, byPPE, 0.1),
		ratio(byProcess, byPlugin, 0.25),
	)
	return goal{name: "P1", text: "process: round trip of x+1", workloads: []workload{w}}
}

// tripping is the probe of n round trips over a connection that lives for a round.
func tripping(name string, n int, dial func() (connection, error)) probe {
	return probe{name, func(r round) (s sample, err error) {
		c, err := dial()
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, c.hangUp()) }()
		times := make([]float64, r.size(n))
		for i := range times {
			if times[i], err = clock(c.trip); err != nil {
				return nil, err
			}
		}
		return sample{nanoseconds: median(times)}, nil
	}}
}

func dialProcess() (connection, error) {
	pool, err := crew.Open(1)
	if err != nil {
		return connection{}, err
	}
	return connection{trip: trips(func(x int) (int, error) {
		return crew.Next.Submit(always, pool, x).Result(always)
	}), hangUp: pool.Close}, nil
}

// trips asks for the numbers after 0, 1, 2 and so on, one each time, and checks them.
func trips(next func(x int) (int, error)) func() error {
	x := 0
	return func() error {
		got, err := next(x)
		if err != nil {
			return err
		}
		if x++; got != x {
			return fmt.Errorf("after %d comes %d", x-1, got)
		}
		return nil
	}
}

// processMany is about calls that are all there at once. The plugin has 64 in
// flight, and computes on as many processors as there are; the pipe has one process
// at its other end, and no more than one frame of 12 bytes a call.
func processMany() goal {
	const calls, all = 10_000, "potok process.Pool, SubmitAll"
	w := onSite("10,000 calls submitted at once, 2 workers", []unit{nanoseconds, callsPerSecond},
		func(ctx context.Context, s *site) []probe {
			python := func(name, kind string) probe {
				p := s.byPython(ctx, name, []unit{nanoseconds}, "many", operations(calls, kind))
				return probe{name, func(r round) (sample, error) { return withRate(p.measure(r)) }}
			}
			return []probe{
				flooding(byProcess, calls, manyBySubmit),
				flooding(all, calls, manyBySubmitAll),
				{byPipe, func(r round) (sample, error) { return withRate(manyByPipe(s.shop, r.size(calls))) }},
				{byPlugin, func(r round) (sample, error) { return withRate(manyByPlugin(r.size(calls))) }},
				python(byPPE, "executor"),
				python(byPool, "pool"),
			}
		},
		ratio(byProcess, byPPE, 0.025),
		ratio(byProcess, byPool, 0.0667),   // 1/15
		ratio(byProcess, byPlugin, 0.0667), // 1/15
		moreCalls(byProcess, byPipe, 0.12),
	)
	return goal{name: "P2", text: "process: 10,000 calls submitted at once, 2 workers", workloads: []workload{w}}
}

// flooding is the probe of n calls on a pool, all there before the first result
// is looked at.
func flooding(name string, n int, submit func(*process.Pool, []int) []*potok.Future[int]) probe {
	return probe{name, func(r round) (sample, error) {
		return withRate(onPool(processes, func(pool *process.Pool) (sample, error) {
			in, out := upTo(r.size(n)), make([]int, r.size(n))
			return again(len(in), func() (func() error, error) {
				err := takeAll(submit(pool, in), out)
				return func() error { return counted(out, 1) }, err
			})
		}))
	}}
}

func manyBySubmit(pool *process.Pool, in []int) []*potok.Future[int] {
	futures := make([]*potok.Future[int], len(in))
	for i, x := range in {
		futures[i] = crew.Next.Submit(always, pool, x)
	}
	return futures
}

func manyBySubmitAll(pool *process.Pool, in []int) []*potok.Future[int] {
	return crew.Next.SubmitAll(always, pool, in)
}

// processMap is about map of each. Our chunk is what Map makes of it, Pool's the
// best of eight, which is not timed.
func processMap() goal {
	const items, ourMap, poolMap, ppeMap = 100_000, "potok Task.Map", "Pool.map, best chunk", "PPE.map(chunksize=64)"
	w := onSite("map of 100,000 ints, 2 workers", []unit{nanoseconds, chunkSize},
		func(ctx context.Context, s *site) []probe {
			units := []unit{nanoseconds, chunkSize}
			return []probe{
				{ourMap, func(r round) (sample, error) { return onPool(processes, mapOnPool(r.size(items))) }},
				s.byPython(ctx, poolMap, units, "map", operations(items, "pool")),
				s.byPython(ctx, ppeMap, units, "map", operations(items, "executor")),
			}
		},
		ratio(ourMap, poolMap, 0.833), // 1/1.2
		ratio(ourMap, ppeMap, 0.1),
	)
	return goal{name: "P3", text: "process: Map of 100,000 ints, chunk chosen by itself", workloads: []workload{w}}
}

func mapOnPool(n int) func(*process.Pool) (sample, error) {
	in := upTo(n)
	return func(pool *process.Pool) (sample, error) {
		return again(n, func() (func() error, error) {
			out := make([]int, 0, n)
			for v, err := range crew.Next.Map(always, pool, slices.Values(in)) {
				if err != nil {
					return nil, err
				}
				out = append(out, v)
			}
			return func() error {
				if len(out) != n {
					return fmt.Errorf("%d results of %d items", len(out), n)
				}
				return counted(out, 1)
			}, nil
		})
	}
}

// again does a work of n operations a few times, as Python does. The figure is that
// of an operation, the median. verify is not timed.
func again(n int, work func() (verify func() error, err error)) (sample, error) {
	const times = 3
	var took [times]float64
	for i := range took {
		begin := time.Now()
		verify, err := work()
		took[i] = float64(time.Since(begin)) / float64(n)
		if err != nil {
			return nil, err
		}
		if err := verify(); err != nil {
			return nil, err
		}
	}
	return sample{nanoseconds: median(took[:])}, nil
}

// withRate adds how many calls a second there were.
func withRate(s sample, err error) (sample, error) {
	if took, ok := s[nanoseconds]; ok {
		s[callsPerSecond] = 1e9 / took
	}
	return s, err
}

// upTo is 0, 1, 2 and so on, n of them.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// onPool measures something on a pool of n workers that lives for it.
func onPool(n int, measure func(*process.Pool) (sample, error)) (s sample, err error) {
	pool, err := crew.Open(n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return measure(pool)
}
