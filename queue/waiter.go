package queue

import "context"

// A waiter is one parked Put or Get.
//
//	listed  → settled   by whoever serves or refuses it: takes it off its list, writes the outcome, closes ready
//	listed  → gone      by itself, when its ctx ended: takes itself off its list
//
// Both happen under the queue's lock and off the list, so exactly one of them happens. The outcome is written before
// ready is closed and read after, which orders the two; a waiter that wakes by its ctx reads it under the lock.
//
// Waiters are not recycled: a channel made in one synctest bubble must not be met in another, and a queue may outlive
// the bubble that it is used in.
type waiter[T any] struct {
	next, prev *waiter[T]
	listed     bool
	ready      chan struct{} // closed once settled

	item     T     // what Put brought or Get is given
	err      error // ErrClosed, or nil
	panicked any   // what less panicked with while item was being stored; nil if it did not
}

func newWaiter[T any](item T) *waiter[T] {
	return &waiter[T]{item: item, ready: make(chan struct{})}
}

// wake lets w go, which is off its list and has its outcome.
func (w *waiter[T]) wake() { close(w.ready) }

// waiters is a list of waiters in the order in which they parked. The zero value is empty.
type waiters[T any] struct{ front, back *waiter[T] }

func (l *waiters[T]) push(w *waiter[T]) {
	w.prev = l.back
	if l.back == nil {
		l.front = w
	} else {
		l.back.next = w
	}
	l.back = w
	w.listed = true
}

func (l *waiters[T]) remove(w *waiter[T]) {
	if w.prev == nil {
		l.front = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.back = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.listed = nil, nil, false
}

// pop takes the waiter that parked first off the list; nil if there is none.
func (l *waiters[T]) pop() *waiter[T] {
	w := l.front
	if w != nil {
		l.remove(w)
	}
	return w
}

// park waits until w, which is on list or already settled, is settled or ctx ends. If it returns nil the outcome is in w.
func (q *Queue[T]) park(ctx context.Context, list *waiters[T], w *waiter[T]) error {
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !w.listed {
		return nil // served in the meantime: what was given is accepted, so nothing has to be given back
	}
	list.remove(w)
	return endedError(ctx)
}
