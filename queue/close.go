package queue

// Close lets no more items in. Those that are stored can still be gotten, and after the last one Get and TryGet return
// ErrClosed. Everyone who waits in Put, and everyone who waits in Get, wakes with ErrClosed at once.
//
// It does not block, takes no ctx and returns no error. It may be called any number of times, from any number of
// goroutines at once, by producers as well as consumers. It does not touch Join: what is owed stays owed.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked()
}

// CloseNow is Close, and takes out the items that are left. It returns them in the order in which Get would have, nil
// or empty if there are none, and they count as Done.
//
// It does not block, takes no ctx and returns no error. It may be called any number of times, beside Close too, and from
// any number of goroutines at once: each item is returned once.
func (q *Queue[T]) CloseNow() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked()
	left := q.items.drain()
	q.owed -= q.n
	q.n = 0
	q.settleLocked()
	return left
}

func (q *Queue[T]) closeLocked() {
	q.closed = true
	for _, list := range []*waiters[T]{&q.putters, &q.getters} {
		for w := list.pop(); w != nil; w = list.pop() {
			w.err = ErrClosed
			w.wake()
		}
	}
}
