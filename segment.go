package potok

// segmentSize calls share one allocation in the queue: 16 bytes a call, and with
// the other fields just 4,096, which is a size class of Go's allocator.
const segmentSize = 253

// segment is a part of the queue. A worker takes a window of it, slots that
// nobody changes until he is done with them, so he reads them without a lock and
// so do those who steal from him.
type segment struct {
	slots  [segmentSize]job
	front  bool // made by pushFront
	lo, hi int  // slots still in the queue are lo <= i < hi
	refs   int  // windows that workers have
	next   *segment
}

// jobQueue is a FIFO of any length. It is guarded by the pool's mu.
//
// A call in it carries the number of its place, so that who cancels it can tell
// whether it is still there though nobody touches it when it is taken: that would
// fetch it from the processor of whoever submitted it, under the lock.
type jobQueue struct {
	head, tail *segment
	n          int      // jobs in it, cancelled ones too
	first      place    // number of the first, but for those that were put back
	last       place    // number of the next
	spare      *segment // one, kept for reuse
}

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
	if t == nil || t.hi == segmentSize {
		t = q.segment()
		if q.tail == nil {
			q.head = t
		} else {
			q.tail.next = t
		}
		q.tail = t
	}
	t.slots[t.hi] = j
	t.hi++
	q.n++
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
	for s = q.head; s != nil && s.lo == s.hi; s = q.head {
		if s == q.tail && s.hi < segmentSize {
			return nil, 0, 0 // empty, and the rest of it can still be filled
		}
		q.drop(s)
	}
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
	return s, lo, hi
}

// drop takes the first segment, which is empty, out of the queue.
func (q *jobQueue) drop(s *segment) {
	q.head = s.next
	if q.head == nil {
		q.tail = nil
	}
	s.next = nil
	s.lo, s.hi = segmentSize, segmentSize // full: no longer in the queue
	q.recycle(s)
}

// done gives a window back. Its slots are cleared, so that what ran is not kept.
func (q *jobQueue) done(s *segment, lo, hi int) {
	clear(s.slots[lo:hi])
	s.refs--
	switch {
	case s.refs > 0:
	case q.n == 0 && s == q.tail: // it is the only one left
		s.lo, s.hi = 0, 0 // the queue is empty: start over
	case s != q.head && s.lo == s.hi:
		q.recycle(s)
	}
}

// recycle keeps an unused segment for the next one that is needed.
func (q *jobQueue) recycle(s *segment) {
	if s.refs == 0 && s.next == nil && s != q.tail {
		q.spare = s
	}
}

func (q *jobQueue) segment() *segment {
	s := q.spare
	if s == nil {
		return new(segment)
	}
	q.spare = nil
	s.lo, s.hi, s.front = 0, 0, false
	return s
}

// aside returns a segment with jobs that is not in the queue, referred to once.
func (q *jobQueue) aside(jobs []job) *segment {
	s := q.segment()
	s.lo, s.hi, s.refs = segmentSize, segmentSize, 1
	copy(s.slots[:], jobs)
	return s
}

// each calls fn with every job in the queue.
func (q *jobQueue) each(fn func(job)) {
	for s := q.head; s != nil; s = s.next {
		for _, j := range s.slots[s.lo:s.hi] {
			fn(j)
		}
	}
}

// filter keeps the jobs that keep wants.
func (q *jobQueue) filter(keep func(job) bool) {
	old := *q
	*q = jobQueue{spare: old.spare, first: old.last, last: old.last}
	old.each(func(j job) {
		if keep(j) {
			q.push(j)
		}
	})
}
