package lock

import (
	"context"
	"sync"
)

// The waiters of Event, Semaphore, Barrier and Cond are those of Mutex with fewer ways to go:
//
//	listed → told   by whoever serves or refuses it: off the list, with the outcome in ready
//	listed → gone   by itself, when its ctx ended
//
// Both happen under the mutex that guards the list, so exactly one of them happens.

// join puts a new waiter at the end.
func (l *waiters) join(k int) *waiter {
	w := &waiter{k: k, ready: make(chan bool, 1)}
	l.pushBack(w)
	return w
}

// tell takes w off the list and wakes it with the outcome.
func (l *waiters) tell(w *waiter, outcome bool) {
	l.remove(w)
	w.ready <- outcome
}

func (l *waiters) tellAll(outcome bool) {
	for l.front != nil {
		l.tell(l.front, outcome)
	}
}

// park waits until w is told the outcome or ctx ends. If ctx ends first it takes w off the list, which mu guards, and
// calls gone, if there is one, before mu is free again.
func (l *waiters) park(ctx context.Context, mu *sync.Mutex, w *waiter, gone func()) (outcome bool, err error) {
	select {
	case outcome = <-w.ready:
		return outcome, nil
	case <-ctx.Done():
	}
	mu.Lock()
	left := w.listed
	if left {
		l.remove(w)
		if gone != nil {
			gone()
		}
	}
	mu.Unlock()
	if left {
		return false, endedError(ctx)
	}
	return <-w.ready, nil // both at once: what was waited for wins, so nothing has to be given back
}
