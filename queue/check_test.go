package queue

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
)

// check asserts what is written beside the fields of Queue.
func (q *Queue[T]) check(t testing.TB) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	must := func(ok bool, relation string) {
		if !ok {
			t.Errorf("broken: %s (n=%d capacity=%d owed=%d closed=%t)", relation, q.n, q.capacity, q.owed, q.closed)
		}
	}
	must(0 <= q.n && q.n <= q.capacity, "0 <= n <= capacity")
	must(q.n <= q.owed, "n <= owed")
	must(q.getters.front == nil || q.n == 0 && !q.closed, "getters wait only on an empty open queue")
	must(q.putters.front == nil || q.n == q.capacity && !q.closed, "putters wait only on a full open queue")
	must(q.settled == nil || q.owed > 0, "joiners wait only while something is owed")
	must(q.getters.sound() && q.putters.sound(), "the lists are linked both ways, of listed waiters")

	switch s := q.items.(type) {
	case *ring[T]:
		must(s.n == q.n, "n items in the ring")
		must(len(s.buf)&(len(s.buf)-1) == 0 && len(s.buf) < 2*q.capacity, "the ring's size is the next power of two at most")
	case *stack[T]:
		must(len(s.s) == q.n, "n items on the stack")
	case *heap[T]:
		must(len(s.s) == q.n, "n items in the heap")
		for i := 1; i < len(s.s); i++ {
			must(!s.before(&s.s[i], &s.s[(i-1)/2]), "no item before its parent")
		}
	}
}

func (l *waiters[T]) sound() bool {
	var prev *waiter[T]
	for w := l.front; w != nil; prev, w = w, w.next {
		if w.prev != prev || !w.listed {
			return false
		}
	}
	return l.back == prev
}

// parked counts the waiters on both lists.
func (q *Queue[T]) parked() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range []*waiters[T]{&q.getters, &q.putters} {
		for w := l.front; w != nil; w = w.next {
			n++
		}
	}
	return n
}

// awaitParked waits until n waiters are parked, in a bubble and out of it.
func (q *Queue[T]) awaitParked(n int) {
	for q.parked() != n {
		runtime.Gosched()
	}
}

// everywhere runs a test in two bubbles, one after the other, and outside: what is kept between them would kill one.
func everywhere(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Run("place=bubble1", func(t *testing.T) { synctest.Test(t, test) })
	t.Run("place=outside", test)
	t.Run("place=bubble2", func(t *testing.T) { synctest.Test(t, test) })
}

// orders are the three disciplines over ints; a priority is the thousands, so that items can be
// equal and still be told apart.
var orders = map[string]func(capacity int) *Queue[int]{
	"fifo":     New[int],
	"lifo":     NewLIFO[int],
	"priority": func(capacity int) *Queue[int] { return NewPriority(capacity, byThousands) },
}

func byThousands(a, b int) bool { return a/1000 < b/1000 }

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
