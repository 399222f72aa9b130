package potok

// segmentSize calls share one allocation in the queue.
const segmentSize = 256

// segment is a part of the queue. A worker takes a window of it, jobs that
// nobody changes until he is done with them, so he reads them without a lock and
// so do those who steal from him.
type segment struct {
	slots  []job // segmentSize of them; nil with many
	many   jobs  // they were submitted together, and need no slots of their own
	front  bool  // made by pushFront
	lo, hi int   // those still in the queue are lo <= i < hi
	refs   int   // windows that workers have
	next   *segment
}

// at returns job i.
func (s *segment) at(i int) job {
	if s.many != nil {
		return s.many.job(i)
	}
	return s.slots[i]
}

// clear forgets jobs, so that what ran is not kept. Those of many keep each other.
func (s *segment) clear(lo, hi int) {
	if s.many == nil {
		clear(s.slots[lo:hi])
	}
}

// full says whether nothing more can be pushed.
func (s *segment) full() bool { return s.many != nil || s.hi == len(s.slots) }

// jobQueue is a FIFO of any length: what is pushed into one is moved to another,
// from which it is taken (inbox.go).
//
// A call in it carries the number of its place, so that who cancels it can tell
// whether it is still there though nobody touches it when it is taken: that would
// fetch it from the processor of whoever submitted it, under the lock.
type jobQueue struct {
	head, tail *segment
	n          int      // jobs in it, cancelled ones too
	first      place    // number of the first, but for those that were put back
	last       place    // number of the next
	spare      *segment // a few, linked by next, kept for reuse
	spares     int
}

// maxSpares is how many segments a queue keeps.
const maxSpares = 4

// place tells where a call is. It is guarded by the pool's mu, but while the call
// runs it is its worker's.
type place uint32

const (
	isQueued place = 1 << 31 // in the queue, or taken from it, under the number in the low bits
	isBack   place = 1 << 30 // put back to the head of the queue, without a number
	isListed place = 1 << 29 // in its scope's list
	// Neither queued nor back: not in the queue, or noted as dead. The low bits are
	// then the index of the worker who runs it, once one does.
	placeMask = isListed - 1
)

func (p place) queued() bool { return p&(isQueued|isBack) != 0 }

// move says where the call is now. That it is listed stays.
func (p *place) move(to place) { *p = *p&isListed | to }

// has says whether a call that does not run is in the queue and not noted as dead.
func (q *jobQueue) has(c *call) bool {
	switch {
	case c.place&isBack != 0:
		return true
	case c.place&isQueued != 0:
		return int((c.place-q.first)&placeMask) < q.n
	}
	return false
}

func (q *jobQueue) push(j job) {
	j.base().place.move(isQueued | q.last&placeMask)
	q.last++
	t := q.tail
	if t == nil || t.full() {
		t = q.segment()
		q.appendSegment(t)
	}
	t.slots[t.hi] = j
	t.hi++
	q.n++
}

// pushSome is push for those of many from lo to hi.
func (q *jobQueue) pushSome(many jobs, lo, hi int) {
	for i := lo; i < hi; i++ {
		many.job(i).base().place.move(isQueued | q.last&placeMask)
		q.last++
	}
	if t := q.tail; t != nil && t.many == many && t.hi == lo {
		t.hi = hi
	} else {
		q.appendSegment(&segment{many: many, lo: lo, hi: hi})
	}
	q.n += hi - lo
}

func (q *jobQueue) appendSegment(s *segment) {
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
}

// pushFront puts jobs back, at most segmentSize, in their order.
func (q *jobQueue) pushFront(jobs []job) {
	if len(jobs) == 0 {
		return
	}
	for _, j := range jobs {
		j.base().place.move(isBack)
	}
	s := q.segment()
	s.front = true
	s.lo = segmentSize - len(jobs)
	s.hi = segmentSize
	copy(s.slots[s.lo:], jobs)
	s.next = q.head
	q.head = s
	if q.tail == nil {
		q.tail = s
	}
	q.n += len(jobs)
}

// take removes at most want jobs from the front, all of one segment, on which
// the caller gets a reference. It returns none only from an empty queue.
func (q *jobQueue) take(want int) (s *segment, lo, hi int) {
	s = q.head
	if s == nil {
		return nil, 0, 0
	}
	lo, hi = s.lo, min(s.hi, s.lo+want)
	s.lo = hi
	s.refs++
	q.n -= hi - lo
	if !s.front {
		q.first += place(hi - lo)
	}
	if s.lo == s.hi {
		q.head = s.next
		if q.head == nil {
			q.tail = nil
		}
		s.next = nil
	}
	return s, lo, hi
}

// done gives a window back. Its slots are cleared, so that what ran is not kept.
func (q *jobQueue) done(s *segment, lo, hi int) {
	s.clear(lo, hi)
	s.refs--
	if s.refs == 0 && s.lo == s.hi && s.many == nil && q.spares < maxSpares {
		s.next = q.spare
		q.spare = s
		q.spares++
	}
}

func (q *jobQueue) segment() *segment {
	s := q.spare
	if s == nil {
		return &segment{slots: make([]job, segmentSize)}
	}
	q.spare = s.next
	q.spares--
	s.next = nil
	s.lo, s.hi, s.front = 0, 0, false
	return s
}

// move appends all of other, which is empty then, and gives it the spare segments.
func (q *jobQueue) move(other *jobQueue) {
	if other.head != nil {
		q.appendSegment(other.head)
		q.tail = other.tail
		q.n += other.n
		other.head, other.tail, other.n = nil, nil, 0
	}
	q.last = other.last
	if other.spare == nil {
		other.spare, other.spares, q.spare, q.spares = q.spare, q.spares, nil, 0
	}
}

// each calls fn with every job in the queue.
func (q *jobQueue) each(fn func(job)) {
	for s := q.head; s != nil; s = s.next {
		for i := s.lo; i < s.hi; i++ {
			fn(s.at(i))
		}
	}
}

// filter keeps the jobs that keep wants.
func (q *jobQueue) filter(keep func(job) bool) {
	old := *q
	*q = jobQueue{spare: old.spare, spares: old.spares, first: old.last, last: old.last}
	old.each(func(j job) {
		if keep(j) {
			q.push(j)
		}
	})
}
