package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/potok-go/potok/queue"
)

// queueGoals move numbers from producers to as many consumers, under a ctx that
// could end and does not. The peer is what one writes without a library: a
// channel of the same capacity, and a select at both ends that looks at the ctx
// too. A receive without the select would be faster, and could not be cancelled.
func queueGoals() []goal {
	const ours, peer = "potok queue", "channel, select on ctx"
	against := func(capacity, items int, limit float64) []workload {
		var all []workload
		for _, pairs := range []int{1, 3, 8} {
			all = append(all, compare(
				fmt.Sprintf("queue of %d, producers/consumers %d/%d", capacity, pairs, pairs), items, nil,
				[]contender{
					transferring(ours, pairs, func(ctx context.Context) pipe { return newQueuePipe(ctx, capacity) }),
					transferring(peer, pairs, func(ctx context.Context) pipe { return newChannelPipe(ctx, capacity) }),
				},
				ratio(ours, peer, limit),
			))
		}
		return all
	}
	return []goal{
		{
			name: "G12",
			text: "queue of 1,024 items, under a ctx that can end",
			workloads: append(against(1024, 240_000, 0.4),
				idling("64 parked getters for 200 ms", "64 parked getters", parkGetters)),
		},
		{
			name:      "G13",
			text:      "queue of 2 items, under a ctx that can end",
			workloads: against(2, 120_000, 0.8),
		},
	}
}

// A pipe is the two ends of a queue.
type pipe struct {
	put func(int) error
	get func() (int, error)
}

func newQueuePipe(ctx context.Context, capacity int) pipe {
	q := queue.New[int](capacity)
	return pipe{
		put: func(v int) error { return q.Put(ctx, v) },
		get: func() (int, error) { return q.Get(ctx) },
	}
}

func newChannelPipe(ctx context.Context, capacity int) pipe {
	ch := make(chan int, capacity)
	return pipe{
		put: func(v int) error {
			select {
			case ch <- v:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		get: func() (int, error) {
			select {
			case v := <-ch:
				return v, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		},
	}
}

// transferring is the contender who moves the numbers from 0 to n-1 through a
// pipe with pairs goroutines at each end. n is a multiple of pairs.
func transferring(name string, pairs int, newPipe func(context.Context) pipe) contender {
	return contender{name, func(n int) trial {
		sums := make([]int, pairs) // of what each consumer got
		return trial{
			run: func() error {
				ctx, cancel := context.WithCancel(always)
				defer cancel()
				return transfer(newPipe(ctx), n/pairs, sums)
			},
			verify: func() error {
				got := 0
				for _, sum := range sums {
					got += sum
				}
				if want := n * (n - 1) / 2; got != want {
					return fmt.Errorf("the sum of what came through is %d, not %d", got, want)
				}
				return nil
			},
		}
	}}
}

// transfer has each of len(sums) producers put share numbers, and as many
// consumers get share numbers each, and waits for all of them.
func transfer(p pipe, share int, sums []int) error {
	pairs := len(sums)
	errs := make([]error, 2*pairs)
	var wg sync.WaitGroup
	for i := range pairs {
		wg.Go(func() {
			for v := i * share; v < (i+1)*share && errs[i] == nil; v++ {
				errs[i] = p.put(v)
			}
		})
		wg.Go(func() {
			sum := 0 // not in sums: consumers would write to one cache line
			for range share {
				v, err := p.get()
				if err != nil {
					errs[pairs+i] = err
					return
				}
				sum += v
			}
			sums[i] = sum
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// parkGetters has 64 goroutines wait for an item that never comes.
func parkGetters() (leave func() error, err error) {
	q := queue.New[int](1)
	ctx, cancel := context.WithCancel(always)
	errs := make([]error, 64)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = q.Get(ctx) })
	}
	return func() error {
		cancel()
		wg.Wait()
		for _, err := range errs {
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("a parked getter returned %w", err)
			}
		}
		return nil
	}, nil
}
