package lock

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// check asserts what is written beside the fields of Barrier.
func (b *Barrier) check(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	must := func(ok bool, relation string) {
		t.Helper()
		if !ok {
			t.Errorf("broken: %s (n=%d arrived=%d acting=%t broken=%t waiting=%d)",
				relation, b.n, b.arrived, b.acting, b.broken, b.waiting.len())
		}
	}
	must(0 <= b.arrived && b.arrived <= b.n, "0 <= arrived <= n")
	must(b.arrived < b.n || b.acting, "all have arrived only while one acts")
	must(!b.acting || b.arrived == b.n || b.arrived == 0, "while one acts all have arrived, or it is broken")
	must(!b.broken || b.arrived == 0 && b.waiting.front == nil, "nobody has arrived or waits at a broken barrier")
	must(b.waiting.sound(), "the list is linked both ways, of listed waiters")
	parked, i := b.arrived, 0
	if b.arrived == b.n {
		parked--
	}
	for w := b.waiting.front; w != nil; w = w.next {
		if i < parked {
			must(w.k == i, "those who have arrived stand in the order of their index")
		} else {
			must(w.k == outside && b.acting, "the others are outside, and only while one acts")
		}
		i++
	}
	must(i >= parked, "all who have arrived wait, save who acts")
}

// wait starts a Wait on a goroutine of its own.
func (b *Barrier) wait(t *testing.T) *attempt {
	t.Helper()
	defer b.check(t)
	return start(t, b.Wait)
}

func TestMisuseOfABarrierPanics(t *testing.T) {
	mustPanic(t, "NewBarrier for 0 goroutines", func() { NewBarrier(0, nil) })
	mustPanic(t, "NewBarrier for -1 goroutines", func() { NewBarrier(-1, func() {}) })
}

func TestAllPassWhenTheLastHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(3, nil)
		for range 3 {
			first, second := b.wait(t), b.wait(t)
			first.mustWait(t)
			second.mustWait(t)
			b.wait(t).mustReturn(t, 2, nil)
			first.mustReturn(t, 0, nil)
			second.mustReturn(t, 1, nil)
		}
	})
}

func TestOneGoroutineMeetsItself(t *testing.T) {
	actions := 0
	b := NewBarrier(1, func() { actions++ })
	for i := range 3 {
		if index, err := b.Wait(t.Context()); index != 0 || err != nil || actions != i+1 {
			t.Errorf("%d, %v after %d actions", index, err, actions)
		}
	}
}

// Plain variables: the race detector sees whether a generation happens before the next one.
func TestNobodyIsAGenerationAheadOrBehind(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 3, crowd} {
			const generations = 20
			generation, came := 0, make([]int, n)
			b := NewBarrier(n, func() {
				for i := range came {
					if came[i] != generation {
						t.Errorf("somebody came %d times before generation %d", came[i], generation)
					}
				}
				generation++
			})
			var indexes atomic.Int64
			var wg sync.WaitGroup
			for p := range n {
				wg.Go(func() {
					for g := range generations {
						came[p] = g
						index, err := b.Wait(t.Context())
						if err != nil || generation != g+1 {
							t.Errorf("%v, in generation %d of %d", err, g+1, generation)
						}
						indexes.Add(int64(index))
					}
				})
			}
			wg.Wait()
			b.check(t)
			if want := generations * n * (n - 1) / 2; indexes.Load() != int64(want) {
				t.Errorf("the indexes add up to %d, want %d", indexes.Load(), want)
			}
		}
	})
}

func TestAbortBreaksUntilReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(3, nil)
		for range 2 {
			first, second := b.wait(t), b.wait(t)
			b.Abort()
			first.mustReturn(t, -1, ErrBroken)
			second.mustReturn(t, -1, ErrBroken)
			b.Abort()
			for range 4 {
				b.wait(t).mustReturn(t, -1, ErrBroken)
			}
			b.Reset()
			again := b.wait(t)
			again.mustWait(t)
			b.wait(t).mustWait(t)
			b.wait(t).mustReturn(t, 2, nil)
			again.mustReturn(t, 0, nil)
		}
	})
}

func TestResetSendsThoseWhoWaitAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(2, nil)
		b.Reset()
		early := b.wait(t)
		b.Reset()
		early.mustReturn(t, -1, ErrBroken)
		first := b.wait(t)
		first.mustWait(t)
		b.wait(t).mustReturn(t, 1, nil)
		first.mustReturn(t, 0, nil)
	})
}

func TestAWaiterThatGivesUpBreaksTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(4, nil)
		first, second, third := b.wait(t), b.wait(t), b.wait(t)
		second.cancel(errWhy)
		second.mustEnd(t)
		first.mustReturn(t, -1, ErrBroken)
		third.mustReturn(t, -1, ErrBroken)
		b.wait(t).mustReturn(t, -1, ErrBroken)
	})
}

func TestWaitAtABarrierEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(2, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		index, err := b.Wait(ctx)
		if index != -1 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour {
			t.Errorf("%d, %v after %v", index, err, time.Since(began))
		}
		b.wait(t).mustReturn(t, -1, ErrBroken)
	})
}

func TestWaitAtABarrierUnderAnEndedContextDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBarrier(2, nil)
		first := b.wait(t)
		index, err := b.Wait(ended())
		mustBeEnded(t, err)
		first.mustWait(t)
		b.wait(t).mustReturn(t, 1, nil)
		first.mustReturn(t, 0, nil)
		b.Abort()
		_, err = b.Wait(ended())
		mustBeEnded(t, err)
		if index != -1 {
			t.Errorf("index %d beside an error", index)
		}
	})
}

func TestAWaiterThatWasLetGoAndCancelledWasLetGo(t *testing.T) {
	b := NewBarrier(2, nil) // one for all places
	everywhere(t, func(t *testing.T) {
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if index, err := b.Wait(ctx); index != 0 || err != nil {
					t.Errorf("%d, %v", index, err)
				}
			})
			awaitParked(&b.mu, &b.waiting, 1)
			if index, err := b.Wait(t.Context()); index != 1 || err != nil {
				t.Errorf("%d, %v", index, err)
			}
			cancel()
			wg.Wait()
		}
	})
}

func TestABarrierThatNobodyWaitsAtAllocatesNothing(t *testing.T) {
	b := NewBarrier(1, nil)
	mustNotAllocate(t, func() { _, _ = b.Wait(t.Context()); b.Abort(); b.Reset() })
}

// slow is an action that a test ends, by return, panic or runtime.Goexit.
type slow chan string

func (s slow) act() {
	switch <-s {
	case "panic":
		panic("in the action")
	case "goexit":
		runtime.Goexit()
	}
}

func TestNobodyGoesOnBeforeTheActionHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		action := make(slow)
		b := NewBarrier(2, action.act)
		first, last := b.wait(t), b.wait(t)
		first.mustWait(t)
		last.mustWait(t)
		last.cancel(errWhy) // which does not wait, but act
		action <- "return"
		first.mustReturn(t, 0, nil)
		last.mustReturn(t, 1, nil)
	})
}

func TestAnActionThatDoesNotReturnBreaksTheBarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		action := make(slow)
		b := NewBarrier(2, action.act)
		for _, how := range []string{"panic", "goexit"} {
			first, last, next := b.wait(t), b.wait(t), b.wait(t)
			action <- how
			last.mustReturn(t, 0, errUnwound)
			first.mustReturn(t, -1, ErrBroken)
			next.mustReturn(t, -1, ErrBroken)
			b.wait(t).mustReturn(t, -1, ErrBroken)
			b.Reset()
		}
		b.wait(t).mustWait(t)
	})
}

func TestAnActionMayAbortAndReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *Barrier
		b = NewBarrier(2, func() { b.Abort(); b.Reset() })
		for range 3 {
			first := b.wait(t)
			b.wait(t).mustReturn(t, -1, ErrBroken)
			first.mustReturn(t, -1, ErrBroken)
		}
	})
}

func TestABarrierThatBreaksDuringItsActionIsBrokenForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, breaks := range map[string]func(b *Barrier, first *attempt){
			"Abort":  func(b *Barrier, _ *attempt) { b.Abort() },
			"Reset":  func(b *Barrier, _ *attempt) { b.Reset() },
			"cancel": func(_ *Barrier, first *attempt) { first.cancel(errWhy) },
		} {
			action := make(slow)
			b := NewBarrier(3, action.act)
			first, second, last, next := b.wait(t), b.wait(t), b.wait(t), b.wait(t)
			breaks(b, first)
			if name == "cancel" {
				first.mustEnd(t)
			} else {
				first.mustReturn(t, -1, ErrBroken)
			}
			second.mustReturn(t, -1, ErrBroken)
			next.mustReturn(t, -1, ErrBroken)
			last.mustWait(t)
			b.Reset()
			again := b.wait(t) // behind the action, which still runs
			action <- "return"
			last.mustReturn(t, -1, ErrBroken)
			again.mustWait(t)
			b.check(t)
			b.Reset()
		}
	})
}

func TestWhoComesDuringAnActionBelongsToTheNextGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		action := make(slow)
		b := NewBarrier(2, action.act)
		b.wait(t)
		b.wait(t)
		third, gone, fourth, fifth := b.wait(t), b.wait(t), b.wait(t), b.wait(t)
		gone.cancel(errWhy) // it has not arrived, so this breaks nothing
		gone.mustEnd(t)
		b.check(t)
		action <- "return" // of the first two
		for _, a := range []*attempt{third, fourth, fifth} {
			a.mustWait(t)
			b.check(t)
		}
		action <- "return" // which fourth runs
		third.mustReturn(t, 0, nil)
		fourth.mustReturn(t, 1, nil)
		fifth.mustWait(t)
		b.check(t)
		b.Abort()
		fifth.mustReturn(t, -1, ErrBroken)
	})
}

// More goroutines than one generation takes, contexts that end at any moment, and Resets by those who gave up. Of every
// generation all pass or none does, and actions do not run at the same time, which the race detector sees.
func TestAllPassOrNoneDoes(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const n, enough = 4, 100
		all, stop := context.WithCancel(t.Context())
		defer stop()
		actions := 0
		b := NewBarrier(n, func() { actions++ })
		var passed [n]atomic.Int32
		var wg sync.WaitGroup
		for range crowd {
			wg.Go(func() {
				next := mixed(t, all)
				for all.Err() == nil {
					index, err := b.Wait(next())
					switch {
					case err == nil:
						if passed[index].Add(1) == enough {
							stop()
						}
					case !errors.Is(err, ErrBroken):
						b.Reset()
					}
					b.check(t)
				}
			})
		}
		wg.Wait()
		for i := range passed {
			if passed[i].Load() != passed[0].Load() || int(passed[i].Load()) > actions {
				t.Errorf("index %d passed %d times, index 0 %d times, after %d actions", i, passed[i].Load(), passed[0].Load(), actions)
			}
		}
	})
}
