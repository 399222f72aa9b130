package lock

import (
	"context"
	"fmt"
	"sync"
)

// Semaphore gives out a fixed number of tokens, to be given back. It is made by NewSemaphore; the zero value has no
// tokens. It must not be copied after first use.
//
// Tokens belong to no goroutine: one may acquire them and another release them. Who waits is served in the order of
// coming, and nobody is served before them: a large request at the front is not overtaken by small ones. What was done
// before Release happens before the return of the Acquire that gets those tokens.
//
// Every method may be called from any number of goroutines at once.
type Semaphore struct {
	n int

	mu      sync.Mutex // guards the fields below; never held while blocking
	free    int        // 0 <= free <= n
	waiting waiters    // the first of them wants more than free, and none wants 0 or more than n
}

// NewSemaphore returns a Semaphore of n tokens, all free.
//
// It does not block. It panics if n is less than 1.
func NewSemaphore(n int) *Semaphore {
	if n < 1 {
		panic(fmt.Sprintf("potok/lock: NewSemaphore with %d tokens at %s", n, callSite()))
	}
	return &Semaphore{n: n, free: n}
}

// Acquire takes k tokens, all at once.
//
// It blocks until everyone who came before is served and k are free; for 0 it does not. If ctx ends before, Acquire
// takes nothing, and the error matches ctx.Err() and context.Cause(ctx); under a ctx that has already ended that is so
// even if there are enough. A waiter that was served and whose ctx ends at the same moment has the tokens, and the error
// is nil. If k is more than the semaphore has at all, Acquire does not wait for what can never be, and returns another
// error.
//
// It panics if k is negative.
func (s *Semaphore) Acquire(ctx context.Context, k int) error {
	mustNotBeNegative(k)
	switch {
	case ctx.Err() != nil:
		return endedError(ctx)
	case k > s.n:
		return fmt.Errorf("potok/lock: Acquire of %d tokens, where the Semaphore has %d", k, s.n)
	}
	s.mu.Lock()
	if s.takeLocked(k) {
		s.mu.Unlock()
		return nil
	}
	w := s.waiting.join(k)
	s.mu.Unlock()
	_, err := s.waiting.park(ctx, &s.mu, w, s.serveLocked) // whoever stood behind w may have enough
	return err
}

// TryAcquire takes k tokens if they are free and nobody waits, and says whether it did. For 0 it says true.
//
// It does not block. It panics if k is negative.
func (s *Semaphore) TryAcquire(k int) bool {
	mustNotBeNegative(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeLocked(k)
}

// Release gives k tokens back, and serves those who wait.
//
// It does not block. It panics, and gives nothing back, if k is negative or more than what is acquired.
func (s *Semaphore) Release(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if acquired := s.n - s.free; k < 0 || k > acquired {
		panic(fmt.Sprintf("potok/lock: Release of %d of %d acquired tokens at %s", k, acquired, callSite()))
	}
	s.free += k
	s.serveLocked()
}

func mustNotBeNegative(k int) {
	if k < 0 {
		panic(fmt.Sprintf("potok/lock: request for %d tokens at %s", k, callSite()))
	}
}

func (s *Semaphore) takeLocked(k int) bool {
	if k > 0 && (s.waiting.front != nil || k > s.free) {
		return false
	}
	s.free -= k
	return true
}

// serveLocked serves those at the front for whom there is enough.
func (s *Semaphore) serveLocked() {
	for w := s.waiting.front; w != nil && w.k <= s.free; w = s.waiting.front {
		s.free -= w.k
		s.waiting.tell(w, true)
	}
}
