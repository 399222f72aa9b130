package potok

import (
	"context"
	"sync"
	"sync/atomic"
)

// inbox is where submitters leave calls. It has a lock of its own, so that they
// seldom meet the workers, who take from the queue under the pool's mu: when that is
// empty, whoever looks for work there moves all of the inbox to it. Submitters take
// mu only where somebody has to be woken, and where a call needs a look of its own:
// with a backlog or an observer, for a ctx that was not the one used last, and while
// somebody waits for the pool to be done.
//
//	submitter: puts the call in, arrived = true; hungry?  takes mu, looks for a worker
//	worker, under mu: gives his place back, hungry = true; arrived?  looks for a worker
//
// Both first write, then read: so one of them sees that there is a call and a place.
type inbox struct {
	mu      shortMutex // guards the fields below, and the counts and lists of scopes; may be taken under the pool's mu, nothing but the ledger's under it
	queue   jobQueue
	entered uint64 // calls accepted, ever
	credit  int    // calls entered in the ledger in advance
	last    *scope // used last; to change it takes the pool's mu too

	arrived atomic.Bool // there is something in the queue; changed under mu
	hungry  atomic.Bool // perhaps a place is free and nobody is on the way to it; changed under the pool's mu
}

// creditSize is how many calls enter the ledger at once.
const creditSize = 64

// leave puts an accepted call in. The caller holds mu.
func (in *inbox) leave(j job) {
	in.queue.push(j)
	in.arrive()
}

func (in *inbox) arrive() {
	if !in.arrived.Load() {
		in.arrived.Store(true)
	}
}

// quickScope returns the scope of ctx if it can be had without a look at others, and
// nil if not. The caller holds the inbox's mu.
func (p *Pool) quickScope(ctx context.Context) *scope {
	if ctx == context.Background() {
		return p.plain
	}
	if s := p.in.last; s != nil && s.ctx == ctx && !s.over() { // no panic: s.ctx can be compared
		return s
	}
	return nil
}

// enterQuickly enters n calls in the ledger, unless somebody waits there or not
// every call may enter. It enters some in advance, which spares others a locked
// operation: who begins to wait takes those back, under mu (flush). The caller holds
// the inbox's mu.
func (p *Pool) enterQuickly(n int) bool {
	in := &p.in
	if !p.ledger.Calm() {
		return false
	}
	if in.credit < n {
		if !p.ledger.Enter(n+creditSize, false) {
			return false
		}
		in.credit += n + creditSize
	}
	in.credit -= n
	in.entered += uint64(n)
	return true
}

// creditLocked enters a call in the ledger, in the place of one that has left if there
// is one. The caller holds the pool's mu.
func (p *Pool) creditLocked(inside bool) bool {
	if p.credit > 0 && p.ledger.Calm() {
		p.credit--
		return true
	}
	return p.ledger.Enter(1, inside)
}

// leftLocked lets n calls leave the ledger, or keeps their entries for others while
// nobody waits. The caller holds the pool's mu.
func (p *Pool) leftLocked(n int) {
	if p.credit < creditSize && p.ledger.Calm() {
		p.credit += n
		return
	}
	p.ledger.Leave(n)
}

// acceptQuickly takes a call that needs no look of its own, or says that it does.
func (p *Pool) acceptQuickly(ctx context.Context, c *call, j job) bool {
	in := &p.in
	in.mu.Lock()
	s := p.quickScope(ctx)
	if s == nil || !p.enterQuickly(1) {
		in.mu.Unlock()
		return false
	}
	c.scope = s
	s.add(c)
	in.leave(j)
	if p.size == 1 {
		p.submits.Add(1)
	}
	in.mu.Unlock()
	p.feed()
	return true
}

// acceptSome takes the calls from up to to, or none of them: then each has to be
// looked at.
func (p *Pool) acceptSome(ctx context.Context, b jobs, from, to int) bool {
	in := &p.in
	in.mu.Lock()
	s := p.quickScope(ctx)
	if s == nil || !p.enterQuickly(to-from) {
		in.mu.Unlock()
		return false
	}
	for i := from; i < to; i++ {
		c := b.job(i).base()
		c.scope = s
		s.add(c)
	}
	in.queue.pushSome(b, from, to)
	in.arrive()
	if p.size == 1 {
		p.submits.Add(1)
	}
	in.mu.Unlock()
	p.feed()
	return true
}

// feed wakes or starts a worker for what was put into the inbox, if there is a place.
func (p *Pool) feed() {
	if p.in.hungry.Load() {
		p.mu.Lock()
		p.starveLocked()
		p.kickLocked()
		p.unlock()
	}
}

// starveLocked tells submitters to pass by if one of them comes for nothing: only
// then, as who finds a free place every time would have it changed every time. The
// caller holds the pool's mu.
func (p *Pool) starveLocked() {
	if !p.hungryLocked() && p.in.hungry.Load() {
		p.in.hungry.Store(false)
	}
}

// fetchLocked moves what is in the inbox to the queue. The caller holds mu.
func (p *Pool) fetchLocked() {
	if p.in.arrived.Load() {
		p.emptyLocked()
	}
}

// emptyLocked does the same, waiting for who is just putting something in: for who
// must not miss it. The caller holds mu.
func (p *Pool) emptyLocked() {
	p.in.mu.Lock()
	p.empty()
	p.in.mu.Unlock()
}

// empty is the moving itself. The caller holds both mus.
func (p *Pool) empty() {
	p.queue.move(&p.in.queue)
	p.in.arrived.Store(false)
}

// shortMutex is for locks that are held for less than it takes to sleep and wake.
// Who finds it taken looks out for a moment first: sync.Mutex does not where a
// goroutine waits to run, as a woken worker does beside a submitter, and to sleep
// would give it the processor for as long as the workers have work.
type shortMutex struct{ sync.Mutex }

// lockSpins is how often Lock looks before it sleeps.
const lockSpins = 200

// Lock takes the lock.
func (m *shortMutex) Lock() {
	for range lockSpins {
		if m.TryLock() {
			return
		}
	}
	m.Mutex.Lock()
}
