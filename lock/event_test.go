package lock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const crowd = 64

func TestIsSetFollowsSetAndClear(t *testing.T) {
	var e Event
	for i, step := range []struct {
		do   func()
		want bool
	}{{func() {}, false}, {e.Clear, false}, {e.Set, true}, {e.Set, true}, {e.Clear, false}, {e.Clear, false}, {e.Set, true}} {
		if step.do(); e.IsSet() != step.want {
			t.Errorf("step %d: IsSet is %t", i, e.IsSet())
		}
	}
}

func TestWaitOnASetEventReturnsAtOnceWhateverCtxSays(t *testing.T) {
	var e Event
	e.Set()
	mustBeNil(t, e.Wait(t.Context()))
	mustBeNil(t, e.Wait(ended()))
}

func TestWaitOnAnUnsetEventUnderAnEndedContextFails(t *testing.T) {
	var e Event
	mustBeEnded(t, e.Wait(ended()))
	if e.waiting.front != nil {
		t.Error("it waits still")
	}
}

// Package-level, as events are: it is used in both bubbles and between them.
var started Event

func TestSetThenClearWakesAllWhoWait(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		e := &started
		for range 10 {
			var wg sync.WaitGroup
			for range crowd {
				wg.Go(func() { mustBeNil(t, e.Wait(t.Context())) })
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			wg.Go(func() { mustBeEnded(t, e.Wait(ctx)) })
			awaitParked(&e.mu, &e.waiting, crowd+1)
			cancel(errWhy)
			awaitParked(&e.mu, &e.waiting, crowd)
			e.Set()
			e.Clear()
			wg.Wait()
			mustBeEnded(t, e.Wait(ended()))
		}
	})
}

func TestWaitOnAnEventEndsWithItsDeadlineOrWithSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var e Event
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := e.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.AfterFunc(time.Minute, e.Set)
		start = time.Now()
		if err := e.Wait(t.Context()); err != nil || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// For the race detector.
func TestWhoSawAnEventSeesWhatWasDoneBeforeSet(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		var e Event
		var wg sync.WaitGroup
		data := 0
		for range crowd {
			wg.Go(func() {
				if e.Wait(t.Context()) != nil || data != 1 {
					t.Errorf("data is %d", data)
				}
			})
		}
		data = 1
		e.Set()
		wg.Wait()
	})
}

func TestAWaiterThatWasSetFreeAndCancelledIsFree(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		var e Event
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { mustBeNil(t, e.Wait(ctx)) })
			awaitParked(&e.mu, &e.waiting, 1)
			e.Set()
			cancel()
			e.Clear()
			wg.Wait()
		}
	})
}

func TestAnEventThatNobodyWaitsForAllocatesNothing(t *testing.T) {
	var e Event
	mustNotAllocate(t, func() { e.Set(); _ = e.Wait(t.Context()); e.Clear() })
}

// A ball goes round: everyone waits for it, and passes it on. Some look away now and then.
func TestNoSetIsLost(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const laps = 20
		var ball [crowd]Event
		var wg sync.WaitGroup
		for p := range ball {
			wg.Go(func() {
				next := mixed(t, t.Context())
				for range laps {
					for ball[p].Wait(next()) != nil {
					}
					ball[p].Clear()
					ball[(p+1)%crowd].Set()
				}
			})
		}
		ball[0].Set()
		wg.Wait()
		if !ball[0].IsSet() {
			t.Error("the ball is lost")
		}
	})
}
