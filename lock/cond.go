package lock

import (
	"context"
	"fmt"
	"math"
	"sync"
)

// Cond is where goroutines that hold a Mutex wait for what it guards to change. It is made by NewCond; the zero value is
// not usable. It must not be copied after first use.
//
//	c.WaitFor(ctx, func() bool { return len(items) > 0 })   // one goroutine, m locked
//	items = append(items, v); c.Signal(1)                   // another, m locked
//
// Who waits is woken in the order of coming. As that one has to lock the Mutex again, somebody may come between: what it
// was woken for has to be looked at, which WaitFor does.
//
// Every method may be called from any number of goroutines at once.
type Cond struct {
	m *Mutex

	mu      sync.Mutex // guards the list; never held while blocking
	waiting waiters
}

// NewCond returns a Cond of what m guards. A Mutex may have several.
//
// It does not block. It panics if m is nil.
func NewCond(m *Mutex) *Cond {
	if m == nil {
		panic("potok/lock: NewCond of a nil Mutex at " + callSite())
	}
	return &Cond{m: m}
}

// Wait unlocks the Mutex, waits for Signal or Broadcast, and locks the Mutex again before it returns. No Signal by who
// locks the Mutex after it was unlocked is missed.
//
// It blocks until it is woken or ctx ends, and then until it has the Mutex, whatever ctx says. If ctx ended first, the
// error matches ctx.Err() and context.Cause(ctx), and no Signal was used up. Under a ctx that has already ended it
// returns that error at once, and the Mutex was never unlocked. A waiter that was woken and whose ctx ends at the same
// moment was woken, and the error is nil.
//
// It panics if the Mutex is not locked.
func (c *Cond) Wait(ctx context.Context) error {
	c.mustBeLocked()
	if ctx.Err() != nil {
		return endedError(ctx)
	}
	c.mu.Lock()
	w := c.waiting.join(0) // before the Mutex is unlocked, so that no Signal is missed
	c.mu.Unlock()
	c.m.Unlock()
	_, err := c.waiting.park(ctx, &c.mu, w, nil)
	c.m.Lock()
	return err
}

// WaitFor waits until pred says true. It calls pred with the Mutex locked: at first, and whenever Wait returns.
//
// It blocks as Wait does. If ctx ends before, pred is asked once more; where it says true the error is nil, whatever ctx
// says, and otherwise that of Wait. If pred panics, the Mutex is locked as it was.
//
// It panics if the Mutex is not locked.
func (c *Cond) WaitFor(ctx context.Context, pred func() bool) error {
	c.mustBeLocked()
	var err error
	for !pred() {
		if err != nil {
			return err
		}
		err = c.Wait(ctx)
	}
	return nil
}

// Signal wakes the n goroutines that have waited longest, or all if there are fewer. The Mutex may be locked or not.
//
// It does not block. It panics if n is negative.
func (c *Cond) Signal(n int) {
	if n < 0 {
		panic(fmt.Sprintf("potok/lock: Signal to %d waiters at %s", n, callSite()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for ; n > 0 && c.waiting.front != nil; n-- {
		c.waiting.tell(c.waiting.front, true)
	}
}

// Broadcast wakes everyone who waits. The Mutex may be locked or not.
//
// It does not block.
func (c *Cond) Broadcast() { c.Signal(math.MaxInt) }

func (c *Cond) mustBeLocked() {
	if c.m.state.Load()&locked == 0 {
		panic("potok/lock: Wait of a Cond whose Mutex is not locked at " + callSite())
	}
}
