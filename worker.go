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
// A batch is a window on a segment of the queue: slots that do not change until
// the worker is done with them. Who finds nothing in the queue takes the later
// half of what somebody has not started (steal), or all of it if the call that he
// runs has lent its place; and whoever has to give his place back puts what he
// has not started back at the head of the queue (putBack). So no call waits
// behind a slow one while a place is free.
//
// A call stands in one place only: the queue, a hand, or one window at or behind
// the slot of its worker. Worker and thief agree on that as in Cilk-5 (Frigo,
// Leiserson, Randall, The Implementation of the Cilk-5 Multithreaded Language,
// 1998, "THE"), with pos, the slot that the worker comes to, and shut, where his
// window ends:
//
//	worker: pos = i; i < shut ? run slot i : look again under mu
//	thief, under mu: shut = i; pos < i ? slots from i are his : shut = pos+1
//
// Both first write, then read. So at most one of them has slot i without having
// seen the other, and if both have seen, mu decides.
const (
	maxBatch = 64
	// A batch grows while its calls are shorter than this: then taking them one
	// by one would cost more than running them.
	shortCall = 10 * time.Microsecond
)

// inQueue stands for a worker's index in a call that no worker has taken.
const inQueue = ^uint32(0)

type worker struct {
	pool  *Pool
	index uint32
	name  string
	wake  chan struct{} // capacity 1: a parked worker is woken once

	// Guarded by the pool's mu. The owner reads all but next and prev without
	// it, as nobody else writes them while he runs.
	hand                     job // given directly, past the queue
	placed                   bool
	called                   bool // he was woken or started; p.waking is his to reset
	away                     bool // the call he runs has lent its place
	seg                      *segment
	lo, hi                   int // his window, when he took it
	nextIdle                 *worker
	nextBatched, prevBatched *worker
	isBatched                bool

	pos  atomic.Int32 // the slot he runs or comes to; written by him
	shut atomic.Int32 // his window ends here now; written under mu

	// The owner's alone.
	at    int // the slot after that
	batch int // how many calls to take at once
	ran   int // calls since began
	began time.Time

	left  atomic.Int64 // calls finished that the ledger does not know of yet
	seat  registry.Seat
	tally registry.Tally
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
		return
	}
	for w.owns(w.at) {
		j := w.seg.slots[w.at]
		w.at++
		w.run(j)
		if !w.placed || w.pool.wanted.Load() > 0 {
			return
		}
	}
}

// owns says whether a slot is still the worker's, and if so it remains his.
func (w *worker) owns(slot int) bool {
	w.pos.Store(int32(slot))
	if slot < int(w.shut.Load()) {
		return true
	}
	if slot >= w.hi {
		return false
	}
	w.pool.mu.Lock() // a thief may have reached for it and not yet have seen pos
	defer w.pool.unlock()
	return slot < int(w.shut.Load())
}

// next takes the next batch, parking while there is none. False: the worker is
// no longer needed.
func (w *worker) next() bool {
	p := w.pool
	w.flush()
	w.measure()
	p.mu.Lock()
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
				p.unlock()
				w.began = time.Now()
				return true
			}
			p.releaseLocked(w)
			continue
		}
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

// measure sets the size of the next batch by the time that this one took.
func (w *worker) measure() {
	if w.ran == 0 {
		return
	}
	if time.Since(w.began) < time.Duration(w.ran)*shortCall {
		w.batch = min(2*w.batch, w.pool.maxBatch)
	} else {
		w.batch = max(1, w.batch/4)
	}
	w.ran = 0
}

// takeLocked takes a share of the queue as the worker's batch. What somebody has
// taken and cannot start comes first, as it was submitted before. The caller
// holds mu.
func (p *Pool) takeLocked(w *worker) bool {
	if p.batched != nil && p.stealLocked(w, true) {
		return true
	}
	for p.queue.n > 0 {
		want := min(max(1, p.queue.n/p.size), w.batch)
		w.seg, w.lo, w.hi = p.queue.take(want)
		if w.seg == nil {
			break
		}
		live := 0
		for _, j := range w.seg.slots[w.lo:w.hi] {
			c := j.base()
			if c.worker != inQueue {
				p.dead-- // cancelled
				discard(j)
				continue
			}
			c.worker = 0
			if p.backlog >= 0 {
				p.queued--
			}
			live++
		}
		w.windowLocked()
		if live > 0 {
			p.admitLocked()
			return true
		}
		w.at = w.hi
		w.dropLocked()
	}
	if b := p.blocked.first(); b != nil && p.admitOneLocked(b) {
		w.hand = b.job
		return true
	}
	return p.stealLocked(w, false)
}

// stealLocked takes from a batch whose worker has not come to it: the later half,
// or all if he cannot come to it because his call waits (away). The caller holds
// mu.
func (p *Pool) stealLocked(w *worker, away bool) bool {
	for v := p.batched; v != nil; {
		victim := v
		v = v.nextBatched
		if away && !victim.away {
			continue
		}
		end := int(victim.shut.Load())
		from := int(victim.pos.Load()) + 1
		if !victim.away {
			from += (end - from) / 2
		}
		if from < end {
			victim.shut.Store(int32(from))
			if pos := int(victim.pos.Load()); pos >= from {
				from = min(pos+1, end)
				victim.shut.Store(int32(from))
			}
		}
		if from >= end {
			if victim.away || int(victim.pos.Load())+1 >= end {
				victim.unbatchLocked()
			}
			continue
		}
		rest := victim.seg.slots[from:end]
		w.seg, w.lo, w.hi = p.queue.aside(rest), 0, len(rest)
		w.windowLocked()
		return true
	}
	return false
}

// restLocked returns the part of the worker's window that he has not come to, or
// may just be coming to. The caller holds mu.
func (w *worker) restLocked() []job {
	from, end := int(w.pos.Load())+1, int(w.shut.Load())
	if w.seg == nil || from >= end {
		return nil
	}
	return w.seg.slots[from:end]
}

// windowLocked begins a window. Its first slot cannot be stolen. The caller holds
// mu.
func (w *worker) windowLocked() {
	w.at = w.lo
	w.pos.Store(int32(w.lo))
	w.shut.Store(int32(w.hi))
	if w.hi-w.lo > 1 {
		w.batchLocked()
	}
}

// batchLocked makes the worker's window known to thieves. The caller holds mu.
func (w *worker) batchLocked() {
	p := w.pool
	w.isBatched = true
	w.nextBatched = p.batched
	if p.batched != nil {
		p.batched.prevBatched = w
	}
	p.batched = w
}

func (w *worker) unbatchLocked() {
	if !w.isBatched {
		return
	}
	p := w.pool
	w.isBatched = false
	if w.prevBatched != nil {
		w.prevBatched.nextBatched = w.nextBatched
	} else {
		p.batched = w.nextBatched
	}
	if w.nextBatched != nil {
		w.nextBatched.prevBatched = w.prevBatched
	}
	w.nextBatched, w.prevBatched = nil, nil
}

// putBackLocked puts what the worker has not started back at the head of the
// queue. Only the worker does it. The caller holds mu.
func (w *worker) putBackLocked() {
	end := int(w.shut.Load())
	if w.seg == nil || w.at >= end {
		return
	}
	p := w.pool
	var rest []job
	for _, j := range w.seg.slots[w.at:end] {
		if c := j.base(); c.phase() == phasePending {
			c.worker = inQueue
			rest = append(rest, j)
		} else {
			discard(j)
		}
	}
	w.at = end
	w.shut.Store(0)
	w.unbatchLocked()
	if p.backlog >= 0 {
		p.queued += len(rest)
	}
	p.queue.pushFront(rest)
}

// dropLocked gives the worker's batch back. The caller holds mu.
func (w *worker) dropLocked() {
	if w.hand != nil {
		unlistLocked(w.hand)
		w.hand = nil
	}
	if w.seg == nil {
		return
	}
	w.putBackLocked()
	w.unbatchLocked()
	for _, j := range w.seg.slots[w.lo:w.hi] {
		unlistLocked(j)
	}
	w.pool.queue.done(w.seg, w.lo, w.hi)
	w.seg = nil
	w.lo, w.hi, w.at = 0, 0, 0
	w.pos.Store(0)
	w.shut.Store(0)
}

// unlistLocked takes a call that has settled out of its scope's list. One that has
// not is in the queue, between attempts or in another worker's batch, and leaves
// the list there. The caller holds mu.
func unlistLocked(j job) {
	if c := j.base(); c.scope.done != nil && c.settled() {
		c.scope.unlinkLocked(c)
	}
}

// flush tells the ledger of the calls that are finished.
func (w *worker) flush() {
	if w.left.Load() == 0 {
		return
	}
	if n := w.left.Swap(0); n > 0 {
		w.pool.ledger.Leave(int(n))
	}
}

// run runs one call, if it is still there to be run.
func (w *worker) run(j job) {
	c := j.base()
	if c.scope.over() {
		c.expire(cancelledBy(c.scope.ctx)) // the watch may not have come to it yet
	}
	if !c.state.CompareAndSwap(phasePending, phaseRunning) {
		discard(j)
		return
	}
	c.worker = w.index
	w.ran++
	w.tally.Started.Add(1)
	w.seat.Unit, w.seat.Calls = c, 1
	w.attempt(c, j)
	w.seat.Unit, w.seat.Calls = nil, 0
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
	// Ending is stored before the extension is looked for. Who lends makes the
	// extension first and then looks whether the call still runs. So either he
	// sees that it does not, or it is seen here that he may have lent.
	c.state.Store(phaseEnding)
	x := c.more.Load()
	if x != nil {
		w.placed = p.endLending(c, x)
	}
	if w.again(c, j, err) {
		return
	}
	defer w.left.Add(1) // also when a callback ends the goroutine
	if callbacks := c.conclude(&p.host, j, &w.tally, err, 0); callbacks != nil {
		w.flush()
		p.mu.Lock()
		w.putBackLocked()
		if w.placed {
			p.releaseLocked(w)
			p.kickLocked()
		}
		p.unlock()
		runCallbacks(callbacks) // with the place given back: they may wait for the pool
	}
}

// discard drops what a call that settled without running held.
func discard(j job) {
	if c := j.base(); c.settled() && c.state.Or(phaseReleased)&phaseReleased == 0 {
		j.release()
	}
}
