package potok

import (
	"context"
	"runtime/debug"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// A worker is a goroutine that runs calls. To run one it must hold a place, of
// which the pool has as many as it was asked for workers.
//
//	        woken or started with a place
//	parked ───────────────────────────────► takes a batch ──► runs it ──┐
//	   ▲                                        ▲                       │ next
//	   │ nothing to do: place given back        └───────────────────────┘
//	   └── or gone, if as many are parked as there are places
//
// What he takes at once, his batch, is in batch.go.
type worker struct {
	pool  *Pool
	index uint32
	name  string
	wake  chan struct{} // capacity 1: a parked worker is woken once

	// Guarded by the pool's mu. The owner reads all but next and prev without
	// it, as nobody else writes them while he runs.
	hand                     job   // given directly, past the queue
	has                      *call // with RefuseWhenFull: what he has taken; see roomSoonLocked
	placed                   bool
	called                   bool // he was woken or started; p.waking is his to reset
	away                     bool // the call he runs has lent its place
	seg                      *segment
	lo, hi                   int // his window, when he took it
	end                      int // slots from here were taken from him, or he put them back
	told                     int // those before have left the ledger, if they are alone
	toldAlone                int // how many that are
	nextIdle                 *worker
	nextBatched, prevBatched *worker
	isBatched                bool

	pos  atomic.Int32 // the slot he runs or comes to; written by him
	shut atomic.Int32 // his window ends here now; written under mu

	// The owner's alone.
	at    int  // the slot after that
	batch int  // how many calls to take at once
	ran   int  // calls since began
	alone int  // calls of his window that succeeded alone
	lists bool // his window has calls that stand in the list of a scope
	began time.Time

	left  atomic.Int64 // calls finished, but those alone, that the ledger does not know of yet
	seat  registry.Seat
	tally registry.Tally // but for what his slots tell; see tellLocked
}

// startLocked starts a worker that holds a place. Close waits for it by
// p.alive. The caller holds mu.
func (p *Pool) startLocked() *worker {
	var w *worker
	if n := len(p.spare); n > 0 {
		w, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		w = &worker{pool: p, index: uint32(len(p.workers)), wake: make(chan struct{}, 1), batch: 1}
		w.name = workerName(p.host.Name, w.index)
		p.workers = append(p.workers, w)
		p.ledger.Tally(&w.tally)
	}
	w.placed, w.called = true, true
	p.alive++
	go w.main()
	return w
}

// main is the worker's goroutine. A call that ends it by Goexit does not end the
// worker: another goroutine takes over where this one stood.
func (w *worker) main() {
	p := w.pool
	p.ledger.Sit(&w.seat)
	done := false
	defer func() {
		p.ledger.Rise(&w.seat)
		if !done {
			w.seat = registry.Seat{}
			go w.main() // the same worker: p.alive still counts it
			return
		}
		p.mu.Lock()
		p.alive--
		p.spare = append(p.spare, w)
		p.quietLocked()
		p.unlock()
	}()
	if p.host.Name != "" {
		pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("potok", p.host.Name)))
	}
	for w.next() {
		w.runBatch()
	}
	done = true
}

// runBatch runs what next has taken. Between two calls it looks whether a wait
// has ended that wants its place back.
func (w *worker) runBatch() {
	if j := w.hand; j != nil {
		w.run(j)
		w.ran = 0 // one by hand says nothing about batches
		return
	}
	for w.owns(w.at) {
		j := w.seg.at(w.at)
		w.at++
		w.run(j)
		if !w.placed || w.pool.wanted.Load() > 0 {
			return
		}
	}
}

// next takes the next batch, parking while there is none. False: the worker is
// no longer needed.
func (w *worker) next() bool {
	p := w.pool
	w.measure()
	p.mu.Lock()
	w.tellAllLocked()
	w.has = nil
	if !w.called { // who was called may have been given a call
		w.dropLocked()
	}
	if w.placed && len(p.returners) > 0 {
		if w.hand != nil { // it was given to him when nobody wanted the place
			p.queueLocked(w.hand, true)
			w.hand = nil
		}
		p.releaseLocked(w)
	}
	for {
		if w.called {
			w.called, p.waking = false, false
		}
		if !w.placed && p.free > 0 && p.workLocked() {
			p.free--
			w.placed = true
		}
		if w.placed {
			if w.hand != nil || p.takeLocked(w) {
				p.kickLocked()
				if p.refuse {
					w.has = w.firstLocked()
					p.refuseHastyLocked()
				}
				p.unlock()
				if w.hand == nil {
					w.began = time.Now()
				}
				return true
			}
			p.releaseLocked(w)
			continue
		}
		p.refuseHastyLocked()
		if p.stopping || p.idling >= p.size {
			p.unlock()
			return false
		}
		w.nextIdle, p.idle = p.idle, w
		p.idling++
		p.unlock()
		<-w.wake
		p.mu.Lock()
	}
}

// leave is part of leaver: the ledger is told a batch at a time.
func (w *worker) leave() { w.left.Add(1) }

// run runs one call, if it is still there to be run.
func (w *worker) run(j job) {
	if k, ok := j.(*chunk); ok {
		w.runChunk(k)
		return
	}
	c := j.base()
	switch { // whoever looks after that may not have come to it yet
	case w.pool.killed.Load():
		w.expire(c, errCancelledByClose)
	case c.scope.over():
		w.expire(c, cancelledBy(c.scope.ctx))
	}
	if !c.move(phasePending, phaseRunning) {
		discard(j)
		return
	}
	c.place.move(place(w.index))
	w.ran++
	if c.scope.done != nil {
		w.lists = true
	}
	w.seat.Unit = c
	w.attempt(c, j)
	w.seat.Unit = nil
}

// attempt runs the function and settles the call with what comes of it. The
// settling is deferred, because a call may also end its goroutine.
func (w *worker) attempt(c *call, j job) {
	var err error
	returned := false
	defer func() {
		if !returned {
			err = unwound(recover())
		}
		w.ended(c, j, err)
	}()
	ctx, cancel := beginAttempt(c, j.options(), w.name)
	if cancel != nil {
		defer cancel()
	}
	err = j.invoke(ctx)
	returned = true
}

// unwound returns the error of a call that did not return: v is what it
// panicked with, nil after runtime.Goexit.
func unwound(v any) error {
	if v == nil {
		return ErrGoexit
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// ended settles a call, or lets it wait for its next attempt.
func (w *worker) ended(c *call, j job, err error) {
	p := w.pool
	if err == nil && c.more.Load() == nil {
		w.succeeded(c, j)
		return
	}
	// Ending is stored before the extension is looked for. Who lends makes the
	// extension first and then looks whether the call still runs. So either he
	// sees that it does not, or it is seen here that he may have lent.
	c.move(phaseRunning, phaseEnding)
	x := c.more.Load()
	if x != nil {
		w.placed = p.endLending(c, x)
	}
	if w.again(c, j, err) {
		return
	}
	if callbacks := c.conclude(j, &w.tally, err, nil, w); callbacks != nil {
		defer w.leave() // also when a callback ends the goroutine
		w.runCallbacks(callbacks)
	}
}

// succeeded settles a call that nobody asked anything of but its result, as most
// are: without an extension it has no observer, no attempts and no place lent.
func (w *worker) succeeded(c *call, j job) {
	j.release()
	old := c.state.Load()
	for old&phaseCalled == 0 && !c.state.CompareAndSwap(old, phaseSucceeded|phaseReleased|phaseAlone) {
		old = c.state.Load()
	}
	var by leaver
	if old&phaseCalled == 0 {
		w.alone++
	} else {
		w.tally.Succeeded.Add(1)
		old = c.state.Swap(phaseSucceeded | phaseReleased)
		by = w
	}
	if x := c.more.Load(); x != nil { // somebody has asked just now; see ended
		w.placed = w.pool.endLending(c, x)
		c.endContext()
	}
	if old&phaseAwaited == 0 {
		return
	}
	if callbacks := c.wake(old, by); callbacks != nil {
		defer w.leave() // also when a callback ends the goroutine
		w.runCallbacks(callbacks)
	}
}

// runCallbacks runs them with the place given back, as they may wait for the
// pool.
func (w *worker) runCallbacks(callbacks *waiter) {
	p := w.pool
	p.mu.Lock()
	w.tellAllLocked()
	w.has = nil
	w.putBackLocked()
	if w.placed {
		p.releaseLocked(w)
		p.kickLocked()
	}
	p.refuseHastyLocked()
	p.unlock()
	runCallbacks(callbacks)
}

// expire cancels a call that the worker would have started, or started again.
func (w *worker) expire(c *call, why *cancelledError) {
	w.seat.Unit = c
	if callbacks, _ := c.expireSilently(why); callbacks != nil {
		defer c.leave() // also when a callback ends the goroutine
		w.runCallbacks(callbacks)
	}
	w.seat.Unit = nil
}

// discard drops what a call held that does not run any more. Only one place has
// the job, and this is it.
func discard(j job) {
	if p := j.base().state.Load(); p&phaseMask > phaseConcluding && p&phaseReleased == 0 {
		j.release()
	}
}
