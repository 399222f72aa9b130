package potok_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// untilTimeout runs until its context ends and says what it saw.
func untilTimeout(ctx context.Context) (int, error) {
	if _, ok := ctx.Deadline(); !ok {
		return 0, errors.New("no deadline")
	}
	return 7, fmt.Errorf("seen: %w", obedient(ctx))
}

func TestAnAttemptEndedByTimeoutHasFailedAndWasNotCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen logbook[potok.Event]
		p := newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(_ context.Context, e potok.Event) { seen.add(e) }}))
		start := time.Now()
		f := runTask.With(potok.Timeout(3*time.Second)).Submit(t.Context(), p, untilTimeout)
		v, err := f.Result(t.Context())
		if v != 7 || time.Since(start) != 3*time.Second {
			t.Errorf("%d after %v", v, time.Since(start))
		}
		wantState(t, f, potok.Failed)
		wantErrors(t, err, context.DeadlineExceeded)
		wantNot(t, err, potok.ErrCancelled, context.Canceled)
		if s := p.Stats(); s.Failed != 1 || s.Cancelled != 0 || s.Unread != 0 {
			t.Errorf("%+v", s)
		}
		if e := seen.all(); len(e) != 1 || e[0].State != potok.Failed || e[0].Err != err {
			t.Errorf("%+v", e)
		}
		if f.Cancel() {
			t.Error("Cancel of a failed call returns true")
		}
	})
}

func TestTimeoutIsForEachAttemptAndARetriedOneHasItWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		start, last := time.Now(), time.Time{}
		var deadlines []time.Duration
		f := runTask.With(potok.Timeout(10*time.Second), potok.Retry(3, time.Minute, time.Minute)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			last = time.Now()
			deadline, _ := ctx.Deadline()
			deadlines = append(deadlines, deadline.Sub(last))
			return untilTimeout(ctx)
		})
		_, err := f.Result(t.Context())
		wantState(t, f, potok.Failed)
		wantErrors(t, err, context.DeadlineExceeded)
		if want := slices.Repeat([]time.Duration{10 * time.Second}, 3); !slices.Equal(deadlines, want) || time.Since(start) != 2*time.Minute+30*time.Second {
			t.Errorf("%v after %v", deadlines, time.Since(start))
		}
	})
}

func TestTimeoutCountsFromTheStartNotFromSubmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		p.Go(t.Context(), func(ctx context.Context) error { return after(ctx, time.Hour) })
		v, err := runTask.With(potok.Timeout(2*time.Second)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			return 1, after(ctx, time.Second)
		}).Result(t.Context())
		if v != 1 || err != nil {
			t.Errorf("%d %v", v, err)
		}
	})
}

func TestACallThatIgnoresItsTimeoutRunsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		f := runTask.With(potok.Timeout(time.Second)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			return 1, after(context.WithoutCancel(ctx), time.Minute)
		})
		if err := after(t.Context(), 30*time.Second); err != nil || f.State() != potok.Running || p.Stats().Running != 1 {
			t.Errorf("%v %v", f, err)
		}
		if v, err := f.Result(t.Context()); v != 1 || err != nil {
			t.Errorf("%d %v", v, err)
		}
	})
}

func TestTheDeadlineOfSubmitsContextCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var attempts atomic.Int64
		f := runTask.With(potok.Timeout(time.Hour), potok.Retry(3, 0, 0)).Submit(ctx, p, func(ctx context.Context) (int, error) {
			attempts.Add(1)
			return untilTimeout(ctx)
		})
		queued := doubleTask.Submit(ctx, p, 1)
		start := time.Now()
		wantCancelled(t, queued, context.DeadlineExceeded)
		wantCancelled(t, f, context.DeadlineExceeded)
		if v, _ := f.Result(t.Context()); v != 7 || attempts.Load() != 1 || time.Since(start) != time.Second {
			t.Errorf("%d, %d attempts, after %v", v, attempts.Load(), time.Since(start))
		}
	})
}

func TestCancelDuringAnAttemptWithATimeoutCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var cause error
		f := runTask.With(potok.Timeout(time.Hour), potok.Retry(3, 0, 0)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			_, err := untilTimeout(ctx)
			cause = context.Cause(ctx)
			return 0, err
		})
		synctest.Wait()
		start := time.Now()
		f.Cancel()
		wantCancelled(t, f, context.Canceled)
		if cause != potok.ErrCancelled || !time.Now().Equal(start) {
			t.Errorf("cause %v after %v", cause, time.Since(start))
		}
		f = runTask.With(potok.Timeout(time.Hour), potok.Retry(3, 0, 0)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			_, err := untilTimeout(ctx)
			cause = context.Cause(ctx)
			return 0, err
		})
		synctest.Wait()
		p.Close()
		wantCancelled(t, f, context.Canceled, potok.ErrClosed)
		if cause != potok.ErrClosed {
			t.Errorf("cause %v", cause)
		}
	})
}

func TestItemsOfATasksMapHaveItsTimeoutAndItsRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 3)
			start := time.Now()
			var attempts atomic.Int64
			in := slices.Values([]body{
				func(ctx context.Context) (int, error) { attempts.Add(1); return untilTimeout(ctx) },
				func(ctx context.Context) (int, error) { attempts.Add(1); return 1, nil },
			})
			failed := 0
			for _, err := range limited.Map(t.Context(), p, in, opts...) {
				if err != nil {
					failed++
					wantErrors(t, err, context.DeadlineExceeded)
					wantNot(t, err, potok.ErrCancelled)
				}
			}
			if failed != 1 || attempts.Load() != 4 || time.Since(start) != 5*time.Second { // three of a second, two pauses of one
				t.Errorf("%d failed, %d attempts, %v", failed, attempts.Load(), time.Since(start))
			}
		}
	})
}

// What an attempt has started ends with it: its context is over before the next one begins.
func TestTheContextOfAnAttemptEndsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.TaskOption{{potok.Retry(3, time.Second, time.Second)}, {potok.Retry(3, time.Second, time.Second), potok.Timeout(time.Hour)}} {
			p := newPool(t, 1)
			var last context.Context
			n := 0
			_, _ = runTask.With(opts...).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
				if n++; last != nil && last.Err() == nil {
					t.Errorf("attempt %d begins and the context of the one before goes on", n)
				}
				if ctx.Err() != nil {
					t.Errorf("attempt %d begins under an ended context", n)
				}
				last = ctx
				return 0, errItem
			}).Result(t.Context())
			if n != 3 || last.Err() == nil {
				t.Errorf("%d attempts", n)
			}
		}
	})
}

// A goroutine that an attempt has left behind in a wait must not keep the next attempt from lending its place.
func TestAWaitLeftBehindByAnAttemptDoesNotHinderTheNext(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, n := make(chan struct{}), 0
		v, err := runTask.With(potok.Retry(2, 0, 0)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			if n++; n == 1 {
				lent := make(chan struct{})
				go func() { _ = potok.Lend(ctx, func() error { close(lent); <-hold; return nil }) }()
				<-lent
				return 0, errItem
			}
			return doubleTask.Submit(ctx, p, 21).Result(ctx)
		}).Result(t.Context())
		if v != 42 || err != nil {
			t.Errorf("%d %v", v, err)
		}
		close(hold)
		if s := p.Stats(); s.Running+s.Waiting+s.Queued != 0 {
			t.Errorf("%+v", s)
		}
	})
}
