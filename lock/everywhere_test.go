package lock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

// everywhere runs a test in two bubbles, one after the other, and outside: what is kept between them would kill one.
func everywhere(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Run("place=bubble1", func(t *testing.T) { synctest.Test(t, test) })
	t.Run("place=outside", test)
	t.Run("place=bubble2", func(t *testing.T) { synctest.Test(t, test) })
}

var errWhy = errors.New("why it ended")

// ended is a context that has ended because of errWhy.
func ended() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errWhy)
	return ctx
}

// mixed returns a function that gives contexts under parent, of which every fourth ends about now because of errWhy.
func mixed(t *testing.T, parent context.Context) func() context.Context {
	n, cancels := 0, new(sync.WaitGroup)
	t.Cleanup(cancels.Wait)
	return func() context.Context {
		if n++; n%4 != 0 {
			return parent
		}
		ctx, cancel := context.WithCancelCause(parent)
		cancels.Go(func() { cancel(errWhy) })
		return ctx
	}
}

// mustBeEnded asserts that err is that of a wait under a context that ended because of errWhy.
func mustBeEnded(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errWhy) {
		t.Errorf("got %v, want what matches Canceled and the cause", err)
	}
}

func mustBeNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func mustNotAllocate(t *testing.T, f func()) {
	t.Helper()
	if n := testing.AllocsPerRun(100, f); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
