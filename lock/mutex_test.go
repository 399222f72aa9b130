package lock

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
)

func TestTheZeroMutexIsUnlocked(t *testing.T) {
	var m Mutex
	m.Lock()
	m.check(t)
	m.Unlock()
	if !m.TryLock() {
		t.Error("it is locked")
	}
	m.check(t)
}

func TestAMutexIsTwoWords(t *testing.T) {
	if got, want := unsafe.Sizeof(Mutex{}), 2*unsafe.Sizeof(uintptr(0)); got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

func TestAnUncontendedMutexAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var m Mutex
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, locks := range map[string]func(){
		"Lock":        m.Lock,
		"LockContext": func() { _ = m.LockContext(ctx) },
		"TryLock":     func() { m.TryLock() },
		"failing TryLock": func() {
			m.Lock()
			m.TryLock()
		},
	} {
		if n := testing.AllocsPerRun(100, func() { locks(); m.Unlock() }); n != 0 {
			t.Errorf("%s and Unlock: %v allocations", name, n)
		}
	}
	if m.extra.Load() != nil {
		t.Error("nobody waited, and there is a list")
	}
}

// The count is no atomic: so the race detector watches that an unlock happens before the next lock.
func TestOneGoroutineHoldsTheLockAtATime(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const goroutines, each = 8, 1000
		var m Mutex
		var wg sync.WaitGroup
		n := 0
		for range goroutines {
			wg.Go(func() {
				for i := range each {
					switch i % 4 {
					case 0:
						_ = m.LockContext(t.Context())
					case 1:
						for !m.TryLock() {
							runtime.Gosched()
						}
					default:
						m.Lock()
					}
					n++
					m.Unlock()
				}
			})
		}
		wg.Wait()
		if n != goroutines*each {
			t.Errorf("counted %d of %d", n, goroutines*each)
		}
		m.check(t)
	})
}

func TestTryLockLocksOnlyAFreeMutex(t *testing.T) {
	var m Mutex
	if !m.TryLock() || m.TryLock() {
		t.Error("it does not lock exactly once")
	}
	m.Unlock()
	if !m.TryLock() {
		t.Error("it does not lock what was unlocked")
	}
	m.check(t)
}

func TestAnotherGoroutineMayUnlock(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		var m Mutex
		m.Lock()
		go m.Unlock()
		if err := m.LockContext(t.Context()); err != nil {
			t.Error(err)
		}
		m.check(t)
	})
}

func TestAnEndedContextLocksNothing(t *testing.T) {
	why := errors.New("why")
	caused, cancelCaused := context.WithCancelCause(t.Context())
	cancelCaused(why)
	plain, cancelPlain := context.WithCancel(t.Context())
	cancelPlain()
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	same, cancelSame := context.WithCancelCause(t.Context())
	cancelSame(fmt.Errorf("wrapped: %w", context.Canceled))
	for name, c := range map[string]struct {
		ctx  context.Context
		want []error
		text string
	}{
		"cancelled": {plain, []error{context.Canceled}, "context canceled"},
		"cause":     {caused, []error{context.Canceled, why}, "context canceled: why"},
		"deadline":  {late, []error{context.DeadlineExceeded}, "context deadline exceeded"},
		"same":      {same, []error{context.Canceled, context.Cause(same)}, "wrapped: context canceled"},
		"hand-made": {handMade{t.Context()}, []error{context.Canceled}, "context canceled"},
	} {
		t.Run("ctx="+name, func(t *testing.T) {
			var m Mutex
			for _, held := range []bool{false, true} {
				err := m.LockContext(c.ctx)
				for _, want := range c.want {
					if !errors.Is(err, want) {
						t.Errorf("held=%t: %v does not match %v", held, err, want)
					}
				}
				if err == nil || err.Error() != c.text {
					t.Errorf("held=%t: %v, want %q", held, err, c.text)
				}
				if m.TryLock() == held {
					t.Errorf("held=%t: it is not as it was before", held)
				}
			}
			m.check(t)
		})
	}
}

// handMade ended by itself, so that context.Cause knows nothing of it.
type handMade struct{ context.Context }

func (handMade) Err() error            { return context.Canceled }
func (handMade) Done() <-chan struct{} { return ended().Done() }

func TestAWaiterWhoseContextEndsIsToldWhy(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		var m Mutex
		m.Lock()
		ctx, cancel := context.WithCancelCause(t.Context())
		errs := make(chan error)
		go func() { errs <- m.LockContext(ctx) }()
		m.awaitParked(t, 1)
		why := errors.New("why")
		cancel(why)
		if err := <-errs; !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Error(err)
		}
		m.check(t)
		m.Unlock()
		if !m.TryLock() {
			t.Error("after the waiter left, the mutex cannot be locked")
		}
	})
}

func TestAWaitLastsToTheMomentOfTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		m.Lock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if err := m.LockContext(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		m.check(t)
	})
}

func TestParkedWaitersAreServedInOrder(t *testing.T) {
	everywhere(t, func(t *testing.T) { inLine(t, 16, -1) })
}

func TestAWaiterThatLeavesDisturbsNobody(t *testing.T) {
	for where, i := range map[string]int{"front": 0, "second": 1, "middle": 2, "back": 4} {
		t.Run("where="+where, func(t *testing.T) {
			everywhere(t, func(t *testing.T) { inLine(t, 5, i) })
		})
	}
	t.Run("where=alone", func(t *testing.T) {
		everywhere(t, func(t *testing.T) { inLine(t, 1, 0) })
	})
}

// inLine parks n waiters, one after the other, lets one of them leave, and watches the others being served.
func inLine(t *testing.T, n, leaver int) {
	var m Mutex
	m.Lock()
	var want, got []int
	var wg sync.WaitGroup
	left := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range n {
		if i == leaver {
			go func() { left <- m.LockContext(ctx) }()
		} else {
			want = append(want, i)
			wg.Go(func() {
				m.Lock()
				got = append(got, i)
				m.Unlock()
			})
		}
		m.awaitParked(t, i+1)
	}
	if leaver >= 0 {
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	m.check(t)
	m.Unlock()
	wg.Wait()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("served %v, want %v", got, want)
	}
	m.check(t)
}

// The lock is let go as the waiter's ctx ends, in both orders, at once and after so long that it is handed over. Either
// the waiter has the lock and no error, or it has not and somebody else may take it.
func TestAWaiterWhoseContextEndsAsItIsServedHasTheLockOrAnError(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for i := range 200 {
			var m Mutex
			m.Lock()
			ctx, cancel := context.WithCancel(t.Context())
			errs := make(chan error)
			go func() { errs <- m.LockContext(ctx) }()
			m.awaitParked(t, 1)
			old := i%2 == 0
			if old {
				m.age(2 * starving)
			}
			unlockedFirst := i%4 < 2
			if unlockedFirst {
				m.Unlock()
				cancel()
			} else {
				cancel()
				m.Unlock()
			}
			err := <-errs
			if old && unlockedFirst && err != nil {
				t.Fatalf("it was given the lock, and got %v", err)
			}
			if m.TryLock() == (err == nil) {
				t.Fatalf("LockContext: %v, and the mutex is locked: %t", err, err != nil)
			}
			m.check(t)
		}
	})
}

// age makes the waiters older by d.
func (m *Mutex) age(d time.Duration) {
	x := m.extra.Load()
	x.mu.Lock()
	defer x.mu.Unlock()
	for w := x.waiters.front; w != nil; w = w.next {
		w.since = w.since.Add(-d)
	}
}

// As above, with a second waiter: it has the lock in the end, whatever becomes of the first.
func TestAWaiterWhoseContextEndsAsItIsServedLeavesTheLockToTheNext(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for i := range 200 {
			var m Mutex
			m.Lock()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				if m.LockContext(ctx) == nil {
					m.Unlock()
				}
			})
			m.awaitParked(t, 1)
			wg.Go(func() { m.With(func() {}) })
			m.awaitParked(t, 2)
			if i%2 == 0 {
				m.age(2 * starving)
			}
			if i%4 < 2 {
				m.Unlock()
				cancel()
			} else {
				cancel()
				m.Unlock()
			}
			go func() {
				wg.Wait()
				close(done)
			}()
			within(t, done)
			m.check(t)
			if m.state.Load() != 0 {
				t.Fatalf("in the end the state is %s", stateText(m.state.Load()))
			}
		}
	})
}

func TestWithUnlocksWhateverEndsIt(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		var m Mutex
		for how, fn := range map[string]func(){
			"return": func() {},
			"panic":  func() { panic("fn") },
			"Goexit": runtime.Goexit,
		} {
			ran, returned := false, false
			var wg sync.WaitGroup
			wg.Go(func() {
				v := recovered(func() {
					m.With(func() {
						ran = !m.TryLock()
						fn()
					})
					returned = true
				})
				if (v == "fn") != (how == "panic") {
					t.Errorf("%s: recovered %v", how, v)
				}
			})
			wg.Wait()
			if !ran || returned != (how == "return") {
				t.Errorf("%s: fn was run under the lock: %t; With returned: %t", how, ran, returned)
			}
			if !m.TryLock() {
				t.Fatalf("%s: it is still locked", how)
			}
			m.Unlock()
			m.check(t)
		}
	})
}

func TestParkedWaitersAreDurablyBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		m.Lock()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() { m.With(func() {}) })
			wg.Go(func() {
				if m.LockContext(t.Context()) == nil {
					m.Unlock()
				}
			})
		}
		synctest.Wait() // returns only if all of them are
		<-time.After(time.Hour)
		if n := m.parked(); n != 32 {
			t.Errorf("%d of 32 are parked", n)
		}
		m.Unlock()
		wg.Wait()
		m.check(t)
	})
}

// shared outlives all bubbles that it is used in.
var shared Mutex

func TestAMutexMayBeUsedInOneBubbleAfterTheOther(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for range 3 {
			for _, old := range []bool{false, true} {
				shared.Lock()
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() { shared.With(func() {}) })
					wg.Go(func() {
						if err := shared.LockContext(ctx); !errors.Is(err, context.Canceled) {
							t.Error(err)
						}
					})
				}
				shared.awaitParked(t, 8)
				cancel()
				shared.awaitParked(t, 4)
				if old {
					shared.age(2 * starving)
				}
				shared.Unlock()
				wg.Wait()
				shared.check(t)
			}
		}
	})
}
