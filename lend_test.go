package potok_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
)

// waits are the ways in which a call of a pool waits with its place lent. Each
// returns once settle has been called.
var waits = map[string]func(ctx context.Context, f *potok.Future[int]) error{
	"Result": func(ctx context.Context, f *potok.Future[int]) error { _, err := f.Result(ctx); return err },
	"Wait": func(ctx context.Context, f *potok.Future[int]) error {
		_, _, err := potok.Wait(ctx, potok.AllDone, f)
		return err
	},
	"Gather": func(ctx context.Context, f *potok.Future[int]) error { _, err := potok.Gather(ctx, f); return err },
	"AsCompleted": func(ctx context.Context, f *potok.Future[int]) (err error) {
		for _, err = range potok.AsCompleted(ctx, f) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Lend": func(ctx context.Context, f *potok.Future[int]) error {
		return potok.Lend(ctx, func() error {
			select {
			case <-f.Done():
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	},
	"Lend of a wait": func(ctx context.Context, f *potok.Future[int]) error {
		return potok.Lend(ctx, func() error { _, err := f.Result(ctx); return err })
	},
	"Wait of another pool": func(ctx context.Context, f *potok.Future[int]) error {
		p := potok.NewPool(1)
		defer p.Close()
		p.Go(context.Background(), func(inner context.Context) error { _, err := f.Result(inner); return err })
		return p.Wait(ctx)
	},
	"Shutdown of another pool": func(ctx context.Context, f *potok.Future[int]) error {
		p := potok.NewPool(1)
		defer p.Close()
		g := p.Go(context.Background(), func(inner context.Context) error { _, err := f.Result(inner); return err })
		defer g.Cancel()
		return p.Shutdown(ctx)
	},
	"a child's ctx": func(ctx context.Context, f *potok.Future[int]) error {
		child, cancel := context.WithCancel(context.WithValue(ctx, contextKey{}, 1))
		defer cancel()
		_, err := f.Result(child)
		return err
	},
}

func eachWait(t *testing.T, test func(t *testing.T, wait func(context.Context, *potok.Future[int]) error)) {
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, wait) })
		})
	}
}

func TestEveryWaitInsideACallLendsItsPlace(t *testing.T) {
	eachWait(t, func(t *testing.T, wait func(context.Context, *potok.Future[int]) error) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		f := p.Go(t.Context(), func(ctx context.Context) error { return wait(ctx, promise.Future()) })
		next := p.Go(t.Context(), succeed)
		synctest.Wait()
		wantState(t, f, potok.Running)
		wantState(t, next, potok.Succeeded)
		if s := p.Stats(); s.Running != 0 || s.Waiting != 1 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
		promise.Resolve(1)
		if _, err := outcome(t, f); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Waiting != 0 || s.Idle != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A wait ends while another call has the place: the call goes on before any
// queued one starts, and not before the place is free.
func TestAWaitThatEndsTakesItsPlaceBeforeAnyQueuedCall(t *testing.T) {
	for _, ctxEnds := range []bool{false, true} {
		eachWait(t, func(t *testing.T, wait func(context.Context, *potok.Future[int]) error) {
			p := grown(t, 1)
			promise := potok.NewPromise[int]()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var mu sync.Mutex
			var order []string
			note := func(s string) {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, s)
			}
			first := p.Go(ctx, func(ctx context.Context) error {
				err := wait(ctx, promise.Future())
				note("back")
				return err
			})
			synctest.Wait()
			hold, release := holding()
			p.Go(t.Context(), func(ctx context.Context) error { note("holds"); return hold(ctx) })
			for range 3 {
				p.Go(t.Context(), func(context.Context) error { note("queued"); return nil })
			}
			synctest.Wait()
			if ctxEnds {
				cancel()
			} else {
				promise.Resolve(1)
			}
			synctest.Wait()
			mu.Lock()
			if !slices.Equal(order, []string{"holds"}) {
				t.Error("while another has the place:", order)
			}
			mu.Unlock()
			release()
			p.Wait(t.Context())
			if !slices.Equal(order, []string{"holds", "back", "queued", "queued", "queued"}) {
				t.Error(order)
			}
			if ctxEnds {
				wantCancelled(t, first, context.Canceled)
			}
			promise.Resolve(1)
		})
	}
}

func TestACallHandedToAFreeWorkerIsNotLostToAWaitThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			p := newPool(t, 1)
			promise := potok.NewPromise[int]()
			a := p.Go(t.Context(), func(ctx context.Context) error { _, err := promise.Future().Result(ctx); return err })
			synctest.Wait()
			b := p.Go(t.Context(), succeed) // a worker starts for it
			promise.Resolve(1)              // and may find that its place is taken
			outcome(t, a)
			outcome(t, b)
			if err := p.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAPlaceIsLentWhileOneGoroutineOfTheCallWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		ps, fs := promises(3)
		back := make([]atomic.Bool, 3)
		f := p.Go(t.Context(), func(ctx context.Context) error {
			var wg sync.WaitGroup
			for i := range fs {
				wg.Go(func() { fs[i].Result(ctx); back[i].Store(true) })
			}
			wg.Wait()
			return nil
		})
		synctest.Wait()
		hold, release := holding()
		other := p.Go(t.Context(), hold)
		synctest.Wait()
		ps[0].Resolve(1)
		ps[1].Resolve(1)
		synctest.Wait()
		wantState(t, other, potok.Running)
		if !back[0].Load() || !back[1].Load() {
			t.Error("a wait does not end though the place is still lent")
		}
		ps[2].Resolve(1)
		synctest.Wait()
		if back[2].Load() {
			t.Error("the last wait ends without the place")
		}
		release()
		outcome(t, f)
	})
}

func TestAWaitThatBeginsExcusesOneThatWantsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		ps, fs := promises(2)
		begin := make(chan struct{})
		var back atomic.Bool
		f := p.Go(t.Context(), func(ctx context.Context) error {
			var wg sync.WaitGroup
			wg.Go(func() { fs[0].Result(ctx); back.Store(true) })
			wg.Go(func() { <-begin; fs[1].Result(ctx) })
			wg.Wait()
			return nil
		})
		synctest.Wait()
		hold, release := holding()
		p.Go(t.Context(), hold)
		synctest.Wait()
		ps[0].Resolve(1)
		synctest.Wait()
		if back.Load() {
			t.Error("back without a place")
		}
		close(begin) // now another of its goroutines waits
		synctest.Wait()
		if !back.Load() {
			t.Error("the place is lent again, yet the wait does not end")
		}
		ps[1].Resolve(1)
		release()
		outcome(t, f)
	})
}

func TestACallMayReturnWhileAGoroutineOfItStillWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		done := make(chan struct{})
		f := p.Go(t.Context(), func(ctx context.Context) error {
			go func() { promise.Future().Result(context.WithoutCancel(ctx)); close(done) }()
			synctest.Wait()
			return nil
		})
		outcome(t, f)
		for range 3 {
			outcome(t, p.Go(t.Context(), succeed))
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 1 || s.Waiting != 0 || s.Running != 0 {
			t.Errorf("%+v", s)
		}
		hold, release := holding()
		p.Go(t.Context(), hold)
		promise.Resolve(1)
		<-done // needs no place any more
		release()
	})
}

func TestLendGivesTheErrorAndThePlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		if err := potok.Lend(t.Context(), func() error { return errTest }); err != errTest {
			t.Error(err)
		}
		f := p.Go(t.Context(), func(ctx context.Context) error {
			return potok.Lend(ctx, func() error { return errTest })
		})
		if _, err := outcome(t, f); err != errTest {
			t.Error(err)
		}
		for range 3 {
			g := p.Go(t.Context(), func(ctx context.Context) error {
				return potok.Lend(ctx, func() error { panic(errTest) })
			})
			_, err := outcome(t, g)
			if _, ok := errors.AsType[*potok.PanicError](err); !ok {
				t.Error(err)
			}
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAWaitWithAnotherContextDoesNotLend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		p.Go(t.Context(), func(context.Context) error { _, err := promise.Future().Result(context.Background()); return err })
		next := p.Go(t.Context(), succeed)
		synctest.Wait()
		wantState(t, next, potok.Pending)
		promise.Resolve(1)
	})
}

// The limit holds under random nested load: calls count themselves where they
// do not wait.
func TestNeverMoreCallsExecuteThanThereAreWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		p := newPool(t, workers)
		var executing, most atomic.Int32
		enter := func() {
			n := executing.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}
		leave := func() { executing.Add(-1) }
		var call func(depth int) func(context.Context) error
		call = func(depth int) func(context.Context) error {
			return func(ctx context.Context) error {
				enter()
				defer leave()
				if depth == 0 {
					return nil
				}
				var fs []*potok.Future[struct{}]
				for range 1 + rand.N(3) {
					f := p.Go(ctx, call(depth-1))
					if rand.N(4) == 0 {
						f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed) })
					}
					fs = append(fs, f)
				}
				leave()
				defer enter()
				switch rand.N(4) {
				case 0:
					potok.Wait(ctx, potok.AllDone, fs...)
				case 1:
					potok.Gather(ctx, fs...)
				case 2:
					for range potok.AsCompleted(ctx, fs...) {
					}
				default:
					for _, f := range fs {
						f.Result(ctx)
					}
				}
				return nil
			}
		}
		n := 60
		if raceEnabled {
			n = 15
		}
		for range n {
			p.Go(t.Context(), call(4))
		}
		within(t, "Wait", func() { p.Wait(context.Background()) })
		if m := int(most.Load()); m > workers {
			t.Errorf("%d calls executed at once on %d workers", m, workers)
		}
	}
}
