package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
)

// attempt is one call that may wait, on a goroutine of its own in a bubble.
type attempt struct {
	cancel context.CancelCauseFunc
	got    chan result

	k    int     // for a model: what it was called with
	want *result // from a model; nil while it is to wait
}

type result struct {
	n   int
	err error
}

// errUnwound is the result of a call that panicked or ended its goroutine.
var errUnwound = errors.New("did not return")

// start starts a call and returns once it has returned or waits. It ends with the test at the latest.
func start(t *testing.T, call func(ctx context.Context) (int, error)) *attempt {
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &attempt{cancel: cancel, got: make(chan result, 1)}
	go func() { // the bubble waits for it
		r := result{err: errUnwound}
		defer func() {
			if v := recover(); v != nil {
				r.err = fmt.Errorf("%w: %v", errUnwound, v)
			}
			a.got <- r
		}()
		r.n, r.err = call(ctx)
	}()
	synctest.Wait()
	return a
}

func (a *attempt) mustWait(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if len(a.got) > 0 {
		t.Errorf("got %v, want it to wait", <-a.got)
	}
}

func (a *attempt) mustReturn(t *testing.T, n int, err error) {
	t.Helper()
	synctest.Wait()
	if len(a.got) == 0 {
		t.Errorf("waits, want %d, %v", n, err)
		return
	}
	if got := <-a.got; got.n != n || !errors.Is(got.err, err) {
		t.Errorf("got %v, want %d, %v", got, n, err)
	}
}

// mustEnd asserts that a returned because its context ended.
func (a *attempt) mustEnd(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if len(a.got) == 0 {
		t.Error("waits, though its context has ended")
		return
	}
	mustBeEnded(t, (<-a.got).err)
}

// compare asserts of all that they did what the model says, and returns those that still wait.
func compare(t *testing.T, all []*attempt) []*attempt {
	t.Helper()
	return slices.DeleteFunc(all, func(a *attempt) bool {
		if a.want == nil {
			a.mustWait(t)
			return false
		}
		a.mustReturn(t, a.want.n, a.want.err)
		a.cancel(nil)
		return true
	})
}

// without returns the attempts without a.
func without(all []*attempt, a *attempt) []*attempt {
	return slices.DeleteFunc(all, func(b *attempt) bool { return a == b })
}
