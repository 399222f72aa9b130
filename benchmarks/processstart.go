package main

import (
	"context"
	"strconv"
)

// processStart is about how soon a pool of one has its first result, and what its
// worker keeps. What the program's own init takes is in both the first row and the
// second. Python's start is from the making of a pool on, too, in an interpreter that
// runs already; to spawn is to start another.
func processStart() goal {
	const pools, bare, fork, spawn, idle = 20, "bare re-exec", "PPE, fork", "PPE, spawn", "idle worker"
	starts := onSite("from NewPool to the first result, 1 worker: p50", []unit{nanoseconds},
		func(ctx context.Context, s *site) []probe {
			units := []unit{nanoseconds}
			return []probe{
				s.byLean(ctx, byProcess, units, "pool", starting(pools)),
				s.byLean(ctx, bare, units, "bare", starting(pools)),
				s.byPython(ctx, fork, units, "start", starting(pools, "fork")),
				s.byPython(ctx, spawn, units, "start", starting(5, "spawn")),
			}
		},
		ratio(byProcess, bare, 2),
		ratio(byProcess, fork, 0.5),
		ratio(byProcess, spawn, 0.0667), // 1/15
	)
	weighs := onSite("a worker that has run 1,000 calls and is idle", []unit{residentMB, privateMB},
		func(ctx context.Context, s *site) []probe {
			return []probe{whereKnown(s.byLean(ctx, idle, []unit{residentMB, privateMB}, "idle", noArguments))}
		},
		atMost(idle, residentMB, 6),
	)
	return goal{
		name: "P5", text: "process: start to first result; an idle worker",
		workloads: []workload{starts, weighs},
	}
}

// starting are the arguments of n starts, which are few where nothing is judged.
func starting(n int, more ...string) func(round) []string {
	return func(r round) []string {
		times := n
		if r.short {
			times = 1
		}
		return append([]string{strconv.Itoa(times)}, more...)
	}
}
