package lock

import (
	"math/bits"
	"sync/atomic"
)

// edges is a set of edges by the node they come from: a table that is looked up without a lock while one goroutine adds
// to it. Nothing is taken out; a new table is made instead.
type edges struct {
	n     int                    // at most three quarters of the slots; only whoever adds looks at it
	slots []atomic.Pointer[edge] // a power of two; an edge is in the first free slot from its own on, and around
}

// find returns the edge from the node with that id; nil if there is none. A nil set is empty.
func (s *edges) find(id uint64) *edge {
	if s == nil {
		return nil
	}
	for i := s.slotOf(id); ; i = (i + 1) & (len(s.slots) - 1) {
		if e := s.slots[i].Load(); e == nil || e.fromID == id {
			return e
		}
	}
}

// slotOf spreads ids, which count up, over the table: Fibonacci hashing.
func (s *edges) slotOf(id uint64) int {
	return int(id * 0x9e3779b97f4a7c15 >> (64 - bits.TrailingZeros(uint(len(s.slots)))))
}

// with returns a set that has e too, which must not be in s: s itself, or one with more room.
func (s *edges) with(e *edge) *edges {
	if s == nil || 4*(s.n+1) > 3*len(s.slots) {
		s = s.live()
	}
	s.add(e)
	return s
}

func (s *edges) add(e *edge) {
	i := s.slotOf(e.fromID)
	for s.slots[i].Load() != nil {
		i = (i + 1) & (len(s.slots) - 1)
	}
	s.slots[i].Store(e)
	s.n++
}

// swept returns s, if all of it is alive, or what is.
func (s *edges) swept() *edges {
	for e := range s.all {
		if e.from.Value() == nil {
			return s.live()
		}
	}
	return s
}

// live returns a set of the edges of s that do not come from a lock that is no more, and at most three eighths full.
func (s *edges) live() *edges {
	var live []*edge
	for e := range s.all {
		if e.from.Value() != nil {
			live = append(live, e)
		}
	}
	size := 4
	for 8*(len(live)+1) > 3*size {
		size *= 2
	}
	t := &edges{slots: make([]atomic.Pointer[edge], size)}
	for _, e := range live {
		t.add(e)
	}
	return t
}

// all yields the edges in no order.
func (s *edges) all(yield func(*edge) bool) {
	if s == nil {
		return
	}
	for i := range s.slots {
		if e := s.slots[i].Load(); e != nil && !yield(e) {
			return
		}
	}
}
