package lock

import (
	"context"
	"sync"
	"sync/atomic"
)

// Event is a flag that goroutines wait for. The zero value is ready, and not set. It must not be copied after first use.
//
// Against a channel that is closed it can be set any number of times, and cleared. What was done before Set happens
// before the return of a Wait that saw it.
//
// Every method may be called from any number of goroutines at once.
type Event struct {
	set atomic.Bool // written under mu only

	mu      sync.Mutex // guards the list; never held while blocking
	waiting waiters    // not empty only if not set
}

// Set sets e and wakes everyone who waits for it now, even if Clear follows at once. On a set event it changes nothing.
//
// It does not block.
func (e *Event) Set() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set.Store(true)
	e.waiting.tellAll(true)
}

// Clear makes e not set again: from now on Wait waits for the next Set. It touches nobody whom a Set has woken.
//
// It does not block.
func (e *Event) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set.Store(false)
}

// IsSet says whether e is set now.
//
// It does not block.
func (e *Event) IsSet() bool { return e.set.Load() }

// Wait waits until e is set.
//
// It blocks while it is not. If ctx ends before, the error matches ctx.Err() and context.Cause(ctx). On a set event,
// and for a waiter whose ctx ends at the moment of Set, it is nil, whatever ctx says.
func (e *Event) Wait(ctx context.Context) error {
	if e.set.Load() {
		return nil
	}
	e.mu.Lock()
	if e.set.Load() {
		e.mu.Unlock()
		return nil
	}
	w := e.waiting.join(0)
	e.mu.Unlock()
	_, err := e.waiting.park(ctx, &e.mu, w, nil)
	return err
}
