package potok_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

var errItem = errors.New("item failed")

// worlds runs a test outside of a bubble and in two bubbles, one after the other: nothing that parks may be handed from
// one to the next.
func worlds(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Run("outside", func(t *testing.T) {
		bounded(t)
		test(t)
	})
	for range 2 {
		t.Run("bubble", func(t *testing.T) { synctest.Test(t, test) })
	}
}

// bounded ends the program with all stacks if the test hangs. In a bubble that is the bubble's business.
func bounded(t *testing.T) {
	t.Helper()
	name := t.Name()
	watchdog := time.AfterFunc(30*time.Second, func() {
		buf := make([]byte, 1<<20)
		panic(fmt.Sprintf("%s hangs:\n%s", name, buf[:runtime.Stack(buf, true)]))
	})
	t.Cleanup(func() { watchdog.Stop() })
}

// pair is what a Map yields.
type pair[Out any] struct {
	value Out
	err   error
}

func collectPairs[Out any](seq iter.Seq2[Out, error]) (all []pair[Out]) {
	for v, err := range seq {
		all = append(all, pair[Out]{v, err})
	}
	return all
}

// goodValues returns the values of pairs, none of which may have an error.
func goodValues[Out any](t *testing.T, pairs []pair[Out]) (values []Out) {
	t.Helper()
	for i, p := range pairs {
		if p.err != nil {
			t.Errorf("pair %d: %v", i, p.err)
		}
		values = append(values, p.value)
	}
	return values
}

// input yields 0, 1, 2 … and knows how far it was pulled; limit < 0 is without end.
type input struct {
	limit  int
	pulled atomic.Int64
	pulls  atomic.Int64 // at this moment
	closed atomic.Bool  // the iterator has returned
}

func endless() *input         { return &input{limit: -1} }
func naturals(n int) *input   { return &input{limit: n} }
func (in *input) count() int  { return int(in.pulled.Load()) }
func (in *input) ended() bool { return in.closed.Load() }

func (in *input) all(yield func(int) bool) {
	if in.pulls.Add(1) != 1 {
		panic("the input is pulled by two at a time")
	}
	defer func() {
		in.closed.Store(true)
		in.pulls.Add(-1)
	}()
	for i := 0; i != in.limit; i++ {
		in.pulled.Add(1)
		if !yield(i) {
			return
		}
	}
}

func double(_ context.Context, i int) (int, error) { return 2 * i, nil }

// after waits for a time of a bubble's clock, or until ctx ends.
func after(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// caught returns what fn panics with; nil: it does not.
func caught(fn func()) (value any) {
	defer func() { value = recover() }()
	fn()
	return nil
}

// mustPanic wants a panic of ours with these words in it.
func mustPanic(t *testing.T, words string, fn func()) {
	t.Helper()
	v := caught(fn)
	if s := fmt.Sprint(v); v == nil || !strings.HasPrefix(s, "potok: ") || !strings.Contains(s, words) {
		t.Errorf("panic %v, want one of ours with %q", v, words)
	}
}

// cancelledFor says what is wrong with the error of a call that these errors cancelled.
func cancelledFor(err error, targets ...error) error {
	for _, target := range append(targets, potok.ErrCancelled) {
		if !errors.Is(err, target) {
			return fmt.Errorf("error %v does not match %v", err, target)
		}
	}
	return nil
}

// highWater counts who is inside and remembers the most.
type highWater struct{ now, most atomic.Int64 }

func (h *highWater) enter() {
	n := h.now.Add(1)
	for m := h.most.Load(); n > m && !h.most.CompareAndSwap(m, n); m = h.most.Load() {
	}
}

func (h *highWater) leave() { h.now.Add(-1) }

// logbook is a list that any goroutine may add to.
type logbook[T any] struct {
	mu   sync.Mutex // guards list
	list []T
}

func (l *logbook[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, v)
}

func (l *logbook[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.list...)
}

// inCall runs fn as a call of the pool and waits for it.
func inCall(t *testing.T, p *potok.Pool, fn func(ctx context.Context) error) {
	t.Helper()
	if _, err := p.Go(t.Context(), fn).Result(t.Context()); err != nil {
		t.Error(err)
	}
}
