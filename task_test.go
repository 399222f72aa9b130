package potok_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// body is a function as the argument of a task: on goroutines arguments are shared.
type body = func(context.Context) (int, error)

var (
	runTask    = potok.Define("test.run", func(ctx context.Context, f body) (int, error) { return f(ctx) })
	doubleTask = potok.Define("test.double", double)
	secondTask = potok.Define("test.second", aSecond)
	limited    = potok.Define("test.limited", func(ctx context.Context, f body) (int, error) { return f(ctx) }, potok.Timeout(time.Second), potok.Retry(3, time.Second, time.Second))
)

func bodies(n int) iter.Seq[body] {
	return func(yield func(body) bool) {
		for i := range n {
			if !yield(func(context.Context) (int, error) { return i, nil }) {
				return
			}
		}
	}
}

func TestATaskHasANameOfItsOwn(t *testing.T) {
	if doubleTask.Name() != "test.double" || doubleTask.With(potok.Timeout(time.Second)).Name() != "test.double" {
		t.Errorf("%q", doubleTask.Name())
	}
	mustPanic(t, `"test.double"`, func() { potok.Define("test.double", double) })
	mustPanic(t, `"test.double"`, func() {
		potok.Define("test.double", func(context.Context, string) (string, error) { return "", nil })
	})
	mustPanic(t, "name", func() { potok.Define("", double) })
	mustPanic(t, "nil", func() { potok.Define[int, int]("test.nil", nil) })
	mustPanic(t, "Timeout", func() { potok.Timeout(0) })
	mustPanic(t, "Timeout", func() { potok.Timeout(-1) })
	mustPanic(t, "Retry", func() { potok.Retry(0, 0, 0) })
	mustPanic(t, "Retry", func() { potok.Retry(1, -1, 0) })
	mustPanic(t, "Retry", func() { potok.Retry(1, 2, 1) })
}

func TestCallRunsTheTaskHereAndNow(t *testing.T) {
	worlds(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		here := goroutine()
		v, err := runTask.Call(ctx, func(got context.Context) (int, error) {
			if got != ctx || goroutine() != here {
				t.Error("another ctx or another goroutine")
			}
			return 7, errItem
		})
		if v != 7 || err != errItem {
			t.Errorf("%d %v", v, err)
		}
	})
}

func TestATaskRunsOnAPool(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		if v, err := doubleTask.Submit(t.Context(), p, 21).Result(t.Context()); v != 42 || err != nil {
			t.Errorf("%d %v", v, err)
		}
		v, err := runTask.Submit(t.Context(), p, func(context.Context) (int, error) { return 7, errItem }).Result(t.Context())
		if v != 7 || err != errItem {
			t.Errorf("the value beside an error: %d %v", v, err)
		}
		if got := goodValues(t, collectPairs(doubleTask.Map(t.Context(), p, naturals(5).all))); !slices.Equal(got, []int{0, 2, 4, 6, 8}) {
			t.Errorf("%v", got)
		}
	})
}

func TestSubmitAllReturnsTheFuturesInOrderOfTheArguments(t *testing.T) {
	worlds(t, func(t *testing.T) {
		in := slices.Collect(naturals(300).all)
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(7)}} {
			p := newPool(t, 3, opts...)
			futures := doubleTask.SubmitAll(t.Context(), p, in)
			got, err := potok.Gather(t.Context(), futures...)
			if err != nil || len(got) != len(in) {
				t.Fatalf("%d futures, %v", len(got), err)
			}
			for i, v := range got {
				if v != 2*i {
					t.Errorf("future %d: %d", i, v)
				}
			}
		}
		p := newPool(t, 1)
		if futures := doubleTask.SubmitAll(t.Context(), p, nil); len(futures) != 0 {
			t.Errorf("%v", futures)
		}
	})
}

func TestSubmitAllOnOneWorkerStartsInOrder(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		var order logbook[int]
		var in []body
		for i := range 200 {
			in = append(in, func(context.Context) (int, error) { order.add(i); return i, nil })
		}
		runTask.SubmitAll(t.Context(), p, in)
		if err := p.Wait(t.Context()); err != nil || !slices.IsSorted(order.all()) || len(order.all()) != 200 {
			t.Errorf("%v %v", order.all(), err)
		}
	})
}

func TestSubmitAllToAClosedPoolFailsEveryCallWithErrClosed(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(0), potok.RefuseWhenFull()}} {
			p := newPool(t, 1, opts...)
			_ = p.Close()
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			for _, ctx := range []context.Context{t.Context(), ended} { // a closed executor wins
				for i, f := range doubleTask.SubmitAll(ctx, p, []int{1, 2, 3}) {
					if _, err := f.Result(ctx); f.State() != potok.Failed || !errors.Is(err, potok.ErrClosed) {
						t.Errorf("future %d: %v %v", i, f, err)
					}
				}
			}
		}
	})
}

func TestSubmitAllUnderAnEndedContextCancelsEveryCall(t *testing.T) {
	worlds(t, func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(1), potok.RefuseWhenFull()}} {
			p := newPool(t, 1, opts...)
			ran := false
			in := slices.Repeat([]body{func(context.Context) (int, error) { ran = true; return 0, nil }}, 3)
			for i, f := range runTask.SubmitAll(ctx, p, in) {
				_, err := f.Result(t.Context())
				if err := cancelledFor(err, why, context.Canceled); f.State() != potok.Cancelled || err != nil {
					t.Errorf("future %d: %v %v", i, f, err)
				}
			}
			if ran {
				t.Error("it ran")
			}
		}
	})
}

func TestSubmitAllWaitsForTheBacklogCallByCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(2))
		start := time.Now()
		futures := secondTask.SubmitAll(t.Context(), p, []int{0, 1, 2, 3, 4})
		if d := time.Since(start); d != 2*time.Second { // one runs and two are queued when the last has found room
			t.Errorf("it returned after %v", d)
		}
		if got, err := potok.Gather(t.Context(), futures...); err != nil || !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
			t.Errorf("%v %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		var states []potok.State
		for _, f := range secondTask.SubmitAll(ctx, p, []int{0, 1, 2, 3, 4, 5}) {
			_, _ = f.Result(t.Context())
			states = append(states, f.State())
		}
		if want := []potok.State{potok.Succeeded, potok.Cancelled, potok.Cancelled, potok.Cancelled, potok.Cancelled, potok.Cancelled}; !slices.Equal(states, want) {
			t.Errorf("%v", states)
		}
	})
}

func TestSubmitAllIsRefusedCallByCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(2), potok.RefuseWhenFull())
		futures := secondTask.SubmitAll(t.Context(), p, []int{0, 1, 2, 3, 4})
		for i, f := range futures {
			v, err := f.Result(t.Context())
			if i < 3 && (v != i || err != nil) || i >= 3 && (!errors.Is(err, potok.ErrFull) || f.State() != potok.Failed) {
				t.Errorf("future %d: %d %v", i, v, err)
			}
		}
		if s := p.Stats(); s.Succeeded != 3 || s.Failed != 2 || s.Unread != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestSubmitAllInsideACallOnOneWorkerLendsThePlace(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0))
		inCall(t, p, func(ctx context.Context) error {
			_, err := potok.Gather(ctx, doubleTask.SubmitAll(ctx, p, []int{1, 2, 3})...)
			return err
		})
	})
}

func TestWithIsTheSameTaskWithOtherOptionsAndLeavesTheFirstAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var attempts atomic.Int64
		fails := func(context.Context) (int, error) { attempts.Add(1); return 0, errItem }
		for i, c := range []struct {
			task *potok.Task[body, int]
			want int64
		}{
			{runTask, 1},
			{runTask.With(potok.Retry(4, 0, 0)), 4},
			{runTask.With(potok.Retry(4, 0, 0)).With(), 4},
			{runTask.With(potok.Retry(4, 0, 0)).With(potok.Retry(2, 0, 0)), 2},
			{runTask, 1},
			{limited, 3},
			{limited.With(potok.Retry(1, 0, 0)), 1},
			{limited, 3},
		} {
			attempts.Store(0)
			if _, err := c.task.Submit(t.Context(), p, fails).Result(t.Context()); err != errItem || attempts.Load() != c.want {
				t.Errorf("%d: %v, %d attempts, want %d", i, err, attempts.Load(), c.want)
			}
		}
		start := time.Now()
		_, err := limited.With(potok.Retry(1, 0, 0)).Submit(t.Context(), p, func(ctx context.Context) (int, error) { return 0, obedient(ctx) }).Result(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("With took the time-out away: %v after %v", err, time.Since(start))
		}
	})
}

func TestEventsOfATaskCarryItsName(t *testing.T) {
	worlds(t, func(t *testing.T) {
		var names logbook[string]
		p := newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(_ context.Context, e potok.Event) { names.add(e.Task) }}))
		_, _ = doubleTask.Submit(t.Context(), p, 1).Result(t.Context())
		_, _ = potok.Gather(t.Context(), doubleTask.SubmitAll(t.Context(), p, []int{1})...)
		collectPairs(doubleTask.Map(t.Context(), p, naturals(1).all))
		_, _ = potok.Submit(t.Context(), p, func(context.Context) (int, error) { return 0, nil }).Result(t.Context())
		if got := fmt.Sprintf("%q", names.all()); got != `["test.double" "test.double" "test.double" ""]` {
			t.Error(got)
		}
	})
}
