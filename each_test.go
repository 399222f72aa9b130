package potok_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestEachRunsEveryInputOnce(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, workers := range []int{1, 4} {
			for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}, {potok.Chunk(50)}} {
				p := newPool(t, workers)
				var ran [100]atomic.Int64
				if err := potok.Each(t.Context(), p, naturals(100).all, func(_ context.Context, i int) error {
					ran[i].Add(1)
					return nil
				}, opts...); err != nil {
					t.Error(err)
				}
				for i := range ran {
					if n := ran[i].Load(); n != 1 {
						t.Errorf("item %d ran %d times", i, n)
					}
				}
				if err := potok.Each(t.Context(), p, naturals(0).all, func(context.Context, int) error { return errItem }); err != nil {
					t.Errorf("nothing: %v", err)
				}
			}
		}
	})
}

func TestEachReturnsTheFirstErrorInTimeCancelsTheRestAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 4)
		in := endless()
		first := errors.New("first in time")
		var running atomic.Int64
		var causes logbook[error]
		start := time.Now()
		err := potok.Each(t.Context(), p, in.all, func(ctx context.Context, i int) error {
			running.Add(1)
			defer running.Add(-1)
			switch i {
			case 0:
				_ = after(context.WithoutCancel(ctx), 9*time.Second) // deaf
				return errItem
			case 2:
				_ = after(ctx, 2*time.Second)
				return first
			}
			err := obedient(ctx)
			causes.add(context.Cause(ctx))
			return err
		}, potok.Lookahead(50))
		if err != first || running.Load() != 0 || time.Since(start) != 9*time.Second {
			t.Errorf("%v, %d run, after %v", err, running.Load(), time.Since(start))
		}
		if got := causes.all(); len(got) != 2 || got[0] != potok.ErrCancelled || got[1] != potok.ErrCancelled {
			t.Errorf("causes %v", got)
		}
		if s := p.Stats(); !in.ended() || in.count() != 50 || s.Queued+s.Running != 0 || s.Failed != 2 || s.Cancelled != 48 {
			t.Errorf("%d pulled, %+v", in.count(), s)
		}
	})
}

func TestEachDoesNotWaitForOrderToSeeAnError(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		err := potok.Each(t.Context(), p, naturals(9).all, func(ctx context.Context, i int) error {
			if i == 0 {
				return obedient(ctx) // only the error of another ends it
			}
			return errItem
		})
		if err != errItem {
			t.Error(err)
		}
	})
}

func TestEachStopsPulling(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		in := endless()
		if err := potok.Each(t.Context(), p, in.all, func(_ context.Context, i int) error {
			if i == 10 {
				return errItem
			}
			return nil
		}, potok.Lookahead(3)); err != errItem || in.count() > 14 {
			t.Errorf("%v, %d pulled", err, in.count())
		}
	})
}

func TestEachTurnsPanicAndGoexitIntoErrors(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		err := potok.Each(t.Context(), p, naturals(5).all, func(context.Context, int) error { panic("boom") })
		if e, ok := errors.AsType[*potok.PanicError](err); !ok || e.Value != "boom" {
			t.Error(err)
		}
		if err := potok.Each(t.Context(), p, naturals(5).all, func(context.Context, int) error { runtime.Goexit(); return nil }); !errors.Is(err, potok.ErrGoexit) {
			t.Error(err)
		}
	})
}

func TestEachEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		why := errors.New("why")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, why)
		defer cancel()
		start := time.Now()
		err := potok.Each(ctx, p, endless().all, func(ctx context.Context, _ int) error { return after(ctx, time.Second) })
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, why) || time.Since(start) != 2500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestEachWhoseItemsAreAllDoneDoesNotMindItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		ctx, cancel := context.WithCancel(t.Context())
		if err := potok.Each(ctx, p, naturals(4).all, func(ctx context.Context, i int) error {
			if i == 3 {
				_ = after(ctx, time.Second) // the end of the input has been seen by now
				cancel()
			}
			return nil
		}, potok.Lookahead(9)); err != nil {
			t.Error(err)
		}
	})
}

func TestEachInEachOnOneWorkerFindsTheErrorAtTheBottom(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		var deep func(ctx context.Context, depth int) error
		deep = func(ctx context.Context, depth int) error {
			if depth == 5 { // who waits lets others run: all thirty-two are tried
				return errItem
			}
			return potok.Each(ctx, p, naturals(2).all, func(ctx context.Context, _ int) error { return deep(ctx, depth+1) })
		}
		if err := deep(t.Context(), 0); err != errItem {
			t.Error(err)
		}
		if s := p.Stats(); s.Queued+s.Running+s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}
