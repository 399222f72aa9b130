package exectest

import (
	"context"
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// until waits for a condition that nobody signals. In a bubble it first lets
// everything happen that can without time passing.
func (e *env) until(what string, cond func() bool) {
	e.Helper()
	if e.bubble {
		synctest.Wait()
	}
	pause := time.Millisecond
	for limit := e.bounded.Done(); !cond(); {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-limit:
			timer.Stop()
			e.Fatalf("waited in vain: %s", what)
		}
		if e.bubble {
			pause *= 2 // the bound is far, and nothing but time passes
		}
	}
}

// settle lets things happen that must not: exactly in a bubble. Outside it gives
// them a moment, so there a case may miss a fault but never sees one that is none.
func (e *env) settle() {
	if e.bubble {
		synctest.Wait()
		return
	}
	moment := time.NewTimer(2 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-e.bounded.Done():
	}
}

// later lets fake time pass.
func (e *env) later(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.bounded.Done():
		e.Fatal("the case took too long")
	}
	e.settle()
}

// returns fails the case if fn does not return in time; fn runs on a goroutine
// of its own, which is left behind then.
func (e *env) returns(what string, fn func()) {
	e.Helper()
	e.finishes(what, e.start(fn))
}

// start runs fn beside the case; finishes waits for it.
func (e *env) start(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { // whoever has done waits for it
		defer close(done)
		fn()
	}()
	return done
}

func (e *env) finishes(what string, done <-chan struct{}) {
	e.Helper()
	select {
	case <-done:
		return
	default:
	}
	select {
	case <-done:
	case <-e.bounded.Done():
		e.Fatalf("does not return: %s", what)
	}
}

// stillBlocked fails the case if it has finished.
func (e *env) stillBlocked(what string, done <-chan struct{}) {
	e.Helper()
	e.settle()
	select {
	case <-done:
		e.Errorf("should block: %s", what)
	default:
	}
}

// result waits for the future, which must settle.
func result[T any](e *env, f *potok.Future[T]) (T, error) {
	e.Helper()
	v, err := f.Result(e.bounded)
	if e.bounded.Err() != nil {
		e.Fatalf("does not settle: %v", f)
	}
	return v, err
}

// gives checks that a call succeeds with this value.
func gives[T comparable](e *env, f *potok.Future[T], want T) {
	e.Helper()
	v, err := result(e, f)
	if v != want || err != nil || f.State() != potok.Succeeded {
		e.Errorf("got %v, %v in state %v, want %v", v, err, f.State(), want)
	}
}

// fails checks that a call fails with an error that matches these.
func fails[T any](e *env, f *potok.Future[T], matching ...error) {
	e.Helper()
	e.ends(f, potok.Failed, second(result(e, f)), matching...)
	if _, err := result(e, f); errors.Is(err, potok.ErrCancelled) && !slices.Contains(matching, potok.ErrCancelled) {
		e.Errorf("a failure matches ErrCancelled: %v", err)
	}
}

// cancelled checks that a call is Cancelled with an error that matches
// ErrCancelled and these.
func cancelled[T any](e *env, f *potok.Future[T], matching ...error) {
	e.Helper()
	e.ends(f, potok.Cancelled, second(result(e, f)), append(matching, potok.ErrCancelled)...)
}

func second[T any](_ T, err error) error { return err }

func (e *env) ends(f interface{ State() potok.State }, want potok.State, err error, matching ...error) {
	e.Helper()
	if got := f.State(); got != want {
		e.Errorf("state %v, want %v (error %v)", got, want, err)
	}
	e.matches(err, matching...)
}

// matches checks that err is an error and matches all of these.
func (e *env) matches(err error, targets ...error) {
	e.Helper()
	if err == nil {
		e.Error("no error")
		return
	}
	for _, target := range targets {
		if !errors.Is(err, target) {
			e.Errorf("%q does not match %q", err, target)
		}
	}
}

// differs checks that err matches none of these.
func (e *env) differs(err error, targets ...error) {
	e.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			e.Errorf("%q matches %q", err, target)
		}
	}
}

// equal is for values where a case has no better words.
func equal[T comparable](e *env, what string, got, want T) {
	e.Helper()
	if got != want {
		e.Errorf("%s: %v, want %v", what, got, want)
	}
}

// sum adds up what has settled.
func settledCalls(s potok.Stats) uint64 { return s.Succeeded + s.Failed + s.Cancelled }

// idle waits until the executor has nothing to do: its Stats are exact then.
func (e *env) idle(ex potok.Executor) potok.Stats {
	e.Helper()
	if err := ex.Wait(e.bounded); err != nil {
		e.Fatalf("Wait: %v", err)
	}
	e.until("all places are free", func() bool { s := ex.Stats(); return s.Idle == s.Workers })
	return ex.Stats()
}

// ended returns a context that ended with this cause.
func ended(cause error) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ctx
}
