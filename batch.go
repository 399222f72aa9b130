package potok

import (
	"time"

	"github.com/potok-go/potok/internal/registry"
)

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
	if (p.batched != nil || p.spares != nil) && p.stealLocked(w, true) {
		return true
	}
	if n := len(p.ahead); n > 0 {
		w.hand = p.ahead[n-1]
		p.ahead[n-1] = nil
		p.ahead = p.ahead[:n-1]
		return true
	}
	for {
		if p.queue.n == 0 {
			p.fetchLocked()
		}
		if p.queue.n == 0 {
			break
		}
		want := min(max(1, p.queue.n/p.size), w.batch)
		w.seg, w.lo, w.hi = p.queue.take(want)
		live := p.takenLocked(w.seg, w.lo, w.hi)
		w.windowLocked()
		if live {
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

// takenLocked notes that these slots are no longer in the queue, and says whether
// one of them can still run. As long as nothing was cancelled there is nothing to
// note. The caller holds mu.
func (p *Pool) takenLocked(s *segment, lo, hi int) (live bool) {
	if p.dead == 0 && p.backlog < 0 && !s.front {
		return true
	}
	for i := lo; i < hi; i++ {
		j := s.at(i)
		c := j.base()
		if !c.place.queued() { // cancelled, and noted as dead
			p.dead--
			discard(j)
			continue
		}
		c.place.move(0)
		if p.backlog >= 0 {
			p.queued--
		}
		live = true
	}
	return live
}

// stealLocked takes from a batch whose worker has not come to it: the later half,
// or all if he cannot come to it because his call waits (away). The caller holds
// mu.
func (p *Pool) stealLocked(w *worker, away bool) bool {
	for k := p.spares; k != nil; {
		victim := k
		k = k.nextSpare
		gone := p.workers[victim.place&placeMask].away
		if away && !gone {
			continue
		}
		rest := victim.takeFromLocked(gone)
		if rest == nil || gone {
			victim.keepLocked()
		}
		if rest != nil {
			w.hand = rest
			return true
		}
	}
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
		victim.end = min(victim.end, from)
		w.seg, w.lo, w.hi = victim.seg, from, end
		w.seg.refs++
		w.windowLocked()
		return true
	}
	return false
}

// firstLocked returns the call that the worker starts with. The caller holds mu.
func (w *worker) firstLocked() *call {
	if w.hand != nil {
		return w.hand.base()
	}
	return w.seg.at(w.lo).base()
}

// eachLeftLocked calls fn with every job of the worker's window that he has not come
// to, or may just be coming to. The caller holds mu.
func (w *worker) eachLeftLocked(fn func(job)) {
	if w.seg == nil {
		return
	}
	for i := int(w.pos.Load()) + 1; i < int(w.shut.Load()); i++ {
		fn(w.seg.at(i))
	}
}

// windowLocked begins a window. Its first slot cannot be stolen. The caller holds
// mu.
func (w *worker) windowLocked() {
	w.at = w.lo
	w.told, w.end = w.lo, w.hi
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

// A call that succeeds while nobody waits for it is counted nowhere, but marked as
// alone: its slot tells, until the worker gives the window back or somebody wants
// to know. That spares the call the counters' locked operations. What is behind
// pos or was given away is not the worker's to tell of.

// tellLocked lets the calls leave the ledger that the worker has finished, for
// anybody who wants to know. The caller holds mu.
func (w *worker) tellLocked() {
	alone := 0
	for i := w.told; ; i++ {
		c := w.finishedLocked(i)
		if c == nil {
			break
		}
		w.told = i + 1
		if c.state.Load()&phaseAlone != 0 {
			alone++
		}
	}
	w.leaveLocked(alone)
}

// tellAllLocked does the same for the worker himself, who need not look. The caller
// holds mu.
func (w *worker) tellAllLocked() {
	w.leaveLocked(w.alone - w.toldAlone)
	w.told = w.at
	if w.hand != nil && !w.called {
		w.told = 1
	}
}

// leaveLocked lets these many calls leave the ledger that succeeded alone, and all
// that have ended otherwise. The caller holds mu.
func (w *worker) leaveLocked(alone int) {
	w.toldAlone += alone
	n := int(w.left.Load())
	if n > 0 {
		w.left.Add(int64(-n))
	}
	if n += alone; n > 0 {
		w.pool.leftLocked(n)
	}
}

// finishedLocked returns the call of the worker's slot i if the worker is done
// with it, else nil. What he was given by hand counts as slot 0. The caller holds
// mu.
func (w *worker) finishedLocked(i int) *call {
	var j job
	switch at := int(w.pos.Load()); {
	case w.hand != nil && i == 0:
		j = w.hand
	case w.hand != nil || w.seg == nil || i >= w.end || i > at:
		return nil
	default:
		j = w.seg.at(i)
		if i < at {
			return j.base()
		}
	}
	if c := j.base(); c.settled() {
		return c
	}
	return nil
}

// countLocked counts what the worker's slots tell. The caller holds mu.
func (w *worker) countLocked(n *registry.Uncounted) {
	at := int(w.pos.Load())
	current := w.hand
	if current == nil && w.seg != nil {
		for i := w.lo; i < min(at, w.end); i++ {
			if w.seg.at(i).base().state.Load()&phaseAlone != 0 {
				n.Succeeded++
			}
		}
		if at < w.end {
			current = w.seg.at(at)
		}
	}
	if _, many := current.(*chunk); many || current == nil {
		return // Pool.countLocked has it
	}
	switch s := current.base().state.Load(); {
	case s&phaseAlone != 0:
		n.Succeeded++
	case s&phaseMask == phaseRunning || s&phaseMask == phaseEnding:
		n.Running++
	}
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
	for i := w.at; i < end; i++ {
		if j := w.seg.at(i); j.base().phase() == phasePending {
			rest = append(rest, j)
		} else {
			discard(j)
		}
	}
	w.seg.clear(w.at, end)
	w.end = min(w.end, w.at)
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
	if w.alone > 0 {
		w.tally.Succeeded.Add(uint64(w.alone))
	}
	w.told, w.alone, w.toldAlone = 0, 0, 0
	if w.hand != nil {
		if c := w.hand.base(); c.settled() {
			w.pool.unlistLocked(c)
		}
		w.hand = nil
	}
	if w.seg == nil {
		return
	}
	w.putBackLocked()
	w.unbatchLocked()
	if w.lists {
		w.lists = false
		w.unlistLocked()
	}
	w.pool.queue.done(w.seg, w.lo, w.end)
	w.seg = nil
	w.lo, w.hi, w.at, w.told, w.end = 0, 0, 0, 0, 0
	w.pos.Store(0)
	w.shut.Store(0)
}

// unlistLocked takes the calls of the window that have settled out of their scopes'
// lists. One that has not is in the queue, between attempts or in another worker's
// batch, and leaves the list there. The caller holds mu.
func (w *worker) unlistLocked() {
	var s *scope // of the n calls before
	n := 0
	for i := w.lo; i < w.end; i++ {
		c := w.seg.at(i).base()
		if !c.settled() || !c.delistLocked() {
			continue
		}
		if c.scope != s && n > 0 {
			w.pool.forgetLocked(s, n)
			n = 0
		}
		s = c.scope
		n++
	}
	if n > 0 {
		w.pool.forgetLocked(s, n)
	}
}
