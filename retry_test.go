package potok_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// failing counts its attempts; it fails until the one of this number. The pause after each is an hour.
func failing(until int64, attempts *atomic.Int64) body {
	return func(context.Context) (int, error) {
		if n := attempts.Add(1); n < until {
			return int(-n), fmt.Errorf("attempt %d: %w", n, errItem)
		}
		return 42, nil
	}
}

// never fails the first attempts, however many.
const never = 1 << 60

func anHour(attempts int) potok.TaskOption { return potok.Retry(attempts, time.Hour, time.Hour) }

func TestAFailedCallIsTriedAgainUntilItSucceedsOrHasNoAttemptLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		for _, c := range []struct{ until, attempts, want int64 }{{1, 5, 1}, {3, 5, 3}, {5, 5, 5}, {6, 5, 5}, {2, 1, 1}} {
			var n atomic.Int64
			start := time.Now()
			f := runTask.With(anHour(int(c.attempts))).Submit(t.Context(), p, failing(c.until, &n))
			v, err := f.Result(t.Context())
			if n.Load() != c.want || time.Since(start) != time.Duration(c.want-1)*time.Hour {
				t.Errorf("%+v: %d attempts in %v", c, n.Load(), time.Since(start))
			}
			if c.until <= c.attempts && (v != 42 || err != nil) || c.until > c.attempts && (!strings.HasPrefix(err.Error(), fmt.Sprintf("attempt %d", c.want)) || v != int(-c.want)) {
				t.Errorf("%+v: %d %v", c, v, err)
			}
		}
	})
}

func TestPausesAreRandomBetweenTheirBoundsAndGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const attempts, low, high = 7, time.Second, 20 * time.Second
		p := newPool(t, 100)
		var pauses [attempts][]time.Duration
		var all logbook[[2]int64]
		var futures []*potok.Future[int]
		for range 100 {
			attempt, last := int64(0), time.Time{}
			futures = append(futures, runTask.With(potok.Retry(attempts, low, high)).Submit(t.Context(), p, func(context.Context) (int, error) {
				if attempt > 0 {
					all.add([2]int64{attempt, int64(time.Since(last))})
				}
				attempt, last = attempt+1, time.Now()
				return 0, errItem
			}))
		}
		if _, pending, err := potok.Wait(t.Context(), potok.AllDone, futures...); len(pending) != 0 || err != nil {
			t.Fatal(err)
		}
		for _, e := range all.all() {
			pauses[e[0]] = append(pauses[e[0]], time.Duration(e[1]))
		}
		for attempt := 1; attempt < attempts; attempt++ {
			least, most := slices.Min(pauses[attempt]), slices.Max(pauses[attempt])
			bound := min(high, low<<attempt) // as Retry's comment has it
			if len(pauses[attempt]) != 100 || least < low || most > bound || most-least < (bound-low)/2 {
				t.Errorf("after attempt %d: %d pauses from %v to %v, want random ones in %v to %v", attempt, len(pauses[attempt]), least, most, low, bound)
			}
		}
	})
}

func TestAPauseWithoutALowerBoundIsRandomToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		start, attempts := time.Now(), atomic.Int64{}
		_, _ = runTask.With(potok.Retry(20, 0, time.Second)).Submit(t.Context(), p, failing(never, &attempts)).Result(t.Context())
		if d := time.Since(start); d == 0 || d > 19*time.Second {
			t.Errorf("19 pauses of 0 to a second took %v", d)
		}
	})
}

func TestWhatIsNeverTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, give := range map[string]error{
			"Permanent":         potok.Permanent(errItem),
			"Permanent wrapped": fmt.Errorf("wrapped: %w", potok.Permanent(errItem)),
			"Permanent joined":  errors.Join(errors.New("other"), potok.Permanent(errItem)),
			"ErrClosed":         fmt.Errorf("inner: %w", potok.ErrClosed),
		} {
			p := newPool(t, 1)
			var n atomic.Int64
			f := runTask.With(anHour(3)).Submit(t.Context(), p, func(context.Context) (int, error) { n.Add(1); return 0, give })
			if _, err := f.Result(t.Context()); n.Load() != 1 || err != give || f.State() != potok.Failed {
				t.Errorf("%s: %d attempts, %v %v", name, n.Load(), f, err)
			}
		}
	})
}

// A panic and a Goexit are failures of a call like any other, so Retry covers them.
func TestPanicAndGoexitAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		for name, fail := range map[string]func(){"panic": func() { panic(errItem) }, "Goexit": runtime.Goexit} {
			var n atomic.Int64
			v, err := runTask.With(anHour(3)).Submit(t.Context(), p, func(context.Context) (int, error) {
				if n.Add(1) < 3 {
					fail()
				}
				return 42, nil
			}).Result(t.Context())
			if v != 42 || err != nil || n.Load() != 3 {
				t.Errorf("%s: %d %v after %d attempts", name, v, err, n.Load())
			}
		}
	})
}

func TestANilPointerInAnErrorIsAFailureAndIsTriedAgain(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		var n atomic.Int64
		f := runTask.With(potok.Retry(2, 0, 0)).Submit(t.Context(), p, func(context.Context) (int, error) { n.Add(1); return 0, (*nilError)(nil) })
		if _, err := f.Result(t.Context()); err != error((*nilError)(nil)) || f.State() != potok.Failed || n.Load() != 2 {
			t.Errorf("%v, %d attempts", f, n.Load())
		}
		ctx, cancel := context.WithCancel(t.Context())
		f = runTask.Submit(ctx, p, func(context.Context) (int, error) { cancel(); return 0, (*nilError)(nil) })
		if <-f.Done(); f.State() != potok.Failed {
			t.Errorf("under an ended context: %v", f)
		}
	})
}

// nilError does what errors.Is and errors.As need, but not as a nil pointer.
type nilError struct{ inner error }

func (e *nilError) Error() string   { return "nilError" }
func (e *nilError) Unwrap() error   { return e.inner }
func (e *nilError) Is(t error) bool { return e.inner == t }

func TestACancelledCallIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		for name, give := range map[string]func(context.Context) error{
			"with its error":  func(ctx context.Context) error { return obedient(ctx) },
			"with its cause":  func(ctx context.Context) error { _ = obedient(ctx); return context.Cause(ctx) },
			"with an own one": func(ctx context.Context) error { _ = obedient(ctx); return errItem },
		} {
			for by, cancel := range map[string]func(*potok.Future[int], context.CancelCauseFunc){
				"Cancel": func(f *potok.Future[int], _ context.CancelCauseFunc) { f.Cancel() },
				"ctx":    func(_ *potok.Future[int], end context.CancelCauseFunc) { end(why) },
			} {
				p := newPool(t, 1)
				ctx, end := context.WithCancelCause(t.Context())
				var n atomic.Int64
				f := runTask.With(anHour(3), potok.Timeout(time.Hour)).Submit(ctx, p, func(ctx context.Context) (int, error) { n.Add(1); return 0, give(ctx) })
				synctest.Wait()
				cancel(f, end)
				_, err := f.Result(t.Context())
				want := potok.Cancelled
				if name == "with an own one" {
					want = potok.Failed
				}
				if f.State() != want || n.Load() != 1 || want == potok.Cancelled && cancelledFor(err, context.Canceled) != nil {
					t.Errorf("%s, %s: %v, %v, %d attempts", by, name, f, err, n.Load())
				}
				end(nil)
			}
		}
	})
}

// between submits a call that has failed once and waits for an hour.
func between(t *testing.T, ctx context.Context, p *potok.Pool) (f *potok.Future[int], attempts *atomic.Int64) {
	t.Helper()
	attempts = new(atomic.Int64)
	f = runTask.With(anHour(3)).Submit(ctx, p, failing(3, attempts))
	synctest.Wait()
	if s := p.Stats(); f.State() != potok.Pending || attempts.Load() != 1 || s.Waiting != 1 || s.Running != 0 || s.Queued != 0 {
		t.Fatalf("%v, %d attempts, %+v", f, attempts.Load(), s)
	}
	return f, attempts
}

func TestBetweenAttemptsThePlaceIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0))
		start := time.Now()
		f, _ := between(t, t.Context(), p)
		if s := p.Stats(); s.Idle != 1 {
			t.Errorf("%+v", s)
		}
		if v, err := doubleTask.Submit(t.Context(), p, 1).Result(t.Context()); v != 2 || err != nil || !time.Now().Equal(start) {
			t.Errorf("%d %v after %v", v, err, time.Since(start))
		}
		if v, err := f.Result(t.Context()); v != 42 || err != nil || time.Since(start) != 2*time.Hour {
			t.Errorf("%d %v after %v", v, err, time.Since(start))
		}
	})
}

func TestBetweenAttemptsCancelSettlesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		f, attempts := between(t, t.Context(), p)
		start := time.Now()
		if !f.Cancel() || f.State() != potok.Cancelled || !f.Cancel() {
			t.Errorf("%v", f)
		}
		_, err := f.Result(t.Context())
		if err := cancelledFor(err, context.Canceled); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.Waiting != 0 || s.Cancelled != 1 || s.Failed != 0 {
			t.Errorf("%+v", s)
		}
		if err := p.Wait(t.Context()); err != nil || !time.Now().Equal(start) {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if _ = after(t.Context(), 5*time.Hour); attempts.Load() != 1 {
			t.Error("it was tried again")
		}
	})
}

func TestBetweenAttemptsTheEndOfContextSettlesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, others := range []int{0, 1, 3} { // calls under other contexts, submitted before and after the first attempt
			p := newPool(t, 2)
			why := errors.New("why")
			ctx, cancel := context.WithCancelCause(t.Context())
			distract := func() {
				for range others {
					other, cancel := context.WithCancel(t.Context())
					_, _ = doubleTask.Submit(other, p, 1).Result(t.Context())
					cancel()
				}
			}
			var n atomic.Int64
			hold := make(chan struct{})
			f := runTask.With(anHour(3)).Submit(ctx, p, func(context.Context) (int, error) {
				<-hold
				n.Add(1)
				return 0, errItem
			})
			synctest.Wait()
			distract()
			close(hold)
			synctest.Wait()
			distract()
			start := time.Now()
			cancel(why)
			_, err := f.Result(t.Context())
			if err := cancelledFor(err, context.Canceled, why); err != nil || f.State() != potok.Cancelled || !time.Now().Equal(start) || n.Load() != 1 {
				t.Errorf("%d others: %v, %v, after %v", others, f, err, time.Since(start))
			}
		}
	})
}

func TestBetweenAttemptsADeadlineSettlesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		f, attempts := between(t, ctx, p)
		start := time.Now()
		_, err := f.Result(t.Context())
		if err := cancelledFor(err, context.DeadlineExceeded); err != nil || attempts.Load() != 2 || time.Since(start) != 90*time.Minute {
			t.Errorf("%v, %d attempts, after %v", err, attempts.Load(), time.Since(start))
		}
	})
}

func TestBetweenAttemptsShutdownAndWaitWaitAndCloseCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			end  func(*potok.Pool) error
			took time.Duration
			want potok.State
		}{
			"Wait":     {func(p *potok.Pool) error { return p.Wait(t.Context()) }, 2 * time.Hour, potok.Succeeded},
			"Shutdown": {func(p *potok.Pool) error { return p.Shutdown(t.Context()) }, 2 * time.Hour, potok.Succeeded},
			"Close":    {func(p *potok.Pool) error { return p.Close() }, 0, potok.Cancelled},
		} {
			p := newPool(t, 1)
			f, _ := between(t, t.Context(), p)
			start := time.Now()
			if err := c.end(p); err != nil || time.Since(start) != c.took || f.State() != c.want {
				t.Errorf("%s: %v, %v after %v", name, err, f, time.Since(start))
			}
			if _, err := f.Result(t.Context()); c.want == potok.Cancelled && cancelledFor(err, potok.ErrClosed, context.Canceled) != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		p := newPool(t, 1)
		f, _ := between(t, t.Context(), p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || f.State() != potok.Cancelled {
			t.Errorf("Shutdown in a hurry: %v, %v", err, f)
		}
	})
}

func TestLeavingTheRangeCancelsAnItemBetweenItsAttemptsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		start := time.Now()
		in := []body{
			func(context.Context) (int, error) { return 1, nil },
			func(context.Context) (int, error) {
				doubleTask.Submit(t.Context(), p, 1) // under another context
				return 0, errItem
			},
		}
		for range runTask.With(anHour(2)).Map(t.Context(), p, slices.Values(in)) {
			synctest.Wait()
			break
		}
		if !time.Now().Equal(start) {
			t.Errorf("it took %v to leave", time.Since(start))
		}
		pairs := collectPairs(runTask.With(anHour(2)).Map(t.Context(), p, slices.Values(in)))
		if len(pairs) != 2 || pairs[1].err != errItem || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", pairs, time.Since(start))
		}
	})
}

func TestObserversSeeEveryAttemptAndOneEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen logbook[string]
		start := time.Now()
		note := func(what string, e potok.Event) {
			seen.add(fmt.Sprintf("%s call %d attempt %d %v at %v", what, e.Call, e.Attempt, e.State, e.At.Sub(start)))
		}
		p := newPool(t, 1, potok.WithObserver(potok.Observer{
			Submitted: func(_ context.Context, e potok.Event) { note("submitted", e) },
			Started: func(ctx context.Context, e potok.Event) context.Context {
				note("started", e)
				return context.WithValue(ctx, keyOfMap{}, e.Attempt)
			},
			Settled: func(ctx context.Context, e potok.Event) {
				note("settled", e)
				if ctx.Value(keyOfMap{}) != e.Attempt {
					t.Error("Settled does not get the ctx of the last Started")
				}
			},
		}))
		n := 0
		_, _ = runTask.With(anHour(5)).Submit(t.Context(), p, func(ctx context.Context) (int, error) {
			if n++; ctx.Value(keyOfMap{}) != n {
				t.Errorf("attempt %d: the ctx is not what Started returned", n)
			}
			if n == 3 {
				return 0, nil
			}
			return 0, errItem
		}).Result(t.Context())
		want := []string{
			"submitted call 1 attempt 0 pending at 0s",
			"started call 1 attempt 1 pending at 0s",
			"started call 1 attempt 2 pending at 1h0m0s",
			"started call 1 attempt 3 pending at 2h0m0s",
			"settled call 1 attempt 3 succeeded at 2h0m0s",
		}
		if got := seen.all(); !slices.Equal(got, want) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
		if s := p.Stats(); s.Succeeded != 1 || s.Failed != 0 || s.Unread != 0 {
			t.Errorf("%+v", s)
		}
	})
}
