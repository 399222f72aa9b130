package queue

// ring gives items out in the order in which they came in. It grows by doubling, so that a large capacity costs nothing
// until it is used, and the length of buf is 0 or a power of two.
type ring[T any] struct {
	buf  []T
	head int // index of the first item
	n    int // buf[head:head+n], around the end, are the items; all else is zero, so nothing is kept alive
}

func (r *ring[T]) push(v T) {
	if r.n == len(r.buf) {
		r.grow()
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = v
	r.n++
}

func (r *ring[T]) grow() {
	buf := make([]T, max(1, 2*len(r.buf)))
	k := copy(buf, r.buf[r.head:])
	copy(buf[k:], r.buf[:r.head])
	r.buf, r.head = buf, 0
}

func (r *ring[T]) pop() T {
	var zero T
	v := r.buf[r.head]
	r.buf[r.head] = zero
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return v
}

func (r *ring[T]) drain() []T {
	all := make([]T, 0, r.n)
	for r.n > 0 {
		all = append(all, r.pop())
	}
	*r = ring[T]{}
	return all
}
