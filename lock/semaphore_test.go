package lock

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// check asserts what is written beside the fields of Semaphore.
func (s *Semaphore) check(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free < 0 || s.free > s.n {
		t.Errorf("broken: 0 <= free <= n (free=%d n=%d)", s.free, s.n)
	}
	if w := s.waiting.front; w != nil && w.k <= s.free {
		t.Errorf("broken: the first waiter wants more than free (wants %d, free=%d)", w.k, s.free)
	}
	for w := s.waiting.front; w != nil; w = w.next {
		if w.k < 1 || w.k > s.n {
			t.Errorf("broken: every waiter wants 1 to n (wants %d, n=%d)", w.k, s.n)
		}
	}
	if !s.waiting.sound() {
		t.Error("broken: the list is linked both ways, of listed waiters")
	}
}

// mustBe asserts that so many tokens are free and so many goroutines wait.
func (s *Semaphore) mustBe(t *testing.T, free, waiting int) {
	t.Helper()
	s.check(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free != free || s.waiting.len() != waiting {
		t.Errorf("%d tokens are free and %d wait, want %d and %d", s.free, s.waiting.len(), free, waiting)
	}
}

func TestMisuseOfASemaphorePanics(t *testing.T) {
	mustPanic(t, "NewSemaphore with 0 tokens", func() { NewSemaphore(0) })
	mustPanic(t, "NewSemaphore with -1 tokens", func() { NewSemaphore(-1) })
	s := NewSemaphore(3)
	mustPanic(t, "Release of 1 of 0 acquired tokens", func() { s.Release(1) })
	mustBeNil(t, s.Acquire(t.Context(), 2))
	mustPanic(t, "Release of 3 of 2 acquired tokens", func() { s.Release(3) })
	mustPanic(t, "Release of -1 of 2 acquired tokens", func() { s.Release(-1) })
	mustPanic(t, "request for -1 tokens", func() { _ = s.Acquire(t.Context(), -1) })
	mustPanic(t, "request for -1 tokens", func() { s.TryAcquire(-1) })
	s.mustBe(t, 1, 0)
}

func TestMoreTokensThanThereAreAreRefusedAtOnce(t *testing.T) {
	s := NewSemaphore(3)
	if err := s.Acquire(t.Context(), 4); err == nil || err.Error() != "potok/lock: Acquire of 4 tokens, where the Semaphore has 3" {
		t.Errorf("got %v", err)
	}
	mustBeEnded(t, s.Acquire(ended(), 4))
	if s.TryAcquire(4) {
		t.Error("four of three tokens were taken")
	}
	s.mustBe(t, 3, 0)
}

func TestAcquireTakesWhatIsFreeAndTryAcquireNoMore(t *testing.T) {
	s := NewSemaphore(3)
	mustBeNil(t, s.Acquire(t.Context(), 2))
	if s.TryAcquire(2) || !s.TryAcquire(1) || s.TryAcquire(1) {
		t.Error("one was free")
	}
	s.Release(3)
	if !s.TryAcquire(3) {
		t.Error("three were free")
	}
	s.Release(1)
	s.Release(2)
	s.mustBe(t, 3, 0)
}

func TestAcquireUnderAnEndedContextTakesNothing(t *testing.T) {
	s := NewSemaphore(3)
	mustBeEnded(t, s.Acquire(ended(), 1))
	mustBeEnded(t, s.Acquire(ended(), 0))
	s.mustBe(t, 3, 0)
}

// acquire starts an Acquire on a goroutine of its own.
func (s *Semaphore) acquire(t *testing.T, k int) *attempt {
	return start(t, func(ctx context.Context) (int, error) { return k, s.Acquire(ctx, k) })
}

func TestNobodyWaitsForNoTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(1)
		s.Release(0)
		s.acquire(t, 1).mustReturn(t, 1, nil)
		waiter := s.acquire(t, 1)
		s.acquire(t, 0).mustReturn(t, 0, nil)
		if !s.TryAcquire(0) {
			t.Error("TryAcquire(0) is false")
		}
		s.Release(0)
		waiter.mustWait(t)
		s.Release(1)
		waiter.mustReturn(t, 1, nil)
		s.mustBe(t, 0, 0)
	})
}

func TestALargeRequestIsNotOvertakenBySmallOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(3)
		s.acquire(t, 2).mustReturn(t, 2, nil)
		large, small := s.acquire(t, 3), s.acquire(t, 1)
		large.mustWait(t)
		small.mustWait(t)
		if s.TryAcquire(1) {
			t.Error("TryAcquire has overtaken")
		}
		s.Release(1)
		large.mustWait(t)
		small.mustWait(t)
		s.Release(1)
		large.mustReturn(t, 3, nil)
		small.mustWait(t)
		s.Release(3)
		small.mustReturn(t, 1, nil)
		s.mustBe(t, 2, 0)
	})
}

func TestOneReleaseServesAllForWhomThereIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(7)
		s.acquire(t, 7).mustReturn(t, 7, nil)
		one, two, five, last := s.acquire(t, 1), s.acquire(t, 2), s.acquire(t, 5), s.acquire(t, 1)
		s.Release(7)
		one.mustReturn(t, 1, nil)
		two.mustReturn(t, 2, nil)
		five.mustWait(t)
		last.mustWait(t)
		s.check(t)
	})
}

func TestWhoStoodBehindAWaiterThatGivesUpIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(3)
		s.acquire(t, 1).mustReturn(t, 1, nil)
		large, one, other, third := s.acquire(t, 3), s.acquire(t, 1), s.acquire(t, 1), s.acquire(t, 1)
		large.cancel(errWhy)
		large.mustEnd(t)
		one.mustReturn(t, 1, nil)
		other.mustReturn(t, 1, nil)
		third.mustWait(t)
		s.Release(3)
		third.mustReturn(t, 1, nil)
		s.mustBe(t, 2, 0)
	})
}

func TestAWaiterInTheMiddleThatGivesUpMovesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(2)
		s.acquire(t, 1).mustReturn(t, 1, nil)
		large, middle, small := s.acquire(t, 2), s.acquire(t, 1), s.acquire(t, 1)
		middle.cancel(errWhy)
		middle.mustEnd(t)
		large.mustWait(t)
		small.mustWait(t)
		s.check(t)
	})
}

func TestAcquireEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(1)
		mustBeNil(t, s.Acquire(t.Context(), 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := s.Acquire(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		s.mustBe(t, 0, 0)
	})
}

func TestAWaiterThatWasServedAndCancelledHasTheTokens(t *testing.T) {
	s := NewSemaphore(2) // one for all places
	everywhere(t, func(t *testing.T) {
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			mustBeNil(t, s.Acquire(t.Context(), 2))
			var wg sync.WaitGroup
			wg.Go(func() { mustBeNil(t, s.Acquire(ctx, 2)) })
			awaitParked(&s.mu, &s.waiting, 1)
			s.Release(2)
			cancel()
			wg.Wait()
			s.mustBe(t, 0, 0)
			s.Release(2)
		}
	})
}

func TestASemaphoreThatNobodyWaitsForAllocatesNothing(t *testing.T) {
	s := NewSemaphore(3)
	mustNotAllocate(t, func() { _ = s.Acquire(t.Context(), 2); s.TryAcquire(1); s.Release(3) })
}

// However contexts end, there are never more tokens out than there are, none is lost, and nobody waits for ever.
func TestNoTokenIsLost(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const n, each = 5, 50
		s := NewSemaphore(n)
		var out atomic.Int32
		var wg sync.WaitGroup
		for g := range crowd {
			wg.Go(func() {
				next := mixed(t, t.Context())
				for i := range each {
					k := 1 + (g+i)%n
					if i%5 == 0 && !s.TryAcquire(k) || i%5 > 0 && s.Acquire(next(), k) != nil {
						continue
					}
					if now := out.Add(int32(k)); now > n {
						t.Errorf("%d of %d tokens are out", now, n)
					}
					s.check(t)
					out.Add(-int32(k))
					s.Release(k)
				}
			})
		}
		wg.Wait()
		s.mustBe(t, n, 0)
	})
}
