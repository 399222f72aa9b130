package queue

import (
	"context"
	"fmt"
)

// Queue is a bounded queue of items of type T, made by New, NewLIFO or NewPriority. The zero value is not usable.
//
// Every method may be called from any number of goroutines at once.
type Queue[T any] struct {
	capacity int

	mu      mutex         // guards the fields below and the listed waiters; never held while blocking
	items   items[T]      // holds n
	n       int           // 0 <= n <= capacity
	owed    int           // n <= owed: items stored and not Done; owed-n of them were gotten
	closed  bool          // stays true
	getters waiters[T]    // not empty only if n == 0 and not closed
	putters waiters[T]    // not empty only if n == capacity and not closed
	settled chan struct{} // what Join waits on, closed when owed becomes 0; not nil only if owed > 0
}

// items is where the items lie; it decides in what order they leave. Calls are made under the queue's lock.
// Where push, pop or drain panics because the user's less did, nothing has changed.
type items[T any] interface {
	push(v T)
	pop() T     // there must be one
	drain() []T // all, in pop's order
}

// New returns a queue of at most capacity items that leave in the order in which they were put.
//
// It does not block. It panics if capacity is less than 1. Memory is taken as items come, up to the power of two at or
// above capacity.
func New[T any](capacity int) *Queue[T] {
	return newQueue(capacity, new(ring[T]))
}

// NewLIFO returns a queue of at most capacity items of which the newest leaves first.
//
// It does not block. It panics if capacity is less than 1.
func NewLIFO[T any](capacity int) *Queue[T] {
	return newQueue(capacity, new(stack[T]))
}

// NewPriority returns a queue of at most capacity items of which the least by less leaves first; items of which neither
// is less than the other leave in the order in which they were put.
//
// It does not block. It panics if capacity is less than 1 or less is nil.
//
// The queue calls less under its lock, up to log2 of its length times a put and twice that a get. So less must be quick,
// must return, must not block, must not call this queue, and must always say the same of the same two items. Where it
// panics all the same, nothing is lost and the queue goes on: Put panics and has stored nothing, Get or CloseNow panics
// and has taken nothing. For a Put that waits for room less runs in the Get that makes the room; a panic there goes to
// that Put, on its own goroutine, and not to the Get.
func NewPriority[T any](capacity int, less func(a, b T) bool) *Queue[T] {
	if less == nil {
		panic("potok/queue: NewPriority with a nil less")
	}
	return newQueue(capacity, &heap[T]{less: less})
}

func newQueue[T any](capacity int, items items[T]) *Queue[T] {
	if capacity < 1 {
		panic(fmt.Sprintf("potok/queue: capacity %d is less than 1", capacity))
	}
	return &Queue[T]{capacity: capacity, items: items}
}

// Len returns the number of items stored now. Items of putters that wait for room are not among them.
//
// It does not block, returns no error, and is safe for concurrent use.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// Cap returns the capacity that the queue was made with.
//
// It does not block, returns no error, and is safe for concurrent use.
func (q *Queue[T]) Cap() int { return q.capacity }

// refusal is the error of a put or a get under a ctx that has ended.
func (q *Queue[T]) refusal(ctx context.Context, get bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed && !(get && q.n > 0) {
		return ErrClosed
	}
	return endedError(ctx)
}
