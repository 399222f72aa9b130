package potok

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/potok-go/potok/internal/registry"
)

// call is one run of a function without its types: what stands in a pool's
// queue, what a Future is a view of, and the context that the function gets
// (context.go). It is the first part of every Future, so that a call costs one
// allocation; whatever few calls need is in more, made on demand.
type call struct {
	state atomic.Uint32 // a phase, with flags; see state.go
	place place

	scope   *scope // where and under which context it was submitted; never nil
	waiters atomic.Pointer[waiter]
	more    atomic.Pointer[extension]
	failure *error // nil: none; written while settling, read once settled
}

// job is a call with its types: the function to run and where its result goes.
type job interface {
	base() *call
	// invoke runs the function and keeps its value. Panics pass through.
	invoke(ctx context.Context) error
	// reset forgets the value of an attempt that another one follows.
	reset()
	// release drops what only running needed, the function and its argument. It
	// is called once, by whoever knows that the call will not run any more.
	release()
	// options are the task's; nil where there is none.
	options() *taskOptions
	// name is the task's; "" for a closure.
	name() string
	// patient calls wait for room where others are refused.
	patient() bool
}

// fail writes the error that the call settles with; nil: none.
func (c *call) fail(err error) {
	switch e := err.(type) { //nolint:errorlint // as it was made for this, not wrapped
	case nil:
	case *cancelledError:
		c.failure = &e.self
	default:
		c.failure = &err
	}
}

// err reads it.
func (c *call) err() error {
	if c.failure == nil {
		return nil
	}
	return *c.failure
}

func (c *call) phase() phase  { return c.state.Load() & phaseMask }
func (c *call) settled() bool { return c.phase() >= phaseSucceeded }

// move changes the phase, if it is from. The flags stay.
func (c *call) move(from, to phase) bool {
	for {
		s := c.state.Load()
		if s&phaseMask != from {
			return false
		}
		if c.state.CompareAndSwap(s, s&^phaseMask|to) {
			return true
		}
	}
}

// pool returns where the call runs; nil: elsewhere, or nowhere.
func (c *call) pool() *Pool { return c.scope.pool }

// cancel is Cancel. why is the error of a call that does not run, whose cause
// a running call's context gets.
func (c *call) cancel(why *cancelledError) bool {
	for {
		p := c.phase()
		switch p {
		case phasePending, phaseWaiting:
			if c.withdraw(p, why) {
				return true
			}
		case phaseRunning, phaseEnding, phaseConcluding:
			c.interrupt(why.cause)
			// Between two attempts there is nothing to interrupt: look again. The
			// worker looks at the context after it has stored waiting, so one of the
			// two sees the other.
			if !c.Unstarted() {
				return true
			}
		case phaseSettling:
			runtime.Gosched() // somebody else is about to settle it
		case phaseCancelling, phaseCancelled:
			return true
		default:
			return false
		}
	}
}

// withdraw cancels a call that does not run, and runs its callbacks.
func (c *call) withdraw(from phase, why *cancelledError) bool {
	callbacks, ok := c.withdrawSilently(from, why)
	if ok {
		c.leaveUnrun(callbacks)
	}
	return ok
}

// withdrawSilently is withdraw but for the callbacks: if there are any, who calls
// it has to run them and then to let the call leave its ledger.
func (c *call) withdrawSilently(from phase, why *cancelledError) (callbacks *waiter, ok bool) {
	if from == phasePending && c.phase() == from && !c.mayWithdraw() || !c.move(from, phaseCancelling) {
		return nil, false
	}
	c.fail(why)
	return c.settleUnrun(from, phaseCancelled), true
}

// Unstarted is part of registry.Expiring.
func (c *call) Unstarted() bool {
	p := c.phase()
	return p == phasePending || p == phaseWaiting
}

// Expire is part of registry.Expiring.
func (c *call) Expire(cause error) (finish func(*registry.Seat)) {
	callbacks, _ := c.expireSilently(cancelledFor(cause))
	if callbacks == nil {
		return nil
	}
	return func(s *registry.Seat) {
		defer c.leave() // also when a callback ends this goroutine
		runCallbacksLent(s, callbacks)
	}
}

// expire cancels a call if it does not run: its ctx has ended, which a running
// one sees by itself.
func (c *call) expire(why *cancelledError) {
	if callbacks, ok := c.expireSilently(why); ok {
		c.leaveUnrun(callbacks)
	}
}

func (c *call) expireSilently(why *cancelledError) (callbacks *waiter, ok bool) {
	for !ok && c.Unstarted() {
		if callbacks, ok = c.withdrawSilently(phasePending, why); !ok {
			callbacks, ok = c.withdrawSilently(phaseWaiting, why)
		}
	}
	return callbacks, ok
}

// refuse fails a queued call that cannot start.
func (c *call) refuse(err error) bool {
	if !c.move(phasePending, phaseRefusing) {
		return false
	}
	c.fail(err)
	c.leaveUnrun(c.settleUnrun(phasePending, phaseFailed))
	return true
}

// settleUnrun settles a call that does not run, once its phase has been moved
// from `from` to cancelling or refusing and its error is written. It returns the
// callbacks.
func (c *call) settleUnrun(from, to phase) (callbacks *waiter) {
	h := c.scope.host
	if h == nil {
		return c.publish(to, nil)
	}
	if from == phaseWaiting {
		h.Ledger.Abandoned()
	} else {
		h.Ledger.Withdrawn(1)
	}
	h.Ledger.Unrun(to == phaseFailed, 1)
	if p := c.scope.pool; p != nil {
		p.withdrawn(c)
	} else {
		c.withdrawnRemote()
	}
	return c.announce(h, to, c, c)
}

// leave is part of leaver, for a call that no worker has.
func (c *call) leave() { c.scope.host.Ledger.Leave(1) }

// leaveUnrun runs the callbacks of a call that settled without running, with the
// place lent of the call that stands here.
func (c *call) leaveUnrun(callbacks *waiter) {
	h := c.scope.host
	switch {
	case h == nil:
		if x := c.more.Load(); x != nil && x.onUndo != nil {
			x.onUndo()
		}
		runCallbacks(callbacks)
	case callbacks != nil:
		defer c.leave() // also when a callback ends this goroutine
		h.Ledger.Carry(c, func(s *registry.Seat) { runCallbacksLent(s, callbacks) })
	}
}

// runCallbacksLent runs callbacks that came about inside of another call: they
// may wait for that call's pool, so its place is lent.
func runCallbacksLent(s *registry.Seat, callbacks *waiter) {
	if here, _ := s.Unit.(*call); here != nil && here.pool() != nil {
		defer newParking(context.WithoutCancel(here)).resume()
	}
	runCallbacks(callbacks)
}

// announce makes the outcome known: to the observer, then to everybody. Only the
// callbacks, which it returns, are still to run. carry is the call itself if it
// is open in the ledger and this goroutine has no seat for it, else nil; l is nil
// if it is not open.
func (c *call) announce(h *registry.Host, to phase, carry registry.Unit, l leaver) (callbacks *waiter) {
	w := observerOf(h)
	if w == nil {
		return c.publish(to, l)
	}
	returned := false
	defer func() {
		callbacks = c.publish(to, l)
		if !returned && callbacks != nil { // the observer ends this goroutine
			if l != nil {
				defer l.leave()
			}
			runCallbacks(callbacks)
		}
	}()
	if carry == nil {
		w.settled(c, to&phaseMask)
	} else {
		h.Ledger.Carry(carry, func(*registry.Seat) { w.settled(c, to&phaseMask) })
	}
	returned = true
	return nil
}

// settleHand settles a call that nobody runs, a promise's.
func (c *call) settleHand(to phase, write func()) bool {
	for !c.move(phasePending, phaseSettling) {
		if c.phase() != phaseSettling {
			return false
		}
		runtime.Gosched() // somebody is settling it: in a moment the answer is false
	}
	write()
	runCallbacks(c.publish(to, nil))
	return true
}

// conclude settles a call whose function has returned err, counts it, and wakes
// whoever waits. It returns the callbacks, which are still to run. carry and l are
// as in announce.
func (c *call) conclude(j job, tally *registry.Tally, err error, carry registry.Unit, l leaver) (callbacks *waiter) {
	to, err := c.classify(err)
	c.fail(err)
	j.release()
	c.move(phaseEnding, phaseConcluding)
	switch to {
	case phaseSucceeded:
		tally.Succeeded.Add(1)
	case phaseFailed:
		tally.Failed.Add(1)
	default:
		tally.Cancelled.Add(1)
	}
	return c.announce(c.scope.host, to|phaseReleased, carry, l)
}

// turnAway fails a call that the executor does not take.
func turnAway(h *registry.Host, j job, err error) {
	c := j.base()
	c.fail(err)
	c.move(phasePending, phaseRefusing)
	j.release()
	h.Ledger.Unrun(true, 1)
	runCallbacks(c.announce(h, phaseFailed|phaseReleased|phaseRefused, nil, nil))
}

// runCallbacks runs the callbacks of a settled call, one by one. One that
// panics is logged and the rest run; the rest run also when one ends the
// goroutine by Goexit.
func runCallbacks(w *waiter) {
	for w != nil {
		current := w
		w = w.later
		finished := false
		func() {
			defer func() {
				if !finished {
					finished = true
					if v := recover(); v != nil {
						logPanic("callback", v)
					} else {
						runCallbacks(w) // Goexit: this frame goes, its successors must not
						w = nil
					}
				}
			}()
			current.wake()
			finished = true
		}()
	}
}

// logPanic is where a panic goes that has no future to go to.
func logPanic(what string, v any) {
	slog.Default().Error("potok: "+what+" panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
}

// outcome returns the error and notes that somebody asked for it.
func (c *call) outcome() error {
	if s := c.state.Load(); s&(phaseMask|phaseAsked) == phaseFailed {
		if h := c.scope.host; h != nil && c.state.Or(phaseAsked)&phaseAsked == 0 {
			h.Ledger.Asked(1)
		}
	}
	return c.err()
}

// classify turns what a call returned into how it settles.
func (c *call) classify(err error) (phase, error) {
	if err == nil {
		return phaseSucceeded, nil
	}
	ctxErr := c.endedErr()
	if ctxErr == nil {
		return phaseFailed, err
	}
	cause := context.Cause(c)
	if !matches(err, ctxErr) && !matches(err, cause) {
		return phaseFailed, err
	}
	return phaseCancelled, newCancelledError(ctxErr, cause, err)
}

// endedErr is Err for a call that has returned. It may have seen Submit's ctx end
// by itself, and a context ends a moment before its children do.
func (c *call) endedErr() error {
	if x := c.more.Load(); x != nil && c.scope.over() {
		if in := x.inner.Load(); in != nil {
			<-in.Done()
		}
	}
	return c.Err()
}

// matches is errors.Is for an error that may be anything: a nil pointer, say,
// whose methods panic. It runs where a panic would end the process.
func matches(err, target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}
