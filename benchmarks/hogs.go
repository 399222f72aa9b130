package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/lock"
	"golang.org/x/sync/errgroup"
)

// A gate is a lock of any kind. To call it through func values costs nothing that
// can be seen beside how long hogs hold it.
type gate struct {
	lock   func(ctx context.Context) error
	unlock func()
}

func newContextGate() gate {
	m := new(lock.Mutex)
	return gate{m.LockContext, m.Unlock}
}

func newMutexGate() gate {
	m := new(sync.Mutex)
	return gate{func(context.Context) error { m.Lock(); return nil }, m.Unlock}
}

func newChannelGate() gate {
	held := make(chan struct{}, 1)
	return gate{
		lock: func(ctx context.Context) error {
			select {
			case held <- struct{}{}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		unlock: func() { <-held },
	}
}

// besideHogs is the probe who takes a lock now and then, beside two hogs: each holds
// it for 100 µs of computing, and wants it back at once. To unlock and lock again
// takes less time than to wake a waiter, so they would keep the lock among
// themselves, if it did not see to it that others get their turn. The figure is the
// longest wait for a turn.
func besideHogs(name string, newGate func() gate) probe {
	const hogs, held, turns = 2, 100 * time.Microsecond, 200
	return probe{name, func(r round) (sample, error) {
		ctx, cancel := endable()
		defer cancel()
		c := crowd{gate: newGate(), loops: loopsOf(held)}
		var group errgroup.Group
		had := make([]int, hogs) // how many turns each of them
		c.begun.Add(hogs)
		for i := range had {
			group.Go(func() (err error) {
				had[i], err = c.hog(ctx)
				return err
			})
		}
		c.begun.Wait()
		longest, err := c.visit(ctx, r.size(turns))
		c.enough.Store(true)
		if err := errors.Join(err, group.Wait()); err != nil {
			return nil, err
		}
		return sample{longestWait: float64(longest) / float64(time.Millisecond)}, c.check(r.size(turns), had)
	}}
}

// A crowd is all who want one lock.
type crowd struct {
	gate  // guards turns
	turns int

	loops  int            // how long a hog holds the lock
	begun  sync.WaitGroup // for each hog's first turn
	enough atomic.Bool    // hogs go home
}

// take takes one turn, computes for so many loops in it, and says how long it waited.
func (c *crowd) take(ctx context.Context, loops int) (waited time.Duration, err error) {
	begin := time.Now()
	if err := c.lock(ctx); err != nil {
		return 0, err
	}
	waited = time.Since(begin)
	c.turns++
	spin(loops)
	c.unlock()
	return waited, nil
}

// hog takes one turn after the other until it is enough.
func (c *crowd) hog(ctx context.Context) (had int, err error) {
	for err == nil && !c.enough.Load() {
		if _, err = c.take(ctx, c.loops); had == 0 {
			c.begun.Done()
		}
		had++
	}
	return had, err
}

// visit takes so many turns, each as short as can be and after a moment elsewhere,
// and says how long the longest wait was.
func (c *crowd) visit(ctx context.Context, turns int) (longest time.Duration, err error) {
	const elsewhere = 100 * time.Microsecond
	for range turns {
		time.Sleep(elsewhere)
		waited, err := c.take(ctx, 0)
		if err != nil {
			return 0, err
		}
		longest = max(longest, waited)
	}
	return longest, nil
}

// check says whether as many turns were counted as were taken.
func (c *crowd) check(visits int, had []int) error {
	taken := visits
	for _, turns := range had {
		taken += turns
	}
	if c.turns != taken {
		return fmt.Errorf("%d of %d turns were counted", c.turns, taken)
	}
	return nil
}
