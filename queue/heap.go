package queue

import "slices"

// heap gives out the least item, and of equal ones the one that came in first: a binary heap, the children of i at
// 2i+1 and 2i+2, neither before its parent.
//
// push and pop first ask less all that they have to know and only then move anything, so a less that panics leaves the
// heap as it was. That is why container/heap, which swaps as it goes, is not used.
type heap[T any] struct {
	less func(a, b T) bool
	s    []ranked[T]
	next uint64 // rank of the next item
}

type ranked[T any] struct {
	v    T
	rank uint64 // order of arrival
}

// before says whether a leaves before b. It asks less once: the later of the two is first only if it is less.
func (h *heap[T]) before(a, b *ranked[T]) bool {
	if a.rank > b.rank {
		return h.less(a.v, b.v)
	}
	return !h.less(b.v, a.v)
}

func (h *heap[T]) push(v T) {
	x := ranked[T]{v, h.next}
	to := len(h.s) // where x will be
	for to > 0 && h.before(&x, &h.s[(to-1)/2]) {
		to = (to - 1) / 2
	}

	h.next++
	h.s = append(h.s, x)
	i := len(h.s) - 1
	for ; i > to; i = (i - 1) / 2 {
		h.s[i] = h.s[(i-1)/2]
	}
	h.s[i] = x
}

func (h *heap[T]) pop() T {
	last := len(h.s) - 1
	x := h.s[last]
	to := 0 // where x will be
	for {
		child := 2*to + 1
		if child >= last {
			break
		}
		if child+1 < last && h.before(&h.s[child+1], &h.s[child]) {
			child++
		}
		if !h.before(&h.s[child], &x) {
			break
		}
		to = child
	}

	// From there up to the root each moves to its parent's place, and the root falls out.
	h.s[last] = ranked[T]{} // so that nothing is kept alive
	h.s = h.s[:last]
	if last == 0 {
		return x.v
	}
	for ; to > 0; to = (to - 1) / 2 {
		x, h.s[to] = h.s[to], x
	}
	root := h.s[0].v
	h.s[0] = x
	return root
}

func (h *heap[T]) drain() []T {
	left := heap[T]{less: h.less, s: slices.Clone(h.s)}
	all := make([]T, 0, len(h.s))
	for len(left.s) > 0 {
		all = append(all, left.pop())
	}
	h.s = nil
	return all
}
