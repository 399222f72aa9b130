package potok_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestCancelOfAQueuedCallSettlesItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		f := p.Go(t.Context(), func(context.Context) error { t.Error("it runs"); return nil })
		waiter := make(chan error, 1)
		go func() { _, err := f.Result(context.Background()); waiter <- err }()
		synctest.Wait()
		if !f.Cancel() {
			t.Error("Cancel is false")
		}
		wantState(t, f, potok.Cancelled)
		wantErrors(t, <-waiter, potok.ErrCancelled, context.Canceled)
		if !f.Cancel() {
			t.Error("Cancel again is false")
		}
		_, err := f.Result(t.Context())
		wantNot(t, err, context.DeadlineExceeded, potok.ErrClosed)
		release()
	})
}

func TestCancelOfARunningCallEndsItsContext(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		var cause error
		f := run(t.Context(), func(ctx context.Context) (int, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return 3, errors.Join(errTest, ctx.Err())
		})
		synctest.Wait()
		for range 2 {
			if !f.Cancel() {
				t.Error("Cancel is false")
			}
		}
		v, err := outcome(t, f)
		wantErrors(t, err, potok.ErrCancelled, context.Canceled, errTest)
		wantState(t, f, potok.Cancelled)
		if v != 3 || cause != potok.ErrCancelled {
			t.Error(v, cause)
		}
		if !f.Cancel() {
			t.Error("Cancel again is false")
		}
	})
}

func TestACancelledCallSettlesAsWhatItReturns(t *testing.T) {
	own := errors.New("own")
	for name, c := range map[string]struct {
		give func(context.Context) error
		want potok.State
	}{
		"nothing":     {func(context.Context) error { return nil }, potok.Succeeded},
		"another":     {func(context.Context) error { return own }, potok.Failed},
		"deadline":    {func(context.Context) error { return context.DeadlineExceeded }, potok.Failed},
		"its ctx's":   {func(ctx context.Context) error { return ctx.Err() }, potok.Cancelled},
		"its cause":   {context.Cause, potok.Cancelled},
		"joined":      {func(ctx context.Context) error { return errors.Join(own, ctx.Err()) }, potok.Cancelled},
		"a child's":   {func(ctx context.Context) error { c, e := context.WithCancel(ctx); defer e(); return c.Err() }, potok.Cancelled},
		"a nested's":  {func(ctx context.Context) error { _, err := potok.NewPromise[int]().Future().Result(ctx); return err }, potok.Cancelled},
		"ErrCanceled": {func(context.Context) error { return potok.ErrCancelled }, potok.Cancelled},
	} {
		t.Run(name, func(t *testing.T) {
			eachRunner(t, func(t *testing.T, run runner) {
				f := run(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, c.give(ctx) })
				synctest.Wait()
				f.Cancel()
				_, err := outcome(t, f)
				wantState(t, f, c.want)
				switch c.want {
				case potok.Cancelled:
					wantErrors(t, err, potok.ErrCancelled, context.Canceled)
				case potok.Failed:
					wantNot(t, err, potok.ErrCancelled)
					if f.Cancel() {
						t.Error("Cancel of a failed future is true")
					}
				case potok.Succeeded:
					if f.Cancel() || err != nil {
						t.Error("Cancel of a succeeded future is true, or", err)
					}
				}
			})
		})
	}
}

func TestAContextErrorOfAnotherContextIsAFailure(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			<-ctx.Done()
			return 0, ctx.Err()
		})
		_, err := outcome(t, f)
		wantState(t, f, potok.Failed)
		wantErrors(t, err, context.DeadlineExceeded)
		wantNot(t, err, potok.ErrCancelled)
	})
}

func TestEveryKindOfContextCancelsQueuedCallsAtOnce(t *testing.T) {
	for name, make := range contexts {
		for _, grow := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPool(t, 1)
					if grow {
						p = grown(t, 1)
					}
					hold, release := holding()
					slow, unslow := holding()
					p.Go(t.Context(), hold)
					synctest.Wait()
					p.Go(t.Context(), slow)
					ctx, cancel := make()
					other, endOther := context.WithCancel(t.Context())
					defer endOther()
					var fs, others []*potok.Future[struct{}]
					for range 5 {
						fs = append(fs, p.Go(ctx, func(context.Context) error { t.Error("it runs"); return nil }))
						others = append(others, p.Go(other, succeed))
					}
					if grow {
						release() // the worker takes all of them in one batch, and is slow with the first
						synctest.Wait()
					}
					cancel()
					synctest.Wait()
					for _, f := range fs {
						wantCancelled(t, f, context.Canceled)
					}
					for _, f := range others {
						wantState(t, f, potok.Pending)
					}
					if s := p.Stats(); s.Queued != map[bool]int{false: 6, true: 5}[grow] || s.Cancelled != 5 {
						t.Errorf("%+v", s)
					}
					release()
					unslow()
				})
			})
		}
	}
}

func TestCallsUnderAContextThatHasEndedDoNotRun(t *testing.T) {
	for name, make := range contexts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1)
				ctx, cancel := make()
				cancel()
				f := p.Go(ctx, func(context.Context) error { t.Error("it runs"); return nil })
				wantState(t, f, potok.Cancelled)
				wantCancelled(t, f, context.Canceled)
			})
		})
	}
}

func TestADeadlineCancelsQueuedAndRunningCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		because := errors.New("too slow")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, because)
		defer cancel()
		start := time.Now()
		running := p.Go(ctx, func(ctx context.Context) error {
			if d, ok := ctx.Deadline(); !ok || d.Sub(start) != time.Minute {
				t.Error("its deadline is", d)
			}
			return obedient(ctx)
		})
		queued := p.Go(ctx, succeed)
		_, err := queued.Result(t.Context())
		if d := time.Since(start); d != time.Minute {
			t.Error("cancelled after", d)
		}
		wantCancelled(t, queued, context.DeadlineExceeded, because)
		wantCancelled(t, running, context.DeadlineExceeded, because)
		wantNot(t, err, context.Canceled)
	})
}

func TestACauseIsInTheErrorAndInTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		var cause error
		running := p.Go(ctx, func(ctx context.Context) error { <-ctx.Done(); cause = context.Cause(ctx); return cause })
		queued := p.Go(ctx, succeed)
		synctest.Wait()
		cancel(errTest)
		wantCancelled(t, running, context.Canceled, errTest)
		wantCancelled(t, queued, context.Canceled, errTest)
		wantCancelled(t, p.Go(ctx, succeed), context.Canceled, errTest)
		if cause != errTest {
			t.Error(cause)
		}
	})
}

func TestACallWhoseContextEndedDoesNotRunThoughTheWorkerIsFree(t *testing.T) {
	for _, make := range contexts {
		for range 200 {
			p := newPool(t, 1)
			hold, release := holding()
			ctx, cancel := make()
			p.Go(t.Context(), hold)
			f := p.Go(ctx, func(context.Context) error { t.Error("it runs after its ctx ended"); return nil })
			cancel()
			release() // after cancel, by the same goroutine
			wantCancelled(t, f, context.Canceled)
		}
	}
}

func TestOneContextCancelsManyCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		hold, release := holding()
		p.Go(t.Context(), hold)
		p.Go(t.Context(), hold)
		ctx, cancel := context.WithCancel(t.Context())
		var fs []*potok.Future[struct{}]
		for range 10_000 {
			fs = append(fs, p.Go(ctx, succeed))
		}
		cancel()
		synctest.Wait()
		for _, f := range fs {
			if f.State() != potok.Cancelled {
				t.Fatal(f)
			}
		}
		if s := p.Stats(); s.Queued != 0 || s.Cancelled != 10_000 || s.Running != 2 {
			t.Errorf("%+v", s)
		}
		release()
	})
}

func TestAContextIsWatchedAgainAfterItsCallsHaveRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		a, endA := context.WithCancel(t.Context())
		b, endB := context.WithCancel(t.Context())
		defer endB()
		for range 3 {
			outcome(t, p.Go(a, succeed))
			outcome(t, p.Go(b, succeed))
		}
		hold, release := holding()
		p.Go(t.Context(), hold)
		f := p.Go(a, succeed)
		p.Go(b, succeed)
		endA()
		synctest.Wait()
		wantState(t, f, potok.Cancelled)
		release()
	})
}

func TestCancelAndStartRace(t *testing.T) {
	p := newPool(t, 2)
	for range 2000 {
		ran := false
		f := p.Go(t.Context(), func(context.Context) error { ran = true; return nil })
		var wg sync.WaitGroup
		wg.Go(func() { f.Cancel() })
		f.Cancel()
		wg.Wait()
		_, err := outcome(t, f)
		if s := f.State(); ran != (s == potok.Succeeded) || (err == nil) != ran {
			t.Fatalf("ran %v, state %v, %v", ran, s, err)
		}
	}
}

func TestAnEndedContextOfTheEnclosingCallCancelsNestedOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var kept, outer *potok.Future[struct{}]
		f := p.Go(t.Context(), func(ctx context.Context) error {
			kept = p.Go(ctx, func(context.Context) error { t.Error("it runs"); return nil })
			outer = p.Go(t.Context(), succeed)
			return nil
		})
		outcome(t, f)
		wantCancelled(t, kept, context.Canceled)
		if _, err := outcome(t, outer); err != nil {
			t.Error(err)
		}
	})
}
