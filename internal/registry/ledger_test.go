package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
)

// unit is a call as a ledger knows it.
type unit struct {
	ledger *Ledger
	outer  Unit
	over   bool
}

func (u *unit) Ledger() *Ledger { return u.ledger }
func (u *unit) Running() bool   { return !u.over }
func (u *unit) Outer() Unit     { return u.outer }

func (u *unit) context() context.Context {
	return context.WithValue(context.Background(), UnitKey{}, Unit(u))
}

// waiting begins a wait and says, once nothing moves, whether it still waits.
func waiting(wait func() error) (blocked func() bool) {
	done := make(chan error, 1)
	go func() { done <- wait() }()
	return func() bool {
		synctest.Wait()
		select {
		case err := <-done:
			done <- err
			return false
		default:
			return true
		}
	}
}

func TestWaitReturnsWhenNothingIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		if waiting(func() error { return l.Wait(context.Background()) })() {
			t.Error("it waits for nothing")
		}
		l.Enter(2, false)
		blocked := waiting(func() error { return l.Wait(context.Background()) })
		l.Leave(1)
		if !blocked() {
			t.Error("it returned with a call open")
		}
		l.Leave(1)
		if blocked() {
			t.Error("it waits on with no call open")
		}
	})
}

func TestInsidersAreWaitedForByNobodyInsideAndByAllOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		a, b := &unit{ledger: &l}, &unit{ledger: &l}
		l.Enter(3, false) // a, b and another
		outside := waiting(func() error { return l.Wait(context.Background()) })
		first := waiting(func() error { return l.Wait(a.context()) })
		again := waiting(func() error { return l.Wait(a.context()) }) // one call, whichever goroutine of it waits
		second := waiting(func() error { return l.Wait(b.context()) })
		if !outside() || !first() || !again() || !second() {
			t.Fatal("a wait returned with a call open that is not inside")
		}
		l.Leave(1)
		if first() || again() || second() {
			t.Error("insiders wait for each other")
		}
		if !outside() {
			t.Error("the wait outside returned while the insiders were open")
		}
		l.Leave(2)
		if outside() {
			t.Error("the wait outside goes on")
		}
	})
}

func TestACallIsNotWaitedForByTheCallsItHasSubmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l, elsewhere Ledger
		a := &unit{ledger: &l}
		between := &unit{ledger: &elsewhere, outer: a}
		b := &unit{ledger: &l, outer: between}
		l.Enter(2, false)
		if waiting(func() error { return l.Wait(b.context()) })() {
			t.Error("b waits for a, which may be waiting for b")
		}
	})
}

func TestDrainLetsRunningCallsAddCallsUntilAllIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		l.Enter(1, false)
		l.BeginDrain()
		blocked := waiting(func() error { return l.Drain(context.Background()) })
		if l.Enter(1, false) {
			t.Error("a call from outside was taken")
		}
		if !l.Enter(1, true) {
			t.Error("a call from inside was refused")
		}
		l.Leave(2)
		if blocked() || !l.Closed() || l.Enter(1, true) {
			t.Error("drained and not closed")
		}
	})
}

func TestAWaitThatItsContextEndsChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		l.Enter(1, false)
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan error)
		go func() { done <- l.Wait(ctx) }()
		synctest.Wait()
		cancel(why)
		if err := <-done; !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("error %v", err)
		}
		l.Leave(1)
		if err := l.Wait(ctx); err != nil {
			t.Errorf("nothing is open, and Wait returns %v", err)
		}
	})
}

func TestAForgottenInsiderWaitsLikeAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		a := &unit{ledger: &l}
		l.Enter(2, false)
		blocked := waiting(func() error { return l.Wait(a.context()) })
		synctest.Wait()
		l.Forget(a) // its function has returned; a goroutine of it still waits
		l.Leave(1)
		if !blocked() {
			t.Error("it returned with a call open")
		}
		l.Leave(1)
		if blocked() {
			t.Error("it waits on")
		}
	})
}

func TestEveryWaitEndsHoweverCallsComeAndGo(t *testing.T) {
	var l Ledger
	var all sync.WaitGroup
	for seed := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 0))
			for range 2000 {
				l.Enter(1, false)
				if r.IntN(4) == 0 {
					u := &unit{ledger: &l}
					_ = l.Wait(u.context())
				}
				l.Leave(1)
			}
		})
	}
	all.Wait()
	if err := l.Wait(context.Background()); err != nil || l.Open() != 0 {
		t.Errorf("%d open, %v", l.Open(), err)
	}
}

func BenchmarkGoroutineID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		GoroutineID()
	}
}
