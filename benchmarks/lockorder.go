package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/lock"
	"github.com/sasha-s/go-deadlock"
)

// orderGoals are about what it costs to watch the order in which locks are taken,
// and what it costs to have watched it. One goroutine takes locks that nobody else
// wants, in an order that is known: nothing is learned and nothing reported, which
// is what a program under such a check does nearly all of the time.
//
// go-deadlock as it comes also sets a timer for each lock. CheckOrder does not unless
// HangAfter is asked for, so it is judged beside go-deadlock without timers too. Both
// note where each lock was taken, to 32 calls ours and to 50 go-deadlock. That may
// take the longer the more calls there are: here they are few, and one row of each
// has 20 more.
func orderGoals() []goal {
	const ours, hang, peer, bare = "potok CheckOrder", "potok CheckOrder, HangAfter", "go-deadlock", "go-deadlock, no timeout"
	const plain, mutex, deeper = "potok Lock", "sync.Mutex", ", 20 calls deep"
	const turns = 500_000
	alone := func(name string, newLedger func() ledger) contender {
		return keeping(name, 1, endless, warmed(newLedger))
	}
	on := func(title string, newPlain, newDeadlock, newMutex func() ledger, more ...contender) workload {
		all := []contender{
			underCheckOrder(alone(ours, newPlain)),
			underCheckOrder(alone(hang, newPlain), lock.HangAfter(deadlockTimeout)),
			underDeadlock(alone(peer, newDeadlock), deadlockTimeout),
			underDeadlock(alone(bare, newDeadlock), 0),
			alone(mutex, newMutex),
		}
		return compare(title, turns, []unit{allocations}, append(all, more...),
			ratio(ours, peer, 0.2),
			ratio(ours, bare, 0.2),
			ratio(ours, mutex, 8),
			atMost(ours, allocations, 0),
		)
	}
	off := func(title string, newPlain, newMutex func() ledger) workload {
		return compare(title, 6*turns, []unit{allocations},
			[]contender{alone(plain, onceChecked(newPlain)), alone(mutex, newMutex)},
			ratio(plain, mutex, 1.1),
		)
	}
	return []goal{{
		name: "G15",
		text: "the order of locks, checked, and no longer checked",
		workloads: []workload{
			on("one lock, orders checked", newPlainLedger, newDeadlockLedger, newMutexLedger,
				underCheckOrder(alone(ours+deeper, deep(newPlainLedger))),
				underDeadlock(alone(peer+deeper, deep(newDeadlockLedger)), deadlockTimeout),
			),
			on("a nested pair of locks, orders checked", newPlainPair, newDeadlockPair, newMutexPair),
			off("one lock, orders no longer checked", newPlainLedger, newMutexLedger),
			off("a nested pair of locks, orders no longer checked", newPlainPair, newMutexPair),
		},
	}}
}

// warmed makes a ledger that has been added to, so that what is made once for a lock,
// and learned once, is there.
func warmed(newLedger func() ledger) func() ledger {
	return func() ledger {
		l := newLedger()
		_ = l.add(always, 1000) // it takes no ctx
		return l
	}
}

// onceChecked makes a ledger that was added to while orders were checked, and they
// no longer are.
func onceChecked(newLedger func() ledger) func() ledger {
	return func() ledger {
		stop := lock.CheckOrder(func(*lock.OrderError) {}) // other rows say that there is nothing to report
		defer stop()
		return warmed(newLedger)()
	}
}

// under is c while a check is on. begin begins it; end ends it, and says what it found.
func under(c contender, begin func() (end func() error)) contender {
	return contender{c.name, func(n int) trial {
		end := begin()
		t := c.prepare(n)
		return trial{
			run:    t.run,
			verify: func() error { return errors.Join(end(), t.verify()) },
		}
	}}
}

func underCheckOrder(c contender, opts ...lock.CheckOption) contender {
	return under(c, func() (end func() error) {
		var found atomic.Pointer[lock.OrderError]
		stop := lock.CheckOrder(func(e *lock.OrderError) { found.Store(e) }, opts...)
		return func() error {
			stop()
			if e := found.Load(); e != nil {
				return e
			}
			return nil
		}
	})
}

// deadlockTimeout is go-deadlock's own.
var deadlockTimeout = deadlock.Opts.DeadlockTimeout

// underDeadlock has go-deadlock as it comes, but for the timeout, which is 0 for none,
// and that it tells us what it finds and not stderr, and does not end the program.
// Its settings are global, and nobody else here uses it.
func underDeadlock(c contender, timeout time.Duration) contender {
	return under(c, func() (end func() error) {
		var said bytes.Buffer
		deadlock.Opts.DeadlockTimeout = timeout
		deadlock.Opts.LogBuf = &said
		deadlock.Opts.OnPotentialDeadlock = func() {}
		return func() error {
			if said.Len() > 0 {
				return fmt.Errorf("go-deadlock found something: %s", &said)
			}
			return nil
		}
	})
}

// deep makes a ledger that is added to from 20 calls further down the stack.
func deep(newLedger func() ledger) func() ledger {
	return func() ledger { return &deepLedger{newLedger()} }
}

type deepLedger struct{ ledger }

func (l *deepLedger) add(ctx context.Context, times int) error {
	return addDeep(ctx, l.ledger, times, 20)
}

//go:noinline
func addDeep(ctx context.Context, l ledger, times, calls int) error {
	if calls > 1 {
		return addDeep(ctx, l, times, calls-1)
	}
	return l.add(ctx, times)
}

type deadlockLedger struct {
	mu deadlock.Mutex // guards n
	total
}

func newDeadlockLedger() ledger { return new(deadlockLedger) }

func (l *deadlockLedger) add(_ context.Context, times int) error {
	for range times {
		l.mu.Lock()
		l.n++
		l.mu.Unlock()
	}
	return nil
}

// The pairs are ledgers with two locks, of which the inner one would do.

type plainPair struct {
	outer, inner lock.Mutex
	total
}

func newPlainPair() ledger { return new(plainPair) }

func (p *plainPair) add(_ context.Context, times int) error {
	for range times {
		p.outer.Lock()
		p.inner.Lock()
		p.n++
		p.inner.Unlock()
		p.outer.Unlock()
	}
	return nil
}

type mutexPair struct {
	outer, inner sync.Mutex
	total
}

func newMutexPair() ledger { return new(mutexPair) }

func (p *mutexPair) add(_ context.Context, times int) error {
	for range times {
		p.outer.Lock()
		p.inner.Lock()
		p.n++
		p.inner.Unlock()
		p.outer.Unlock()
	}
	return nil
}

type deadlockPair struct {
	outer, inner deadlock.Mutex
	total
}

func newDeadlockPair() ledger { return new(deadlockPair) }

func (p *deadlockPair) add(_ context.Context, times int) error {
	for range times {
		p.outer.Lock()
		p.inner.Lock()
		p.n++
		p.inner.Unlock()
		p.outer.Unlock()
	}
	return nil
}
