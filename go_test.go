package potok_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestGoRunsOnAGoroutineOfItsOwn(t *testing.T) {
	f := potok.Go(t.Context(), func(context.Context) (string, error) { return goroutine(), nil })
	if id, err := outcome(t, f); id == goroutine() || err != nil {
		t.Error(id, err)
	}
}

func TestGoUnderAnEndedContextDoesNotRun(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	f := potok.Go(ctx, func(context.Context) (int, error) { t.Error("it runs"); return 1, nil })
	wantCancelled(t, f, context.Canceled, errTest)
}

func TestGoHidesTheEnclosingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		hold, release := holding()
		p.Go(t.Context(), func(ctx context.Context) error {
			potok.Go(ctx, func(ctx context.Context) (int, error) { return promise.Future().Result(ctx) })
			potok.Go(ctx, func(ctx context.Context) (int, error) { return 0, potok.Lend(ctx, func() error { return hold(ctx) }) })
			return hold(ctx)
		})
		next := p.Go(t.Context(), succeed)
		synctest.Wait()
		wantState(t, next, potok.Pending)
		if s := p.Stats(); s.Running != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		promise.Resolve(1)
		release()
	})
}

func TestThenHidesTheEnclosingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		promise := potok.NewPromise[int]()
		p.Go(t.Context(), func(ctx context.Context) error {
			inner := potok.Go(ctx, giving(1, nil))
			potok.Then(inner, func(ctx context.Context, _ int) (int, error) { return promise.Future().Result(ctx) })
			return hold(ctx)
		})
		next := p.Go(t.Context(), succeed)
		synctest.Wait()
		wantState(t, next, potok.Pending)
		promise.Resolve(1)
		release()
	})
}

func TestThenRunsWithTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := potok.NewPromise[int]()
		where := ""
		f := potok.Then(p.Future(), func(_ context.Context, v int) (string, error) {
			where = goroutine()
			return string(rune('a' + v)), errTest
		})
		synctest.Wait()
		wantState(t, f, potok.Pending)
		p.Resolve(2)
		if v, err := f.Result(t.Context()); v != "c" || err != errTest {
			t.Error(v, err)
		}
		if where == goroutine() {
			t.Error("it ran on the goroutine that settled")
		}
	})
}

func TestThenOfASettledFutureRuns(t *testing.T) {
	p := potok.NewPromise[int]()
	p.Resolve(2)
	f := potok.Then(p.Future(), func(_ context.Context, v int) (int, error) { return v + 1, nil })
	if v, err := outcome(t, f); v != 3 || err != nil {
		t.Error(v, err)
	}
}

func TestThenPassesAFailureUnchanged(t *testing.T) {
	p := potok.NewPromise[int]()
	f := potok.Then(p.Future(), func(context.Context, int) (int, error) { t.Error("it runs"); return 1, nil })
	g := potok.Then(f, func(context.Context, int) (string, error) { t.Error("it runs"); return "", nil })
	p.Reject(errTest)
	_, err := outcome(t, g)
	if err != errTest {
		t.Error(err)
	}
	wantState(t, f, potok.Failed)
	wantState(t, g, potok.Failed)
}

func TestThenPassesACancelUnchanged(t *testing.T) {
	p := potok.NewPromise[int]()
	f := potok.Then(p.Future(), func(context.Context, int) (int, error) { t.Error("it runs"); return 1, nil })
	p.Future().Cancel()
	wantCancelled(t, f, context.Canceled)
	_, want := p.Future().Result(t.Context())
	if _, err := f.Result(t.Context()); err != want {
		t.Errorf("error is %v, want the same as %v", err, want)
	}
}

func TestThenPassesAPanicUnchanged(t *testing.T) {
	f := potok.Go(t.Context(), func(context.Context) (int, error) { panic(errTest) })
	g := potok.Then(f, func(context.Context, int) (int, error) { return 1, nil })
	_, err := outcome(t, g)
	_, want := outcome(t, f)
	if err != want {
		t.Error(err)
	}
}

func TestCancellingThenCancelsWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		running := p.Go(t.Context(), obedient)
		queued := p.Go(t.Context(), succeed)
		never := func(context.Context, struct{}) (int, error) { t.Error("it runs"); return 1, nil }
		synctest.Wait()
		f, g := potok.Then(running, never), potok.Then(potok.Then(queued, never), func(context.Context, int) (int, error) { return 1, nil })
		if !g.Cancel() || !f.Cancel() {
			t.Error("Cancel is false")
		}
		wantCancelled(t, f, context.Canceled)
		wantCancelled(t, g, context.Canceled)
		wantCancelled(t, queued, context.Canceled)
		wantCancelled(t, running, context.Canceled)
	})
}

func TestCancellingThenWhileItRunsEndsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := potok.Go(t.Context(), giving(1, nil))
		var cause error
		g := potok.Then(f, func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return 0, ctx.Err()
		})
		synctest.Wait()
		wantState(t, g, potok.Running)
		if !g.Cancel() {
			t.Error("Cancel is false")
		}
		wantCancelled(t, g, context.Canceled)
		wantErrors(t, cause, potok.ErrCancelled)
		wantState(t, f, potok.Succeeded)
	})
}

func TestThenKeepsTheValuesOfTheContextButNotItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), contextKey{}, "value"), time.Second)
		f := potok.Go(ctx, giving(1, nil))
		hold, release := holding()
		g := potok.Then(f, func(ctx context.Context, _ int) (any, error) {
			_ = hold(ctx)
			if _, has := ctx.Deadline(); has {
				t.Error("it has a deadline")
			}
			return ctx.Value(contextKey{}), ctx.Err()
		})
		synctest.Wait()
		cancel()
		release()
		if v, err := g.Result(context.Background()); v != "value" || err != nil {
			t.Error(v, err)
		}
	})
}

func TestGatherGivesAllValuesInOrder(t *testing.T) {
	p := newPool(t, 3)
	var fs []*potok.Future[int]
	for i := range 100 {
		fs = append(fs, potok.Submit(t.Context(), p, giving(i, nil)))
	}
	fs = append(fs, fs[3], fs[3])
	vs, err := potok.Gather(t.Context(), fs...)
	if len(vs) != 102 || vs[57] != 57 || vs[101] != 3 || err != nil {
		t.Error(vs, err)
	}
	if vs, err := potok.Gather[int](t.Context()); len(vs) != 0 || err != nil {
		t.Error(vs, err)
	}
}

func TestGatherReturnsAtTheFirstFailureInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := errors.New("later")
		var ps []*potok.Promise[int]
		var fs []*potok.Future[int]
		for range 4 {
			p := potok.NewPromise[int]()
			ps, fs = append(ps, p), append(fs, p.Future())
		}
		var got error
		var values []int
		go func() { values, got = potok.Gather(context.Background(), fs...) }()
		synctest.Wait()
		ps[3].Resolve(3)
		synctest.Wait()
		ps[2].Reject(errTest)
		synctest.Wait()
		if got != errTest || values != nil {
			t.Error(values, got)
		}
		ps[0].Reject(later)
		wantState(t, fs[1], potok.Pending) // Gather cancels nothing
		fs[1].Cancel()
	})
}

func TestGatherGivesTheErrorOfACancelledFuture(t *testing.T) {
	p := potok.NewPromise[int]()
	p.Future().Cancel()
	_, err := potok.Gather(t.Context(), potok.NewPromise[int]().Future(), p.Future())
	wantErrors(t, err, potok.ErrCancelled, context.Canceled)
}

func TestGatherOfSettledFuturesIgnoresTheContext(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	p, q := potok.NewPromise[int](), potok.NewPromise[int]()
	p.Resolve(1)
	if vs, err := potok.Gather(ended, p.Future(), p.Future()); !slices.Equal(vs, []int{1, 1}) || err != nil {
		t.Error(vs, err)
	}
	q.Reject(errTest)
	if _, err := potok.Gather(ended, potok.NewPromise[int]().Future(), q.Future()); err != errTest {
		t.Error(err)
	}
}

func TestGatherEndsWithItsContext(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(errTest)
	f := potok.NewPromise[int]().Future()
	_, err := potok.Gather(ended, f)
	wantErrors(t, err, context.Canceled, errTest)
	wantState(t, f, potok.Pending)
}

func TestNilFunctionsPanic(t *testing.T) {
	p := newPool(t, 1)
	wantPanic(t, "Go", func() { potok.Go[int](t.Context(), nil) })
	wantPanic(t, "Submit", func() { potok.Submit[int](t.Context(), p, nil) })
	wantPanic(t, "Pool.Go", func() { p.Go(t.Context(), nil) })
	wantPanic(t, "Then", func() { potok.Then[int, int](potok.NewPromise[int]().Future(), nil) })
	wantPanic(t, "Gather", func() { potok.Gather[int](t.Context(), nil) })
}

func TestGoroutinesOfGoAndThenEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 100 {
		f := potok.Go(t.Context(), giving(1, nil))
		outcome(t, potok.Then(f, func(context.Context, int) (int, error) { return 1, nil }))
	}
	eventually(t, "goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}
