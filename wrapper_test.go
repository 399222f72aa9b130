package potok_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// A wrapper is an Executor of a user's that embeds another and counts the calls that go through. He cannot name what
// Dispatch is given, but he need not: B is inferred.
type wrapper[B batch] struct {
	potok.Executor
	next  interface{ Dispatch(calls B) }
	calls atomic.Int64
}

type batch interface{ Len() int }

func wrap[B batch](ex potok.Executor, next interface{ Dispatch(calls B) }) *wrapper[B] {
	return &wrapper[B]{Executor: ex, next: next}
}

func (w *wrapper[B]) Dispatch(calls B) {
	w.calls.Add(int64(calls.Len()))
	w.next.Dispatch(calls)
}

// embedding redefines nothing but Stats.
type embedding struct{ potok.Executor }

func (embedding) Stats() potok.Stats { return potok.Stats{Workers: 5} }

func TestEveryCallOfATaskGoesThroughAWrapper(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		inner := wrap(p, p)
		outer := wrap(embedding{inner}, inner)
		ctx := t.Context()
		count := func(what string, want int64) {
			t.Helper()
			if n, m := inner.calls.Swap(0), outer.calls.Swap(0); n != want || m != want {
				t.Errorf("%s: %d and %d calls, want %d", what, n, m, want)
			}
		}
		if v, err := doubleTask.Submit(ctx, outer, 21).Result(ctx); v != 42 || err != nil {
			t.Errorf("Submit: %d %v", v, err)
		}
		count("Submit", 1)
		if got, err := potok.Gather(ctx, doubleTask.SubmitAll(ctx, outer, []int{1, 2, 3})...); !slices.Equal(got, []int{2, 4, 6}) || err != nil {
			t.Errorf("SubmitAll: %v %v", got, err)
		}
		count("SubmitAll", 3)
		if got := goodValues(t, collectPairs(doubleTask.Map(ctx, outer, naturals(50).all))); len(got) != 50 || got[49] != 98 {
			t.Errorf("Map: %v", got)
		}
		count("Map", 50)
		for _, opts := range [][]potok.MapOption{{potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}, {potok.Chunk(3)}} {
			if got := goodValues(t, collectPairs(doubleTask.Map(ctx, outer, naturals(9).all, opts...))); len(got) != 9 {
				t.Errorf("Map: %v", got)
			}
			count("Map", 9)
		}
		if s := p.Stats(); s.Succeeded != 90 || outer.Stats() != (potok.Stats{Workers: 5}) {
			t.Errorf("%+v, %+v", s, outer.Stats())
		}
	})
}

func TestTheLookaheadOfMapGoesByTheStatsOfTheWrapper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := endless()
		for range secondTask.Map(t.Context(), embedding{newPool(t, 2)}, in.all) {
			if synctest.Wait(); in.count() != 1+2*5 {
				t.Errorf("%d pulled", in.count())
			}
			break
		}
	})
}

func TestThroughAWrapperACallMeansTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events logbook[int]
		p := newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(_ context.Context, e potok.Event) { events.add(e.Attempt) }}))
		w := wrap(p, p)
		start := time.Now()

		// Time-out, retry, observer.
		f := limited.Submit(t.Context(), w, untilTimeout)
		_, err := f.Result(t.Context())
		wantState(t, f, potok.Failed)
		wantErrors(t, err, context.DeadlineExceeded)
		if got := events.all(); time.Since(start) != 5*time.Second || !slices.Equal(got, []int{3}) {
			t.Errorf("after %v: attempts %v", time.Since(start), got)
		}

		// A nested call on one worker.
		inCall(t, p, func(ctx context.Context) error {
			if got := goodValues(t, collectPairs(doubleTask.Map(ctx, w, naturals(5).all))); len(got) != 5 {
				t.Errorf("%v", got)
			}
			_, err := potok.Gather(ctx, doubleTask.SubmitAll(ctx, w, []int{1, 2})...)
			return err
		})

		// Cancel, queued and running; the end of Submit's ctx.
		why := errors.New("why")
		ctx, end := context.WithCancelCause(t.Context())
		running := runTask.Submit(t.Context(), w, func(ctx context.Context) (int, error) { return 0, obedient(ctx) })
		queued, underCtx := doubleTask.Submit(t.Context(), w, 1), doubleTask.Submit(ctx, w, 1)
		synctest.Wait()
		queued.Cancel()
		end(why)
		synctest.Wait()
		wantState(t, running, potok.Running)
		wantCancelled(t, queued, context.Canceled)
		wantCancelled(t, underCtx, context.Canceled, why)
		running.Cancel()
		wantCancelled(t, running, context.Canceled)

		// Shutdown through the wrapper, then nothing more.
		if err := w.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		g := doubleTask.Submit(ctx, w, 1)
		wantErrors(t, outcomeOf(t, g), potok.ErrClosed)
		wantState(t, g, potok.Failed)
		pairs := collectPairs(doubleTask.Map(t.Context(), w, endless().all))
		wantErrors(t, pairs[len(pairs)-1].err, potok.ErrClosed)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestThroughAWrapperAFullPoolRefusesCallsButNotItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(1), potok.RefuseWhenFull())
		w := wrap(p, p)
		var refused int
		for _, f := range secondTask.SubmitAll(t.Context(), w, []int{1, 2, 3, 4}) {
			if _, err := f.Result(t.Context()); errors.Is(err, potok.ErrFull) {
				refused++
			}
		}
		if got := goodValues(t, collectPairs(secondTask.Map(t.Context(), w, naturals(20).all))); refused != 2 || len(got) != 20 {
			t.Errorf("%d refused, %v", refused, got)
		}
	})
}

func TestThroughAWrapperASubmitWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0))
		w := wrap(p, p)
		start := time.Now()
		first, second := secondTask.Submit(t.Context(), w, 1), secondTask.Submit(t.Context(), w, 2)
		if d := time.Since(start); d != time.Second {
			t.Errorf("the second Submit waited %v", d)
		}
		if got, err := potok.Gather(t.Context(), first, second); err != nil || !slices.Equal(got, []int{1, 2}) {
			t.Errorf("%v %v", got, err)
		}
	})
}
