package potok_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/queue"
)

// values are those of a Map without its errors, which are the test's.
func valuesOf[T any](t *testing.T, seq iter.Seq2[T, error]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v, err := range seq {
			if err != nil {
				t.Error(err)
			}
			if !yield(v) {
				return
			}
		}
	}
}

func TestMapsInARowOnOneWorkerLeftAnywhere(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}} {
			p := newPool(t, 1, opts...)
			for at := 1; at <= 11; at += 2 {
				rows := &fakeRows{n: 10}
				chain := func(ctx context.Context) error {
					first := potok.Map(ctx, p, rows.all, double, potok.Lookahead(3))
					second := potok.Map(ctx, p, valuesOf(t, first), double, potok.Unordered())
					n := 0
					for v, err := range potok.Map(ctx, p, valuesOf(t, second), double) {
						if n++; err != nil || v%8 != 0 {
							return fmt.Errorf("%d %w", v, err)
						}
						if n == at {
							break
						}
					}
					if !rows.closed || n != min(at, 10) {
						return fmt.Errorf("%d results, rows %+v", n, *rows)
					}
					return nil
				}
				if err := chain(t.Context()); err != nil {
					t.Error(err)
				}
				*rows = fakeRows{n: 10}
				inCall(t, p, chain)
			}
			if s := p.Stats(); s.Queued+s.Running+s.Waiting != 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestMapMayBePulledByHand(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		in := endless()
		next, stop := iter.Pull2(potok.Map(t.Context(), p, in.all, double))
		for i := range 5 {
			if v, err, ok := next(); v != 2*i || err != nil || !ok {
				t.Errorf("%d %v %v", v, err, ok)
			}
		}
		if stop(); !in.ended() {
			t.Error("the input goes on")
		}
	})
}

// The limit holds for who ranges inside a call, too: when a wait of his ends he has his place again before another call
// starts, and while his loop body runs nothing else does.
func TestTheLoopBodyOfACallOnOneWorkerRunsAlone(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.Lookahead(1)}, {potok.StopOnError()}} {
			p := newPool(t, 1)
			var h highWater
			alone := func() {
				h.enter()
				defer h.leave()
				runtime.Gosched()
			}
			inCall(t, p, func(ctx context.Context) error {
				alone()
				for _, err := range potok.Map(ctx, p, naturals(60).all, func(context.Context, int) (int, error) { alone(); return 0, nil }, opts...) {
					if alone(); err != nil {
						return err
					}
				}
				alone()
				return nil
			})
			if most := h.most.Load(); most != 1 {
				t.Errorf("%d at once", most)
			}
		}
	})
}

func TestItemsMayWaitForThePool(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		got := goodValues(t, collectPairs(potok.Map(t.Context(), p, naturals(10).all, func(ctx context.Context, i int) (int, error) {
			return i, p.Wait(ctx)
		}, potok.Lookahead(3))))
		if len(got) != 10 {
			t.Errorf("%v", got)
		}
	})
}

func TestAnItemMayCloseOrShutDownThePool(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, end := range map[string]func(context.Context, *potok.Pool) error{
			"Close":    func(_ context.Context, p *potok.Pool) error { return p.Close() },
			"Shutdown": func(ctx context.Context, p *potok.Pool) error { return p.Shutdown(ctx) },
		} {
			p := newPool(t, 2)
			in := endless()
			pairs := collectPairs(potok.Map(t.Context(), p, in.all, func(ctx context.Context, i int) (int, error) {
				if i == 3 {
					if err := end(ctx, p); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				return i, nil
			}))
			if len(pairs) != in.count()+1 || pairs[3] != (pair[int]{value: 3}) {
				t.Errorf("%s: %d pulled, %v", name, in.count(), pairs)
			}
			wantErrors(t, pairs[len(pairs)-1].err, potok.ErrClosed)
		}
	})
}

func TestTheLoopBodyOfACallMayCloseThePool(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		in, n, last := endless(), 0, error(nil)
		f := p.Go(t.Context(), func(ctx context.Context) error {
			for _, err := range potok.Map(ctx, p, in.all, double, potok.Lookahead(4)) {
				if n++; n == 2 {
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
				last = err
			}
			return last
		})
		_, err := f.Result(t.Context())
		wantErrors(t, err, potok.ErrClosed)
		if n != in.count()+1 && n != in.count() { // the context of the call has ended as well
			t.Errorf("%d pairs of %d inputs", n, in.count())
		}
	})
}

func TestMapOverAQueue(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		q := queue.New[int](2)
		go func() {
			defer q.Close()
			for i := range 30 {
				if err := q.Put(t.Context(), i); err != nil {
					t.Error(err)
				}
			}
		}()
		if got := goodValues(t, collectPairs(potok.Map(t.Context(), p, q.All(t.Context()), double))); len(got) != 30 || got[29] != 58 {
			t.Errorf("%v", got)
		}

		ctx, cancel := context.WithCancel(t.Context())
		q = queue.New[int](2)
		_, _ = q.TryPut(1), q.TryPut(2)
		n, last := 0, error(nil)
		for _, err := range potok.Map(ctx, p, q.All(ctx), double) { // nobody closes the queue
			if n++; n == 2 {
				cancel()
			}
			last = err
		}
		if n != 3 || !errors.Is(last, context.Canceled) {
			t.Errorf("%d pairs, last %v", n, last)
		}
		cancel()
	})
}

// An item that was cancelled keeps its argument for nobody, however busy the pool is.
func TestItemsThatWereCancelledKeepNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type thing struct{ _ [4096]byte }
		p := newPool(t, 1)
		fn, release := holding()
		p.Go(t.Context(), fn) // the only worker
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var args []weak.Pointer[thing]
		n := 0
		for range potok.Map(ctx, p, func(yield func(*thing) bool) {
			for range 10 {
				v := new(thing)
				args = append(args, weak.Make(v))
				if !yield(v) {
					return
				}
			}
		}, func(context.Context, *thing) (int, error) { return 0, nil }, potok.Lookahead(20)) {
			n++
		}
		for range 3 {
			runtime.GC()
		}
		for i, w := range args {
			if w.Value() != nil {
				t.Errorf("the argument of item %d of %d is kept", i, n)
			}
		}
		release()
	})
}

func TestARetriedCallIsQueuedHoweverFullTheBacklogIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{{potok.WithBacklog(0)}, {potok.WithBacklog(0), potok.RefuseWhenFull()}, {potok.WithBacklog(1), potok.RefuseWhenFull()}} {
			p := newPool(t, 1, opts...)
			start := time.Now()
			var n atomic.Int64
			f := runTask.With(anHour(2)).Submit(t.Context(), p, failing(2, &n))
			synctest.Wait()
			long := p.Go(t.Context(), func(ctx context.Context) error { return after(ctx, 3*time.Hour) })
			if err := after(t.Context(), 90*time.Minute); err != nil || p.Stats().Queued != 1 {
				t.Errorf("%v %+v", err, p.Stats())
			}
			if v, err := f.Result(t.Context()); v != 42 || err != nil || time.Since(start) != 3*time.Hour {
				t.Errorf("%d %v after %v", v, err, time.Since(start))
			}
			wantState(t, long, potok.Succeeded)
			if v, err := doubleTask.Submit(t.Context(), p, 1).Result(t.Context()); v != 2 || err != nil {
				t.Errorf("%d %v", v, err)
			}
		}
	})
}

func TestCancelInAnyMomentOfACallThatIsTriedAgainAndAgain(t *testing.T) {
	worlds(t, func(t *testing.T) {
		var c tallies
		p := newPool(t, 2, potok.WithObserver(c.observer()))
		spin := runTask.With(potok.Retry(never, 0, 0))
		for i := range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			begun := make(chan struct{})
			n := 0
			f := spin.Submit(ctx, p, func(context.Context) (int, error) {
				if n++; n == 1+i%4 {
					close(begun)
				}
				return n, errItem
			})
			<-begun
			for range i % 7 {
				runtime.Gosched()
			}
			if i%2 == 0 {
				f.Cancel()
			} else {
				cancel()
			}
			if _, err := f.Result(t.Context()); f.State() == potok.Cancelled {
				wantErrors(t, err, potok.ErrCancelled, context.Canceled)
			} else if err != errItem { // cancelled during an attempt that failed on its own
				t.Errorf("%v", err)
			}
			cancel()
		}
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		c.check(t, p)
	})
}

func TestAFutureOfATaskIsAFutureLikeAnyOther(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		futures := doubleTask.SubmitAll(t.Context(), p, []int{1, 2, 3})
		var got []int
		for f, err := range potok.AsCompleted(t.Context(), futures...) {
			v, e := f.Result(t.Context())
			if got = append(got, v); err != nil || e != nil {
				t.Errorf("%v %v", err, e)
			}
		}
		if slices.Sort(got); !slices.Equal(got, []int{2, 4, 6}) {
			t.Errorf("%v", got)
		}
		if s, err := potok.Then(futures[0], func(_ context.Context, v int) (string, error) { return fmt.Sprint(v), nil }).Result(t.Context()); s != "2" || err != nil {
			t.Errorf("%q %v", s, err)
		}
	})
}
