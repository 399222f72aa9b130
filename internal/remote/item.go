package remote

import (
	"context"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// An Item is a call as the near side knows it, from before Accept until it is settled. What has a capital is a
// Carrier's to read, Ctx once the call has started.
type Item struct {
	Call  registry.Call
	Chunk registry.Chunk  // the same, if it is one
	In    []byte          // the argument, as Encode made it
	Ctx   context.Context //nolint:containedctx // of the attempt, for the Carrier

	Many  bool // it was submitted together with others
	Begun int  // what Withdraw has found, for the Carrier
	Note  any  // whatever the Carrier keeps of the call, from one attempt to the next

	deadline time.Time // of Submit's ctx, or of the attempt; zero: none

	over  <-chan struct{} // closed when Submit's ctx has ended; nil: never
	plain bool            // it needs no Start

	// Guarded by the executor's mu.
	accepted     bool        // Accept has returned true: Cancel may be called
	attempt      int         // counts what has started
	started      bool        // an attempt runs: from Start, or Began, to Settle
	gone         bool        // withdrawn: it does not start
	queued       bool        // in the queue
	at           *Shipment   // on a lane
	first        Shipment    // the first of its shipments
	pause        *time.Timer // between two attempts
	next, prev   *Item       // of all
	after, ahead *Item       // of the queue
	listed       bool        // among all
}

// fifo is a queue of items.
type fifo struct {
	first, last *Item
	n           int
}

func (q *fifo) push(it *Item) {
	it.queued, it.ahead, it.after = true, q.last, nil
	if q.last != nil {
		q.last.after = it
	} else {
		q.first = it
	}
	q.last = it
	q.n++
}

// pushFront puts items before all others.
func (q *fifo) pushFront(its []*Item) {
	for i := len(its) - 1; i >= 0; i-- {
		it := its[i]
		it.queued, it.ahead, it.after = true, nil, q.first
		if q.first != nil {
			q.first.ahead = it
		} else {
			q.last = it
		}
		q.first = it
		q.n++
	}
}

func (q *fifo) remove(it *Item) {
	if !it.queued {
		return
	}
	if it.ahead != nil {
		it.ahead.after = it.after
	} else {
		q.first = it.after
	}
	if it.after != nil {
		it.after.ahead = it.ahead
	} else {
		q.last = it.ahead
	}
	it.queued, it.after, it.ahead = false, nil, nil
	q.n--
}

// take takes out those that are wanted.
func (q *fifo) take(wanted func(*Item) bool) (taken []*Item) {
	for it := q.first; it != nil; {
		next := it.after
		if wanted(it) {
			q.remove(it)
			taken = append(taken, it)
		}
		it = next
	}
	return taken
}

// listLocked counts an item among all. The caller holds mu.
func (x *Executor) listLocked(it *Item) {
	it.listed, it.next = true, x.items
	if x.items != nil {
		x.items.prev = it
	}
	x.items = it
}

func (x *Executor) unlistLocked(it *Item) {
	if !it.listed {
		return
	}
	if it.prev != nil {
		it.prev.next = it.next
	} else {
		x.items = it.next
	}
	if it.next != nil {
		it.next.prev = it.prev
	}
	it.listed, it.next, it.prev = false, nil, nil
}

func (x *Executor) forget(it *Item) {
	x.mu.Lock()
	x.unlistLocked(it)
	x.mu.Unlock()
}

// settle ends the attempt of a call that is on no lane any more. A call without an
// observer may be settled by anybody, as callbacks run aside; an observer may block.
func (x *Executor) settle(it *Item, err error) {
	if x.config.Observer != nil {
		x.flights.Go(func() { x.settleHere(it, err) })
		return
	}
	x.settleHere(it, err)
}

func (x *Executor) settleHere(it *Item, err error) {
	done := true // Settle does not return if the user's code ends this goroutine
	defer func() {
		if done {
			x.forget(it)
		}
	}()
	if delay, again := it.Call.Settle(err); again {
		done = false
		x.rest(it, delay)
	}
}

// rest lets the call wait for its next attempt.
func (x *Executor) rest(it *Item, delay time.Duration) {
	x.mu.Lock()
	it.started, it.Ctx = false, nil
	late := x.killed && !it.gone
	if !x.killed && !it.gone {
		x.flights.Add(1)
		it.pause = time.AfterFunc(delay, func() {
			defer x.flights.Done()
			x.requeue(it)
		})
	}
	x.mu.Unlock()
	if late {
		it.Call.Cancel(potok.ErrClosed)
	}
}

func (x *Executor) requeue(it *Item) {
	if !it.Call.Requeue() {
		return
	}
	x.mu.Lock()
	it.pause = nil
	x.pushLocked(it)
	flush := x.dealLocked()
	late := x.killed && !it.gone
	broken := x.broken
	x.mu.Unlock()
	flush.do()
	if late {
		it.Call.Cancel(potok.ErrClosed)
	} else if broken != nil {
		x.refuse(it, broken)
	}
}

// withdraw is asked whether a queued call may be cancelled. Once it may it does not start.
func (x *Executor) withdraw(it *Item) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch s := it.at; {
	case it.gone:
		return true
	case it.started:
		return false
	case s != nil && s.starting: // who is first decides, in Start
		return true
	case s != nil:
		if !s.carrier.Withdraw(s) {
			x.beganLocked(it)
			return false
		}
		s.voidLocked()
	}
	it.gone = true
	x.queue.remove(it)
	return true
}

// withdrawn is told of a call that leaves without a start, or between two attempts: its room is free.
func (x *Executor) withdrawn(it *Item) {
	x.mu.Lock()
	it.gone = true
	x.unlistLocked(it)
	if it.pause != nil && it.pause.Stop() {
		x.flights.Done()
	}
	it.pause = nil
	x.queue.remove(it)
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
}

// ended is told that the context of a running call has ended.
func (x *Executor) ended(it *Item) {
	x.mu.Lock()
	ctx, attempt, started := it.Ctx, it.attempt, it.started
	x.mu.Unlock()
	// The context of an attempt also ends with it; what is told of the one before does not concern the next.
	if !started || ctx.Err() == nil {
		return
	}
	x.mu.Lock()
	s := it.at
	switch {
	case it.attempt != attempt:
	case it.gone || !it.started: // it has settled, or rests
	case s == nil && it.queued: // it was given back by a worker that died before it had begun
		x.queue.remove(it)
		x.mu.Unlock()
		x.settle(it, registry.ContextError(ctx))
		return
	case s == nil || s.starting || s.ended: // it is on its way to another lane, or back, or was told
	default:
		s.ended, s.Over = true, make(chan struct{})
		carrier := s.carrier
		// What an attempt with a time-out of its own has used of it is not looked at: it has started, and runs.
		begun := !it.plain || s.group != nil || !carrier.Withdraw(s)
		if !begun {
			s.voidLocked()
		}
		flush := x.dealLocked()
		x.mu.Unlock()
		flush.do()
		carrier.End(ctx, s) // also if it has not begun: the worker may have come to a stop
		if !begun {
			x.settle(it, registry.ContextError(ctx))
		}
		return
	}
	x.mu.Unlock()
}

// beganLocked says that a plain call has started, if that was not known. The caller holds mu.
func (x *Executor) beganLocked(it *Item) {
	if it.started {
		return
	}
	if ctx, ok := it.Call.Began(); ok {
		it.attempt++
		it.started, it.Ctx = true, ctx
		if it.Chunk != nil && it.at != nil {
			it.at.since = time.Now()
		}
	}
}
