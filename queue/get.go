package queue

import (
	"context"
	"errors"
	"iter"
	"runtime"
)

// Get takes the next item out.
//
// It blocks while the queue is empty and not closed. If ctx ends before there is an item, Get takes nothing and returns
// an error that matches ctx.Err() and context.Cause(ctx); under a ctx that has already ended it does so even if there is
// an item. On a queue that is closed and drained, whatever ctx says, and when it is closed while Get waits, it returns
// ErrClosed. It is safe for concurrent use.
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	if ctx.Err() != nil {
		var zero T
		return zero, q.refusal(ctx, true)
	}
	v, served, _, err := q.take(false)
	if errors.Is(err, ErrEmpty) {
		runtime.Gosched() // as in Put
		var w *waiter[T]
		if v, served, w, err = q.take(true); w != nil {
			return q.parkGet(ctx, w)
		}
	}
	if served != nil {
		served.wake()
	}
	return v, err
}

// TryGet takes the next item out if there is one now.
//
// It does not block and takes no ctx. It returns ErrEmpty if there is no item, and ErrClosed if there is none and the
// queue is closed. It is safe for concurrent use.
func (q *Queue[T]) TryGet() (T, error) {
	v, served, _, err := q.take(false)
	if served != nil {
		served.wake()
	}
	return v, err
}

// take takes the next item and stores that of a putter in the room, which the caller has to wake. If the queue is empty
// and list is set, it lists a waiter, as offer does.
func (q *Queue[T]) take(list bool) (v T, served, listed *waiter[T], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.n > 0:
		v = q.items.pop() // first, because it may panic
		q.n--
		if q.putters.front != nil {
			served = q.admitLocked()
		}
		return v, served, nil, nil
	case q.closed:
		return v, nil, nil, ErrClosed
	case list:
		listed = newWaiter(v)
		q.getters.push(listed)
	}
	return v, nil, listed, ErrEmpty
}

// admitLocked stores the item of the putter that parked first in the room that there is, and returns that putter, still
// to be woken; nil if there is none. The user's less may panic over that item, or end this goroutine. That is not the
// business of the caller, who has an item already: it goes to the putter, and the room to the next one.
func (q *Queue[T]) admitLocked() (served *waiter[T]) {
	w := q.putters.pop()
	if w == nil {
		return nil
	}
	stored := false
	defer func() {
		if stored {
			return
		}
		if w.panicked = recover(); w.panicked == nil {
			w.panicked = "potok/queue: less called runtime.Goexit"
		}
		w.wake()
		if next := q.admitLocked(); next != nil {
			next.wake() // here, because after a Goexit no caller gets to see a result
		}
	}()
	q.storeLocked(w.item)
	stored = true
	return w
}

func (q *Queue[T]) parkGet(ctx context.Context, w *waiter[T]) (T, error) {
	if err := q.park(ctx, &q.getters, w); err != nil {
		var zero T
		return zero, err
	}
	return w.item, w.err
}

// All returns a sequence that takes items out and yields them.
//
// It blocks as Get does. It ends in silence when the queue is closed and drained, and when ctx ends: the caller has the
// ctx. An item it yields counts as gotten, and the loop calls Done for it if anybody calls Join. Leaving the loop early
// takes no further item and leaves nothing behind. Any number of loops may run at once, over one sequence or several;
// each item is yielded in one of them.
func (q *Queue[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := q.Get(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}
