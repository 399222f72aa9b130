package potok

import (
	"context"
	"sync/atomic"

	"github.com/potok-go/potok/internal/registry"
)

// A call's waiters form a stack: pushed by CAS while the call is unsettled, and
// taken whole, by a swap for settledMark, by whoever settles it. A flag of the
// state says that there may be some, so that who settles a call that nobody
// waits for need not look at the stack.
//
//	push:    set the flag; the state was final → settled already
//	         read head; head == settledMark → settled already; CAS(head, w)
//	publish: swap in the final state; the flag was set → head = swap(settledMark),
//	         wake each
//
// Of setting the flag and the final state one comes first: either publish sees the
// flag, or the push sees that all is settled. Of a push and a swap of the stack
// one comes first: either the swap takes the waiter, or the push sees the mark.
// So no wake-up is lost and nobody needs a lock. Whoever
// gives up leaves his node where it is, as unlinking would need one; the next
// who waits for the same call takes it over, so there are never more nodes than
// there were goroutines waiting at once. He looks for it only if a flag says that
// somebody has left, and the call has not settled: so where nobody has, nobody walks
// the stack but who settles, and a node that he has fired can be used again.

// waiter is one who waits for a call to settle.
type waiter struct {
	next *waiter // below in the stack; written before the push, never again

	// armed ──► fired   the one who settles (CAS): wake is his to run
	// armed ──► free    the one who gives up (CAS)
	// free  ──► taken   the next who waits (CAS), who sets the fields and arms it
	state atomic.Uint32

	callback bool          // run after the others, in order of adding, with the place given back
	later    *waiter       // the callback added next; written by the one who settles
	wake     func()        // what firing does, if park is nil
	park     *parking      // the goroutine that firing wakes
	again    bool          // nobody else has the node any more; written before unparking
	done     chan struct{} // closed by firing
}

const (
	waiterArmed uint32 = iota
	waiterFired
	waiterFree
	waiterTaken
)

// settledMark stands for the stack of a settled call.
var settledMark = new(waiter)

// settledDone is the channel of every future that is asked only once settled.
var settledDone = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// push adds w. False: the call is settled already and w was not added.
func (c *call) push(w *waiter) bool {
	flags := phaseAwaited
	if w.callback {
		flags |= phaseCalled
	}
	if c.settled() || stateOf(c.state.Or(flags)) >= Succeeded {
		return false
	}
	for {
		head := c.waiters.Load()
		if head == settledMark {
			return false
		}
		w.next = head
		if c.waiters.CompareAndSwap(head, w) {
			return true
		}
	}
}

// arm adds a waiter that does what w does, in a free node if there is one. nil:
// the call is settled already.
func (c *call) arm(w *waiter) *waiter {
	s := c.state.Load()
	if stateOf(s) >= Succeeded {
		return nil
	}
	var n *waiter
	if s&phaseLeft != 0 {
		n = c.waiters.Load()
	}
	for ; n != nil && n != settledMark; n = n.next {
		if n.state.Load() != waiterFree || !n.state.CompareAndSwap(waiterFree, waiterTaken) {
			continue
		}
		n.wake, n.park = w.wake, w.park
		n.state.Store(waiterArmed)
		// The stack may have been taken while the node was not armed.
		if c.waiters.Load() == settledMark && n.state.CompareAndSwap(waiterArmed, waiterFree) {
			return nil
		}
		return n
	}
	if !c.push(w) {
		return nil
	}
	return w
}

// disarm gives up. False: w has fired, or is about to.
func (c *call) disarm(w *waiter) bool {
	if w.state.Load() != waiterArmed || stateOf(c.state.Or(phaseLeft)) >= Succeeded {
		return false
	}
	// Cleared after the CAS these fields would belong to the next owner, before
	// it to the one who fires: so the node keeps them until it is taken over.
	return w.state.CompareAndSwap(waiterArmed, waiterFree)
}

// A leaver counts a call out of its ledger.
type leaver interface{ leave() }

// publish stores the final state, from which on everybody may read the outcome,
// ends the call's context and wakes everybody who waits but the callbacks, which
// it returns in order of adding. Without any the call has ended, and leaves the
// ledger before somebody wakes who may look there; with some, who runs them has
// to let it leave.
func (c *call) publish(to phase, l leaver) (callbacks *waiter) {
	old := c.state.Swap(to)
	c.endContext()
	return c.wake(old, l)
}

// wake is the second half of publish; old is the state before the final one.
func (c *call) wake(old phase, l leaver) (callbacks *waiter) {
	var stack *waiter
	if old&phaseAwaited != 0 {
		stack = c.waiters.Swap(settledMark)
	}
	for w := stack; w != nil; w = w.next {
		if w.callback {
			// The stack has the last added on top: turned round by a link of its own,
			// as somebody may still be reading next in arm.
			w.later, callbacks = callbacks, w
		}
	}
	if callbacks == nil && l != nil {
		l.leave()
	}
	for w := stack; w != nil; {
		next := w.next // after firing, w may be somebody else's
		if !w.callback && w.state.CompareAndSwap(waiterArmed, waiterFired) {
			switch {
			case w.park != nil:
				w.again = old&phaseLeft == 0
				w.park.unpark()
			case w.done != nil:
				close(w.done)
			default:
				w.wake()
			}
		}
		w = next
	}
	return callbacks
}

// parking is one goroutine's wait. A wait inside a call of a pool gives the
// call's place back for as long as it lasts.
type parking struct {
	ch      chan struct{} // capacity 1: who unparks never blocks
	lender  *call         // whose place is lent; nil: nobody's
	lending *lending      // the attempt of it
}

// newParking prepares a wait of a goroutine whose context is ctx and lends the
// place of the call it stands in. Every one is ended by exactly one of: a
// receive from ch after unpark, or resume.
func newParking(ctx context.Context) *parking {
	p := &parking{ch: make(chan struct{}, 1)}
	p.lendFor(ctx)
	return p
}

// lendFor lends the place of the call that ctx belongs to. A parking whose wait is
// over may be used again by it.
func (p *parking) lendFor(ctx context.Context) {
	p.lender, p.lending = nil, nil
	if c := enclosing(ctx); c != nil {
		if l := c.lend(); l != nil {
			p.lender, p.lending = c, l
		}
	}
}

// resultWait is a parking with its waiter. The pool of the call keeps one for the next
// wait: a channel must not leave the synctest bubble that it was made in, and a pool
// does not either.
type resultWait struct {
	parking

	node waiter
}

func (c *call) newResultWait(ctx context.Context) *resultWait {
	var r *resultWait
	if pool := c.pool(); pool != nil {
		r = pool.resultWait.Swap(nil)
	}
	if r == nil {
		r = &resultWait{parking: parking{ch: make(chan struct{}, 1)}}
		r.node.park = &r.parking
	}
	r.lendFor(ctx)
	return r
}

// done gives back one that was unparked and received from, if nobody else has it.
func (r *resultWait) done(c *call, w *waiter) {
	if w == &r.node && w.again {
		r.recycle(c)
	}
}

// recycle gives back one that nobody has seen.
func (r *resultWait) recycle(c *call) {
	if pool := c.pool(); pool != nil {
		r.lender, r.lending = nil, nil // not to keep them
		r.node.next = nil
		r.node.state.Store(waiterArmed)
		pool.resultWait.CompareAndSwap(nil, r)
	}
}

// unpark ends the wait from outside. The goroutine goes on once its call has
// its place again, which is asked for here and now: before any queued call that
// the unparking worker would start next.
func (p *parking) unpark() {
	if p.lender == nil {
		p.ch <- struct{}{}
		return
	}
	p.lender.reclaim(p)
}

// resume ends the wait from inside, when it was not unparked.
func (p *parking) resume() {
	if p.lender != nil {
		p.lender.reclaim(p)
		<-p.ch
	}
}

// await blocks until the call is settled or ctx has ended; a settled call wins.
func (c *call) await(ctx context.Context) error {
	if c.settled() {
		return nil
	}
	if ctx.Err() != nil {
		return registry.ContextError(ctx)
	}
	p := c.newResultWait(ctx)
	w := c.arm(&p.node)
	if w == nil {
		p.resume()
		p.recycle(c)
		return nil
	}
	ended := ctx.Done()
	if ended != nil {
		select {
		case <-p.ch:
			p.done(c, w)
			return nil
		case <-ended:
		}
	}
	if ended == nil || !c.disarm(w) {
		<-p.ch
		p.done(c, w)
		return nil
	}
	p.resume()
	if c.settled() {
		return nil
	}
	return registry.ContextError(ctx)
}
