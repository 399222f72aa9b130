package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/potok-go/potok/lock"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// lockGoals are about a lock whose waiters can give up. Each operation locks, adds 1
// to a number and unlocks, which is as little as a lock is ever taken for, so that
// what is measured is the lock. The yardstick is sync.Mutex, which cannot be given
// up; the peers are what one takes where it has to be: a channel with room for one
// and a select that looks at the ctx too, and a semaphore with one token.
func lockGoals() []goal {
	const ours, background, plain = "potok LockContext", "potok LockContext, Background", "potok Lock"
	const mutex, channel, token = "sync.Mutex", "channel lock", "x/sync semaphore"
	counting := func(goroutines int) []contender {
		return []contender{
			keeping(ours, goroutines, endable, newContextLedger),
			keeping(background, goroutines, endless, newContextLedger),
			keeping(plain, goroutines, endless, newPlainLedger),
			keeping(mutex, goroutines, endless, newMutexLedger),
			keeping(channel, goroutines, endable, newChannelLedger),
			keeping(token, goroutines, endable, newTokenLedger),
		}
	}
	const alone, eight = 3_000_000, 1_000_000
	return []goal{{
		name: "G14",
		text: "lock; n++; unlock under a ctx that can end; a wait beside two who hardly let go",
		workloads: []workload{
			compare("3,000,000 × lock; n++; unlock by one goroutine", alone, []unit{allocations}, counting(1),
				ratio(ours, mutex, 1.1),
				ratio(background, mutex, 1.1),
				atMost(ours, allocations, 0),
				atMost(background, allocations, 0),
			),
			compare("1,000,000 × lock; n++; unlock by 8 goroutines", eight, []unit{allocations}, counting(8),
				ratio(ours, mutex, 1),
				ratio(ours, channel, 0.2),
			),
			gauge("200 × lock beside two that hold it 100 µs again and again", []unit{longestWait},
				[]probe{
					besideHogs(ours, newContextGate),
					besideHogs(mutex, newMutexGate),
					besideHogs(channel, newChannelGate),
				},
				atMost(ours, longestWait, 20),
			),
		},
	}}
}

// endable makes a context that can end, and ends it.
func endable() (context.Context, context.CancelFunc) { return context.WithCancel(always) }

// endless is the context that cannot end.
func endless() (context.Context, context.CancelFunc) { return always, func() {} }

// A ledger is a number with a lock around it.
type ledger interface {
	// add locks, adds 1 and unlocks, times over. Each ledger has the loop for itself:
	// a call through an interface would take long, beside what is measured.
	add(ctx context.Context, times int) error
	counted() int
}

// keeping is the contender whose goroutines share n additions to a new ledger. n is
// a multiple of goroutines.
func keeping(name string, goroutines int, newContext func() (context.Context, context.CancelFunc), newLedger func() ledger) contender {
	return contender{name, func(n int) trial {
		l := newLedger()
		before := l.counted()
		return trial{
			run: func() error {
				ctx, cancel := newContext()
				defer cancel()
				var group errgroup.Group
				for range goroutines {
					group.Go(func() error { return l.add(ctx, n/goroutines) })
				}
				return group.Wait()
			},
			verify: func() error {
				if c := l.counted() - before; c != n {
					return fmt.Errorf("%d of %d were counted", c, n)
				}
				return nil
			},
		}
	}}
}

// total is the number in a ledger, beside its lock as the two would lie in any
// struct. The rest makes the struct 128 bytes long, whichever the lock, so that it
// begins at a cache line and nothing else lies on its lines.
type total struct {
	n int
	_ [104]byte
}

func (t *total) counted() int { return t.n }

type contextLedger struct {
	mu lock.Mutex // guards n
	total
}

func newContextLedger() ledger { return new(contextLedger) }

func (l *contextLedger) add(ctx context.Context, times int) error {
	for range times {
		if err := l.mu.LockContext(ctx); err != nil {
			return err
		}
		l.n++
		l.mu.Unlock()
	}
	return nil
}

type plainLedger struct {
	mu lock.Mutex // guards n
	total
}

func newPlainLedger() ledger { return new(plainLedger) }

func (l *plainLedger) add(_ context.Context, times int) error {
	for range times {
		l.mu.Lock()
		l.n++
		l.mu.Unlock()
	}
	return nil
}

type mutexLedger struct {
	mu sync.Mutex // guards n
	total
}

func newMutexLedger() ledger { return new(mutexLedger) }

func (l *mutexLedger) add(_ context.Context, times int) error {
	for range times {
		l.mu.Lock()
		l.n++
		l.mu.Unlock()
	}
	return nil
}

// channelLedger is locked while its channel is full. The select stands in the loop,
// where a method LockContext would have to be called: that favours it.
type channelLedger struct {
	held chan struct{} // guards n
	total
}

func newChannelLedger() ledger { return &channelLedger{held: make(chan struct{}, 1)} }

func (l *channelLedger) add(ctx context.Context, times int) error {
	for range times {
		select {
		case l.held <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		l.n++
		<-l.held
	}
	return nil
}

type tokenLedger struct {
	token *semaphore.Weighted // guards n
	total
}

func newTokenLedger() ledger { return &tokenLedger{token: semaphore.NewWeighted(1)} }

func (l *tokenLedger) add(ctx context.Context, times int) error {
	for range times {
		if err := l.token.Acquire(ctx, 1); err != nil {
			return err
		}
		l.n++
		l.token.Release(1)
	}
	return nil
}
