package main

import (
	"errors"
	"time"
)

// clusterGoals are about durable calls: through a server that keeps them until they
// are done, and their results. Peers are the queues that programs in Go use today,
// asynq on Redis and River on PostgreSQL, and JetStream itself: what a message costs
// that nobody reads.
//
// Each server is a process of its own, and set to lose a second at most when the
// power fails. Everybody's client and worker are in this process, each with its own
// connection over TCP; for River they share a pool of them, as its completions are
// only told in the worker's process, which favours it. What earlier rounds have left
// on a server is removed before the clock starts, and one call has been answered.
//
// The rivals have the settings that were best for them here; asynq.go and river.go
// say how they get at results.
func clusterGoals() []goal { return []goal{clusterMany(), clusterTrips(), engineGoal()} }

const (
	byCluster = "potok Task.Submit"
	byAsynq   = "asynq"
	byRiver   = "River"
	byStream  = "JetStream async publish"

	clusterRounds = 7 // each is many seconds
)

// A system does x+1 elsewhere.
type system struct {
	next func(x int) (int, error)   // one call, and its result
	many func(n int) ([]int, error) // of 0, 1, 2 and so on, all at once, in order
	end  func() error
}

func clusterMany() goal {
	const calls, packed, all, mapped = 20_000, 100_000, "potok Task.SubmitAll", "potok Task.Map"
	w := onFarm("calls of x+1, all there at once", []unit{callsPerSecond}, func(f *farm) []probe {
		ours := func(many func(*potokSystem) func(int) ([]int, error)) func() (system, error) {
			return func() (system, error) {
				p, err := openPotok(f.nats)
				if err != nil {
					return system{}, err
				}
				return system{many: many(p), end: p.close}, nil
			}
		}
		return []probe{
			rushing(byCluster, calls, ours(func(p *potokSystem) func(int) ([]int, error) { return p.submit })),
			rushing(all, calls, ours(func(p *potokSystem) func(int) ([]int, error) { return p.submitAll })),
			rushing(mapped, packed, ours(func(p *potokSystem) func(int) ([]int, error) { return p.mapAll })),
			rushing(byStream, packed, func() (system, error) { return openStream(f.nats) }),
			unless(f.redis == "", rushing(byAsynq, 4000, func() (system, error) { return openAsynq(f.redis) })),
			unless(f.postgres == "", rushing(byRiver, 20_000, func() (system, error) { return openRiver(f.postgres) })),
		}
	},
		moreCalls(byCluster, byStream, 0.2),
		moreCalls(mapped, byStream, 2.5),
		moreCalls(byCluster, byAsynq, 4),
		moreCalls(byCluster, byRiver, 2),
		moreCalls(mapped, byAsynq, 4),
		moreCalls(mapped, byRiver, 2),
	)
	w.maxRounds = clusterRounds
	return goal{name: "C1", text: "cluster: durable calls, one message each; Map", workloads: []workload{w}}
}

// rushing is the probe of n calls on a system that lives for it, all there before the
// first result is looked at.
func rushing(name string, n int, open func() (system, error)) probe {
	return probe{name, func(r round) (s sample, err error) {
		sys, err := open()
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, sys.end()) }()
		size := r.size(n)
		begin := time.Now()
		out, err := sys.many(size)
		took := time.Since(begin)
		if err != nil {
			return nil, err
		}
		if len(out) != size {
			return nil, errors.New("results are missing")
		}
		return sample{callsPerSecond: float64(size) / took.Seconds()}, counted(out, 1)
	}}
}

// unless skips a probe.
func unless(missing bool, p probe) probe {
	if missing {
		p.measure = func(round) (sample, error) { return nil, nil }
	}
	return p
}

func clusterTrips() goal {
	const times, here, request, sync = 2000, "potok, server in this process", "NATS request", "JetStream publish"
	w := onFarm("calls of x+1, one after the other: p50", []unit{nanoseconds}, func(f *farm) []probe {
		dial := func(open func() (system, error)) func() (connection, error) {
			return func() (connection, error) {
				s, err := open()
				return connection{trip: trips(s.next), hangUp: s.end}, err
			}
		}
		return []probe{
			tripping(byCluster, times, dial(func() (system, error) { return openPotokTrips(f.nats) })),
			tripping(here, times, dial(openPotokHere)),
			tripping(request, times, dial(func() (system, error) { return openRequests(f.nats) })),
			tripping(sync, times, dial(func() (system, error) { return openStream(f.nats) })),
			unless(f.redis == "", tripping(byAsynq, 200, dial(func() (system, error) { return openAsynq(f.redis) }))),
			unless(f.postgres == "", tripping(byRiver, 10, dial(func() (system, error) { return openRiver(f.postgres) }))),
		}
	}, atMost(byCluster, nanoseconds, 300_000))
	w.maxRounds = clusterRounds
	return goal{name: "C2", text: "cluster: one call at a time: p50", workloads: []workload{w}}
}
