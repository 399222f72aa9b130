package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/potok-go/potok"
)

// memoryGoals are about what lies on the heap while nothing happens: calls in a
// queue, workers without work. It is measured once, as it is the same each time.
func memoryGoals() []goal {
	const call, worker = "queued call with its Future", "idle worker"
	calls := gauge("1,000,000 queued calls", []unit{heapBytes}, []probe{
		{call, func(r round) (sample, error) { return weighCalls(r.size(1_000_000)) }},
	}, atMost(call, heapBytes, 100))
	calls.once = true
	idle := workload{
		title:      "1,000 idle workers",
		rows:       []string{worker, "goroutine on a channel"},
		units:      []unit{heapBytes, stackBytes},
		conditions: []condition{atMost(worker, heapBytes, 700)},
		once:       true,
		measure:    func(r round) ([]sample, error) { return weighWorkers(r.size(1000)) },
	}
	return []goal{{
		name: "G16",
		text: "memory of a queued call and of an idle worker; an idle pool uses no CPU",
		workloads: []workload{
			calls, idle, idling("an idle pool for 200 ms", "pool of 3 idle workers", idlePool),
		},
	}}
}

// weigh is the memory in use after a collection.
func weigh() sample {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first found dead late
	runtime.ReadMemStats(&m)
	return sample{heapBytes: float64(m.HeapAlloc), stackBytes: float64(m.StackInuse)}
}

// since is what came into use since start, for each of n.
func (s sample) since(start sample, n int) sample {
	grown := sample{}
	for u := range s {
		grown[u] = (s[u] - start[u]) / float64(n)
	}
	return grown
}

// weighCalls is the heap that each of n calls takes up which wait behind one that
// does not end. They share a closure, and nobody but the pool keeps them.
func weighCalls(n int) (sample, error) {
	pool := potok.NewPool(1)
	started, gate := make(chan struct{}), make(chan struct{})
	pool.Go(always, func(context.Context) error {
		close(started)
		<-gate
		return nil
	})
	<-started
	ran := 0 // by one worker, one call after the other
	call := func(context.Context) (int, error) {
		ran++
		return ran, nil
	}
	start := weigh()
	for range n {
		potok.Submit(always, pool, call)
	}
	weight := weigh().since(start, n)
	close(gate)
	if err := pool.Shutdown(always); err != nil {
		return nil, err
	}
	if ran != n {
		return nil, fmt.Errorf("%d of %d calls ran", ran, n)
	}
	return weight, nil
}

// weighWorkers is the heap and the stack that each of n workers takes up which
// have run a call and wait for the next, and beside it those of a goroutine that
// waits for a channel: the part that is the runtime's.
func weighWorkers(n int) ([]sample, error) {
	// The runtime gives the descriptors of goroutines that have ended to new ones,
	// as if those cost nothing. More of them than earlier workloads have left are
	// taken before the weighing begins.
	const left = 1000
	release := parkGoroutines(left)
	defer release()

	start := weigh()
	end := parkGoroutines(n)
	defer end()
	plain := weigh().since(start, n)

	start = weigh()
	pool := potok.NewPool(n)
	if err := wakeAll(pool, n); err != nil {
		return nil, err
	}
	worker := weigh().since(start, n)
	if s := pool.Stats(); s.Idle != n {
		return nil, fmt.Errorf("%d of %d workers are idle", s.Idle, n)
	}
	return []sample{worker, plain}, pool.Shutdown(always)
}

// parkGoroutines starts n goroutines that wait for a channel until end is called,
// which waits for them.
func parkGoroutines(n int) (end func()) {
	gate := make(chan struct{})
	var running, all sync.WaitGroup
	running.Add(n)
	for range n {
		all.Go(func() {
			running.Done()
			<-gate
		})
	}
	running.Wait()
	return func() {
		close(gate)
		all.Wait()
	}
}

// wakeAll has each of the pool's n workers run a call, and waits until all are
// idle again.
func wakeAll(pool *potok.Pool, n int) error {
	var together sync.WaitGroup
	together.Add(n)
	for range n {
		pool.Go(always, func(context.Context) error {
			together.Done()
			together.Wait()
			return nil
		})
	}
	return pool.Wait(always)
}

// idlePool is a pool whose workers have all run and wait for calls.
func idlePool() (leave func() error, err error) {
	pool := potok.NewPool(workers)
	if err := wakeAll(pool, workers); err != nil {
		return nil, err
	}
	return func() error {
		if s := pool.Stats(); s.Idle != workers {
			return fmt.Errorf("%d of %d workers are idle", s.Idle, workers)
		}
		return pool.Shutdown(always)
	}, nil
}
