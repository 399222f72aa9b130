package potok

import (
	"context"

	"github.com/potok-go/potok/internal/registry"
)

// lending is what an attempt of a call that has waited inside knows of its place:
//
//	held ──► lent         its first goroutine begins to wait
//	lent ──► held         its last wait has ended and a place was free, or became so
//	any  ──► over         its function has returned; the worker goes on with the
//	                      place if it was held, without one if it was lent
//
// A goroutine that the attempt has left behind keeps to it: the next attempt has
// a lending of its own. It is guarded by the pool's mu.
type lending struct {
	waits int  // goroutines of the call that wait
	lent  bool // the place is given back
	over  bool // the call does not run any more
}

// lend gives the call's place back while one more of its goroutines waits.
// Nil: the call does not run, so there is nothing to give.
func (c *call) lend() *lending {
	p := c.pool()
	x := c.extend()
	p.mu.Lock()
	defer p.unlock()
	if c.phase() != phaseRunning {
		return nil
	}
	l := x.lending
	if l == nil || l.over {
		l = new(lending)
		x.lending = l
	}
	l.waits++
	switch {
	case l.waits > 1:
	case l.lent:
		p.excuseLocked(l) // one came back and wanted the place; now it is lent anyway
	default:
		l.lent = true
		p.lent++
		p.workers[c.place&placeMask].away = true // what he has not started is for others
		p.passLocked()
		p.kickLocked()
	}
	return l
}

// reclaim ends one wait of the call; k is unparked once the call has its place
// again, or needs none.
func (c *call) reclaim(k *parking) {
	p := c.pool()
	p.mu.Lock()
	defer p.unlock()
	l := k.lending
	l.waits--
	if p.free > 0 && l.needsPlace() {
		p.free--
		p.backLocked(c, l)
	}
	if l.needsPlace() {
		p.returners = append(p.returners, k)
		p.wanted.Add(1)
		return
	}
	k.ch <- struct{}{}
}

// needsPlace says whether the call must not go on without a place. A lent place
// is not needed while another goroutine of the call waits.
func (l *lending) needsPlace() bool { return l.lent && l.waits == 0 && !l.over }

func (p *Pool) backLocked(c *call, l *lending) {
	l.lent = false
	p.lent--
	p.workers[c.place&placeMask].away = false
}

// passLocked gives a place that is held to one who returns from a wait, before
// any queued call gets it; else it is free. The caller holds mu.
func (p *Pool) passLocked() {
	for len(p.returners) > 0 {
		k := p.returners[0]
		p.returners[0] = nil
		p.returners = p.returners[1:]
		p.wanted.Add(-1)
		l := k.lending
		needed := l.needsPlace()
		if needed {
			p.backLocked(k.lender, l)
		}
		k.ch <- struct{}{} // capacity 1, one unpark each: never blocks
		if needed {
			return
		}
	}
	p.free++
}

// releaseLocked takes the worker's place from him. The caller holds mu.
func (p *Pool) releaseLocked(w *worker) {
	w.placed = false
	p.passLocked()
}

// excuseLocked unparks those of an attempt's goroutines that need no place any
// more. The caller holds mu.
func (p *Pool) excuseLocked(l *lending) {
	rest := p.returners[:0]
	for _, k := range p.returners {
		if k.lending == l && !l.needsPlace() {
			p.wanted.Add(-1)
			k.ch <- struct{}{}
		} else {
			rest = append(rest, k)
		}
	}
	clear(p.returners[len(rest):])
	p.returners = rest
}

// endLending settles the place of a call whose function has returned, and says
// whether the worker has it.
func (p *Pool) endLending(c *call, x *extension) (placed bool) {
	p.mu.Lock()
	l := x.lending
	if l == nil || l.over { // this attempt has not lent
		p.mu.Unlock()
		return true
	}
	l.over = true
	placed = !l.lent
	if l.lent {
		p.backLocked(c, l)
		p.excuseLocked(l)
	}
	waits := l.waits
	p.unlock()
	if waits > 0 {
		p.ledger.Forget(c)
	}
	return placed
}

// hungryLocked says whether a free place waits for work and nobody is on the way to
// look for it. The caller holds mu.
func (p *Pool) hungryLocked() bool { return p.free > 0 && !p.waking }

// workLocked says whether a free place could be put to use. The caller holds mu.
func (p *Pool) workLocked() bool {
	return p.queue.n > 0 || p.in.arrived.Load() || len(p.ahead) > 0 || p.batched != nil || p.spares != nil || p.blocked.first() != nil
}

// kickLocked wakes or starts a worker if there is work and a place for it and
// nobody is on the way already; the woken one does the same in his turn. The
// caller holds mu.
func (p *Pool) kickLocked() {
	if !p.hungryLocked() || !p.workLocked() {
		return
	}
	p.waking = true
	p.free--
	if w := p.popIdleLocked(); w != nil {
		w.placed, w.called = true, true
		w.wake <- struct{}{} // capacity 1, and it is parked: never blocks
		return
	}
	p.startLocked()
}

func (p *Pool) popIdleLocked() *worker {
	w := p.idle
	if w != nil {
		p.idle, w.nextIdle = w.nextIdle, nil
		p.idling--
	}
	return w
}

// wakeIdleLocked sends every parked worker home. The caller holds mu.
func (p *Pool) wakeIdleLocked() {
	for w := p.popIdleLocked(); w != nil; w = p.popIdleLocked() {
		w.wake <- struct{}{}
	}
}

// Lend runs fn with the place of the call that ctx belongs to given back, so
// that another call can run meanwhile: for a wait that the pool cannot see, on a
// limiter, a queue or a lock. It returns fn's error once the call has its place
// again, which it takes before any queued call, and may block for it whatever
// has become of ctx; also when fn panics. Outside of a call, and in one that
// runs in a process of its own, it just runs fn. It is safe for concurrent use:
// the place is lent while at least one goroutine of the call waits.
func Lend(ctx context.Context, fn func() error) error {
	p := newParking(ctx)
	defer p.resume()
	return fn()
}

var _ registry.Unit = (*call)(nil)
