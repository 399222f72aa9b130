package potok

import "context"

// blockedCall is a call whose Submit waits for room in the backlog. Room is
// given in order of arrival by whoever makes it, so that nobody who comes later
// takes it away.
type blockedCall struct {
	job    job
	inside bool // submitted by a running call of the pool: Shutdown lets it in
	hasty  bool // waits only for workers that are leaving a call behind
	park   *parking

	next, prev *blockedCall // guarded by the pool's mu, as the next two
	listed     bool
	refused    error // why it was taken out without being let in
}

// blockedList is a FIFO. It is guarded by the pool's mu.
type blockedList struct {
	head, tail *blockedCall
	n          int
}

// first returns the one to be taken next. Those whose ctx has ended are left for
// their Submit to take out: the sweep of their scope may be over.
func (l *blockedList) first() *blockedCall {
	b := l.head
	for b != nil && b.job.base().scope.over() {
		b = b.next
	}
	return b
}

func (l *blockedList) push(b *blockedCall) {
	b.listed = true
	l.n++
	b.prev = l.tail
	if l.tail != nil {
		l.tail.next = b
	} else {
		l.head = b
	}
	l.tail = b
}

func (l *blockedList) remove(b *blockedCall) {
	if b.prev != nil {
		b.prev.next = b.next
	} else {
		l.head = b.next
	}
	if b.next != nil {
		b.next.prev = b.prev
	} else {
		l.tail = b.prev
	}
	b.next, b.prev, b.listed = nil, nil, false
	l.n--
}

// roomLocked says whether a call may be taken now. The caller holds mu.
func (p *Pool) roomLocked() bool {
	return p.backlog < 0 || p.blocked.head == nil && (p.queued < p.backlog || p.handsOverLocked())
}

// awaitRoom blocks until b is taken or refused, or ctx ends. The
// place of the call it is called from is lent before room is looked for again:
// that may be just the place that is needed.
func (p *Pool) awaitRoom(ctx context.Context, b *blockedCall) {
	c := b.job.base()
	b.park = newParking(ctx)
	p.mu.Lock()
	if p.roomLocked() || p.ledger.Closed() || p.ledger.Draining() && !b.inside {
		p.enterLocked(ctx, c, b.job, b.inside)
		b.park.resume()
		return
	}
	p.awaitRoomLocked(ctx, b)
}

// awaitRoomLocked is the waiting itself. The caller holds mu, which is given up.
func (p *Pool) awaitRoomLocked(ctx context.Context, b *blockedCall) {
	p.blocked.push(b)
	p.unlock()
	select {
	case <-b.park.ch:
	case <-ctx.Done():
		p.giveUpRoom(b)
	}
	if b.refused != nil {
		turnAway(&p.host, b.job, b.refused)
	}
}

// roomSoonLocked says whether one more call finds room without waiting for code
// of the user's: who knows that a call has settled may count on its place, though
// its worker has not come to give it back. The caller holds mu.
func (p *Pool) roomSoonLocked() bool { return p.comingLocked() > p.blocked.n }

// comingLocked returns how many places are free or held by workers who are about
// to look for work. The caller holds mu.
func (p *Pool) comingLocked() int {
	n := p.free
	for _, w := range p.workers {
		if w.has != nil && w.has.settled() || w.called && w.hand == nil {
			n++
		}
	}
	return n
}

// refuseHastyLocked refuses those who waited for a worker to leave its call behind
// and got nothing when it did: it had to give its place to one who returns from a
// wait, say. The caller holds mu.
func (p *Pool) refuseHastyLocked() {
	if !p.refuse || p.blocked.n == 0 {
		return
	}
	room := p.comingLocked()
	for b := p.blocked.head; b != nil; room-- {
		next := b.next
		if b.hasty && room <= 0 {
			p.refuseLocked(b, ErrFull)
		}
		b = next
	}
}

// refuseLocked takes a blocked call out of the list, not to be let in. The caller
// holds mu.
func (p *Pool) refuseLocked(b *blockedCall, why error) {
	p.blocked.remove(b)
	p.forgetLocked(b.job.base().scope, 1)
	b.refused = why
	p.after = append(p.after, b.park.unpark)
}

// giveUpRoom takes a blocked call out of the list and cancels it, unless it was
// taken or refused in the same moment.
func (p *Pool) giveUpRoom(b *blockedCall) {
	p.mu.Lock()
	listed := b.listed
	if listed {
		p.blocked.remove(b)
		p.forgetLocked(b.job.base().scope, 1)
		p.admitLocked() // it may have kept the others out
		p.kickLocked()
	}
	p.unlock()
	if !listed {
		<-b.park.ch
		return
	}
	b.park.resume()
	c := b.job.base()
	c.fail(cancelledBy(c.scope.ctx))
	c.move(phasePending, phaseCancelling)
	b.job.release()
	p.ledger.Unrun(false, 1)
	runCallbacks(c.announce(&p.host, phaseCancelled|phaseReleased, nil, nil))
}

// admitLocked takes blocked calls for as long as there is room in the queue. The
// caller holds mu.
func (p *Pool) admitLocked() {
	for b := p.blocked.first(); b != nil && p.queued < p.backlog; b = p.blocked.first() {
		if p.admitOneLocked(b) {
			p.placeLocked(b.job)
		}
	}
}

// admitOneLocked takes a blocked call out of the list and into the ledger. False:
// it was refused, as the pool is closed. The caller holds mu.
func (p *Pool) admitOneLocked(b *blockedCall) bool {
	if p.swept || !p.ledger.Enter(1, b.inside) {
		p.refuseLocked(b, ErrClosed)
		return false
	}
	p.blocked.remove(b)
	p.entered++
	c := b.job.base()
	p.listLocked(c)
	p.after = append(p.after, b.park.unpark)
	return true
}

// refuseBlocked refuses those who wait for room and may not be let in any more.
func (p *Pool) refuseBlocked() {
	p.mu.Lock()
	for b := p.blocked.head; b != nil; {
		next := b.next
		if !b.inside || p.ledger.Closed() {
			p.refuseLocked(b, ErrClosed)
		}
		b = next
	}
	p.unlock()
}
