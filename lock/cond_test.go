package lock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wait starts a Wait on a goroutine of its own, under the mutex; the Unlock after it panics if that is free.
func (c *Cond) wait(t *testing.T) *attempt {
	return start(t, func(ctx context.Context) (int, error) {
		c.m.Lock()
		defer c.m.Unlock()
		return 0, c.Wait(ctx)
	})
}

func (c *Cond) mustHaveWaiters(t *testing.T, n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting.sound() || c.waiting.len() != n {
		t.Errorf("%d wait, want %d", c.waiting.len(), n)
	}
}

func TestMisuseOfACondPanicsAndListsNobody(t *testing.T) {
	mustPanic(t, "NewCond of a nil Mutex", func() { NewCond(nil) })
	c := NewCond(new(Mutex))
	const unlocked = "Wait of a Cond whose Mutex is not locked"
	mustPanic(t, unlocked, func() { _ = c.Wait(t.Context()) })
	mustPanic(t, unlocked, func() { _ = c.Wait(ended()) })
	mustPanic(t, unlocked, func() { _ = c.WaitFor(t.Context(), func() bool { return true }) })
	mustPanic(t, "Signal to -1 waiters", func() { c.Signal(-1) })
	c.mustHaveWaiters(t, 0)
}

func TestSignalWakesWhoHasWaitedLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		c.Signal(3) // to nobody, and not kept for those who come
		var all []*attempt
		for range 6 {
			all = append(all, c.wait(t))
		}
		woken := 0
		for _, n := range []int{0, 1, 2, 0, 5} {
			c.Signal(n)
			for ; n > 0 && woken < len(all); n-- {
				all[woken].mustReturn(t, 0, nil)
				woken++
			}
			for _, a := range all[woken:] {
				a.mustWait(t)
			}
		}
		c.wait(t).mustWait(t)
	})
}

func TestASignalOfWhoLocksNextIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		c.m.Lock()
		next := start(t, func(context.Context) (int, error) {
			c.m.With(func() { c.Signal(1) })
			return 1, nil
		})
		<-time.After(time.Second) // so that the Unlock in Wait hands it over, and next runs first
		mustBeNil(t, c.Wait(t.Context()))
		c.m.Unlock()
		next.mustReturn(t, 1, nil)
	})
}

func TestBroadcastWakesAllWhoWait(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		var wg sync.WaitGroup
		for range crowd {
			wg.Go(func() {
				c.m.Lock()
				defer c.m.Unlock()
				mustBeNil(t, c.Wait(t.Context()))
			})
		}
		awaitParked(&c.mu, &c.waiting, crowd)
		c.m.With(c.Broadcast)
		wg.Wait()
		c.Broadcast()
		c.mustHaveWaiters(t, 0)
	})
}

func TestWaitOnACondUnderAnEndedContextDoesNotUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		c.m.Lock()
		other := start(t, func(ctx context.Context) (int, error) { return 1, c.m.LockContext(ctx) })
		<-time.After(time.Second) // so that an Unlock would hand it over
		mustBeEnded(t, c.Wait(ended()))
		mustBeEnded(t, c.WaitFor(ended(), func() bool { return false }))
		other.mustWait(t)
		c.m.Unlock()
		other.mustReturn(t, 1, nil)
	})
}

func TestWaitOnACondEndsWithItsDeadlineAndThenWaitsForTheMutex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		for _, held := range []time.Duration{0, time.Hour} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			c.m.Lock()
			if held > 0 {
				go c.m.With(func() { <-time.After(held) })
			}
			err := c.Wait(ctx)
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != max(time.Minute, held) {
				t.Errorf("%v after %v", err, took)
			}
			c.m.Unlock()
		}
		c.mustHaveWaiters(t, 0)
	})
}

func TestAWaiterThatGaveUpUsesNoSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewCond(new(Mutex))
		first, second, third := c.wait(t), c.wait(t), c.wait(t)
		first.cancel(errWhy)
		first.mustEnd(t)
		c.Signal(1)
		second.mustReturn(t, 0, nil)
		third.mustWait(t)
	})
}

func TestASignalAtTheMomentOfACancelIsNotLost(t *testing.T) {
	c := NewCond(new(Mutex)) // one for all places
	everywhere(t, func(t *testing.T) {
		for i := range 200 {
			ctx, cancel := context.WithCancelCause(t.Context())
			errs := [2]chan error{make(chan error, 1), make(chan error, 1)}
			var wg sync.WaitGroup
			for w, ctx := range []context.Context{ctx, t.Context()} {
				wg.Go(func() {
					c.m.Lock()
					defer c.m.Unlock()
					errs[w] <- c.Wait(ctx)
				})
				awaitParked(&c.mu, &c.waiting, w+1)
			}
			if i%2 == 0 {
				wg.Go(func() { cancel(errWhy) })
				wg.Go(func() { c.Signal(1) })
			} else { // the first is signalled, and must say so
				c.Signal(1)
				cancel(errWhy)
			}
			if err := <-errs[0]; err == nil {
				c.mustHaveWaiters(t, 1)
				c.Signal(1)
			} else if mustBeEnded(t, err); i%2 != 0 {
				t.Error("it was signalled first")
				c.Signal(1)
			}
			mustBeNil(t, <-errs[1])
			wg.Wait()
		}
	})
}

func TestWaitForReturnsOnlyWhenItsConditionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		c, state := NewCond(&m), 0
		four := start(t, func(ctx context.Context) (int, error) {
			m.Lock()
			defer m.Unlock()
			err := c.WaitFor(ctx, func() bool { return state == 4 })
			return state, err
		})
		for range 4 {
			four.mustWait(t)
			m.Lock()
			state++
			c.Signal(1)
			m.Unlock()
		}
		four.mustReturn(t, 4, nil)
	})
}

func TestAConditionThatHoldsWinsOverAnEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		c, holds := NewCond(&m), false
		m.Lock()
		mustBeNil(t, c.WaitFor(ended(), func() bool { return true }))
		m.Unlock()
		for _, silently := range []bool{true, false} { // it comes to hold, and nobody signals
			holds = false
			a := start(t, func(ctx context.Context) (int, error) {
				m.Lock()
				defer m.Unlock()
				return 0, c.WaitFor(ctx, func() bool { return holds })
			})
			m.With(func() { holds = silently })
			a.cancel(errWhy)
			if silently {
				a.mustReturn(t, 0, nil)
			} else {
				a.mustEnd(t)
			}
		}
		c.mustHaveWaiters(t, 0)
	})
}

func TestAPanickingConditionLeavesTheMutexLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Mutex
		c, asked := NewCond(&m), 0
		go func() {
			synctest.Wait()
			c.Signal(1)
		}()
		m.Lock()
		func() {
			defer func() { _ = recover() }()
			_ = c.WaitFor(t.Context(), func() bool {
				if asked++; asked == 2 {
					panic("in the condition")
				}
				return false
			})
		}()
		if asked != 2 || m.TryLock() {
			t.Errorf("asked %d times, and the mutex is free", asked)
		}
		c.mustHaveWaiters(t, 0)
		m.Unlock()
	})
}

func TestACondThatNobodyWaitsOnAllocatesNothing(t *testing.T) {
	var m Mutex
	c := NewCond(&m)
	mustNotAllocate(t, func() {
		m.Lock()
		_ = c.WaitFor(t.Context(), func() bool { return true })
		c.Signal(1)
		c.Broadcast()
		m.Unlock()
	})
}

// A bounded buffer between goroutines whose contexts end at any moment. Every item wakes one, so a lost signal hangs it.
func TestNoSignalIsLost(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const room, each = 3, 50
		var m Mutex
		notFull, notEmpty := NewCond(&m), NewCond(&m)
		items, sum := 0, 0
		var wg sync.WaitGroup
		turn := func(wait, wake *Cond, ready func() bool, do func()) func() {
			return func() {
				next := mixed(t, t.Context())
				for range each {
					m.Lock()
					for wait.WaitFor(next(), ready) != nil {
					}
					do()
					m.Unlock()
					wake.Signal(1)
				}
			}
		}
		for range crowd / 2 {
			wg.Go(turn(notFull, notEmpty, func() bool { return items < room }, func() { items++ }))
			wg.Go(turn(notEmpty, notFull, func() bool { return items > 0 }, func() { items--; sum++ }))
		}
		wg.Wait()
		if items != 0 || sum != crowd/2*each {
			t.Errorf("%d items left, and %d of %d taken", items, sum, crowd/2*each)
		}
		notFull.mustHaveWaiters(t, 0)
		notEmpty.mustHaveWaiters(t, 0)
	})
}
