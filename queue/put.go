package queue

import (
	"context"
	"errors"
	"runtime"
)

// Put stores v.
//
// It blocks while the queue is full. If ctx ends before there is room for v, Put stores nothing and returns an error
// that matches ctx.Err() and context.Cause(ctx); under a ctx that has already ended it does so even if there is room.
// On a closed queue, whatever ctx says, and when the queue is closed while it waits, it stores nothing and returns
// ErrClosed. It is safe for concurrent use.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	if ctx.Err() != nil {
		return q.refusal(ctx, false)
	}
	served, _, err := q.offer(v, false)
	if errors.Is(err, ErrFull) {
		// One turn for the others is often enough, and costs less than to park and be woken.
		runtime.Gosched()
		var w *waiter[T]
		if served, w, err = q.offer(v, true); w != nil {
			return q.parkPut(ctx, w)
		}
	}
	if served != nil {
		served.wake()
	}
	return err
}

// TryPut stores v if there is room now.
//
// It does not block and takes no ctx. It returns ErrFull if the queue is full and ErrClosed if it is closed, and has
// then stored nothing. It is safe for concurrent use.
func (q *Queue[T]) TryPut(v T) error {
	served, _, err := q.offer(v, false)
	if served != nil {
		served.wake()
	}
	return err
}

// offer stores v or hands it to a getter, which the caller has to wake: after the lock is free, since to wake somebody
// takes longer than all that is done under it. If the queue is full and list is set, it lists a waiter that holds v,
// under the same lock, so that no Get can come between and miss it.
func (q *Queue[T]) offer(v T, list bool) (served, listed *waiter[T], err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return nil, nil, ErrClosed
	case q.getters.front != nil: // so the queue is empty, and v is the next item in any order
		served = q.getters.pop()
		served.item = v
		q.owed++
		return served, nil, nil
	case q.n < q.capacity:
		q.storeLocked(v)
		return nil, nil, nil
	case list:
		listed = newWaiter(v)
		q.putters.push(listed)
	}
	return nil, listed, ErrFull
}

// storeLocked needs room.
func (q *Queue[T]) storeLocked(v T) {
	q.items.push(v) // first, because it may panic
	q.n++
	q.owed++
}

func (q *Queue[T]) parkPut(ctx context.Context, w *waiter[T]) error {
	if err := q.park(ctx, &q.putters, w); err != nil {
		return err
	}
	if w.panicked != nil {
		panic(w.panicked)
	}
	return w.err
}
