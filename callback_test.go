package potok_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
)

// A settler makes a future and the function that settles it.
type settler func(t *testing.T) (f *potok.Future[int], settle func())

// settlers are the ways in which a future comes to its end.
var settlers = map[string]settler{
	"call returns": func(t *testing.T) (*potok.Future[int], func()) {
		hold, release := holding()
		return potok.Submit(t.Context(), newPool(t, 1), func(ctx context.Context) (int, error) { return 1, hold(ctx) }), release
	},
	"call panics": func(t *testing.T) (*potok.Future[int], func()) {
		hold, release := holding()
		return potok.Submit(t.Context(), newPool(t, 1), func(ctx context.Context) (int, error) { _ = hold(ctx); panic(1) }), release
	},
	"call exits": func(t *testing.T) (*potok.Future[int], func()) {
		hold, release := holding()
		return potok.Submit(t.Context(), newPool(t, 1), func(ctx context.Context) (int, error) {
			_ = hold(ctx)
			runtime.Goexit()
			return 1, nil
		}), release
	},
	"queued call is cancelled": func(t *testing.T) (*potok.Future[int], func()) {
		p := newPool(t, 1)
		p.Go(t.Context(), obedient)
		f := potok.Submit(t.Context(), p, giving(1, nil))
		return f, func() { go f.Cancel() }
	},
	"ctx of a queued call ends": func(t *testing.T) (*potok.Future[int], func()) {
		p := newPool(t, 1)
		p.Go(t.Context(), obedient)
		ctx, cancel := context.WithCancel(t.Context())
		return potok.Submit(ctx, p, giving(1, nil)), cancel
	},
	"pool is closed": func(t *testing.T) (*potok.Future[int], func()) {
		p := newPool(t, 1)
		p.Go(t.Context(), obedient)
		return potok.Submit(t.Context(), p, giving(1, nil)), func() { go p.Close() }
	},
	"Go returns": func(*testing.T) (*potok.Future[int], func()) {
		hold, release := holding()
		return potok.Go(context.Background(), func(ctx context.Context) (int, error) { return 1, hold(ctx) }), release
	},
	"promise is resolved": func(*testing.T) (*potok.Future[int], func()) {
		p := potok.NewPromise[int]()
		return p.Future(), func() { go p.Resolve(1) }
	},
	"promise is cancelled": func(*testing.T) (*potok.Future[int], func()) {
		p := potok.NewPromise[int]()
		return p.Future(), func() { go p.Future().Cancel() }
	},
	"Then passes a failure on": func(*testing.T) (*potok.Future[int], func()) {
		p := potok.NewPromise[int]()
		return potok.Then(p.Future(), func(context.Context, int) (int, error) { return 1, nil }), func() { go p.Reject(errTest) }
	},
}

// eachSettler runs the test for every end of a future, each in a bubble.
func eachSettler(t *testing.T, test func(t *testing.T, f *potok.Future[int], settle func())) {
	for name, make := range settlers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, settle := make(t)
				synctest.Wait()
				test(t, f, settle)
			})
		})
	}
}

func TestCallbacksRunOnceInOrderOfAdding(t *testing.T) {
	eachSettler(t, func(t *testing.T, f *potok.Future[int], settle func()) {
		var order []int
		var on []string
		for i := range 5 {
			f.OnDone(func(g *potok.Future[int]) {
				if g != f {
					t.Error("the callback gets another future")
				}
				if f.State() < potok.Succeeded {
					t.Errorf("state in the callback is %v", f.State())
				}
				order, on = append(order, i), append(on, goroutine()) // one goroutine: no lock
			})
		}
		settle()
		synctest.Wait()
		f.OnDone(func(*potok.Future[int]) { order, on = append(order, 5), append(on, goroutine()) })
		if !slices.Equal(order, []int{0, 1, 2, 3, 4, 5}) {
			t.Error("order is", order)
		}
		if len(slices.Compact(on[:5])) != 1 || on[5] != goroutine() {
			t.Error("goroutines are", on)
		}
	})
}

func TestWaitersWakeBeforeCallbacksRun(t *testing.T) {
	eachSettler(t, func(t *testing.T, f *potok.Future[int], settle func()) {
		var seen [3]chan struct{}
		for i := range seen {
			seen[i] = make(chan struct{})
		}
		f.OnDone(func(*potok.Future[int]) {
			for _, s := range seen {
				<-s
			}
		})
		go func() { f.Result(context.Background()); close(seen[0]) }()
		done := f.Done()
		go func() { <-done; close(seen[1]) }()
		go func() { potok.Wait(context.Background(), potok.AllDone, f); close(seen[2]) }()
		synctest.Wait()
		settle() // if a waiter came after the callbacks, the bubble would be a deadlock
	})
}

func TestACallbackThatPanicsIsLoggedAndTheRestRun(t *testing.T) {
	eachSettler(t, func(t *testing.T, f *potok.Future[int], settle func()) {
		records := logged(t)
		var ran []int
		for i := range 4 {
			f.OnDone(func(*potok.Future[int]) {
				ran = append(ran, i)
				if i%2 == 0 {
					panic(errTest)
				}
			})
		}
		settle()
		synctest.Wait()
		f.OnDone(func(*potok.Future[int]) { panic("in OnDone") })
		if !slices.Equal(ran, []int{0, 1, 2, 3}) {
			t.Error("callbacks that ran:", ran)
		}
		wantLogged(t, records(), 3)
	})
}

func TestACallbackThatExitsItsGoroutineStopsNothing(t *testing.T) {
	eachSettler(t, func(t *testing.T, f *potok.Future[int], settle func()) {
		records := logged(t)
		var mu sync.Mutex
		var ran []int
		for i := range 4 {
			f.OnDone(func(*potok.Future[int]) {
				mu.Lock()
				ran = append(ran, i)
				mu.Unlock()
				if i%2 == 0 {
					runtime.Goexit()
				}
			})
		}
		settle()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if slices.Sort(ran); !slices.Equal(ran, []int{0, 1, 2, 3}) {
			t.Error("callbacks that ran:", ran)
		}
		wantLogged(t, records(), 0)
		// The pool's Close in the cleanup must not wait for ever.
	})
}

func TestAnEndedContextCancelsTheOthersThoughACallbackExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		ctx, cancel := context.WithCancel(t.Context())
		var fs []*potok.Future[struct{}]
		for range 10 {
			f := p.Go(ctx, succeed)
			f.OnDone(func(*potok.Future[struct{}]) { runtime.Goexit() })
			fs = append(fs, f)
		}
		cancel()
		synctest.Wait()
		for _, f := range fs {
			wantState(t, f, potok.Cancelled)
		}
		release()
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestClosingCancelsTheOthersThoughACallbackExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		var fs []*potok.Future[struct{}]
		for range 10 {
			f := p.Go(t.Context(), succeed)
			f.OnDone(func(*potok.Future[struct{}]) { runtime.Goexit() })
			fs = append(fs, f)
		}
		go p.Close()
		synctest.Wait()
		for _, f := range fs {
			wantState(t, f, potok.Cancelled)
		}
		release()
	})
}

func TestACallbackMayWaitForItsOwnOneWorkerPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		var got atomic.Int64 // callbacks of different calls run on different goroutines
		for range 3 {
			f := p.Go(t.Context(), hold)
			f.OnDone(func(*potok.Future[struct{}]) {
				v, err := potok.Submit(context.Background(), p, giving(7, nil)).Result(context.Background())
				if err != nil {
					t.Error(err)
				}
				got.Add(int64(v))
			})
		}
		release()
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if got.Load() != 21 {
			t.Error("got", got.Load())
		}
	})
}

func TestACallbackOfACallItsWorkerFoundExpiredMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			first := p.Go(t.Context(), func(context.Context) error { cancel(); return nil })
			f := p.Go(ctx, succeed)
			f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed).Result(context.Background()) })
			outcome(t, first)
			outcome(t, f)
			p.Wait(t.Context())
		}
	})
}

func TestACallMayCancelAnotherWhoseCallbackWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var f *potok.Future[struct{}]
		begin := make(chan struct{})
		first := p.Go(t.Context(), func(context.Context) error { <-begin; f.Cancel(); return nil })
		f = p.Go(t.Context(), succeed)
		f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed).Result(context.Background()) })
		close(begin)
		outcome(t, first)
	})
}

func TestCloseInsideACallRunsCallbacksWithThePlaceLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		waits := p.Go(t.Context(), func(ctx context.Context) error { _, err := promise.Future().Result(ctx); return err })
		synctest.Wait()
		begin := make(chan struct{})
		closes := p.Go(t.Context(), func(context.Context) error { <-begin; return p.Close() })
		synctest.Wait()
		p.Go(t.Context(), succeed).OnDone(func(*potok.Future[struct{}]) { waits.Result(context.Background()) })
		close(begin)
		if _, err := outcome(t, closes); err != nil {
			t.Error(err)
		}
		wantCancelled(t, waits, potok.ErrClosed)
	})
}

func TestABlockedCallbackHoldsUpNoOtherCancel(t *testing.T) {
	for name, end := range map[string]func(*potok.Pool, func()){
		"ctx ends": func(_ *potok.Pool, cancel func()) { cancel() },
		"Close":    func(p *potok.Pool, _ func()) { p.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1)
				hold, release := holding()
				p.Go(t.Context(), hold)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var fs [3]*potok.Future[struct{}]
				for i := range fs {
					fs[i] = p.Go(ctx, succeed)
				}
				for i, f := range fs { // each callback waits for the other futures
					f.OnDone(func(*potok.Future[struct{}]) {
						fs[(i+1)%3].Result(context.Background())
						fs[(i+2)%3].Result(context.Background())
					})
				}
				go end(p, cancel)
				synctest.Wait()
				for _, f := range fs {
					wantState(t, f, potok.Cancelled)
				}
				release()
			})
		})
	}
}

func TestABlockedCallbackHoldsUpNoOtherCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := grown(t, 1)
		hold, release := holding()
		start := make(chan struct{})
		first := p.Go(t.Context(), func(context.Context) error { <-start; return nil })
		first.OnDone(func(*potok.Future[struct{}]) { _ = hold(nil) })
		var rest []*potok.Future[struct{}]
		for range 100 {
			rest = append(rest, p.Go(t.Context(), succeed))
		}
		close(start)
		synctest.Wait()
		for _, f := range rest {
			wantState(t, f, potok.Succeeded)
		}
		if s := p.Stats(); s.Running != 0 || s.Idle != 1 {
			t.Errorf("while a callback blocks: %+v", s)
		}
		release()
	})
}

func TestOnDoneOnASettledFutureRunsInside(t *testing.T) {
	p := newPool(t, 2)
	n := 20000
	if raceEnabled {
		n = 2000
	}
	for range n {
		f := p.Go(t.Context(), succeed)
		for f.State() != potok.Succeeded {
			runtime.Gosched()
		}
		ran := false
		f.OnDone(func(*potok.Future[struct{}]) { ran = true })
		if !ran {
			t.Fatal("State is succeeded, yet OnDone has not run the callback")
		}
	}
}

func TestOnDoneOnASettledFutureRunsBesideABlockedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		run, start := holding() // the callback is added before the call can settle, so that the worker runs it
		hold, release := holding()
		f := p.Go(t.Context(), run)
		f.OnDone(func(*potok.Future[struct{}]) { _ = hold(nil) })
		start()
		synctest.Wait()
		ran := false
		f.OnDone(func(*potok.Future[struct{}]) { ran = true })
		if !ran {
			t.Error("it did not run")
		}
		release()
	})
}

func TestEveryCallbackAddedWhileSettlingRunsOnce(t *testing.T) {
	p := newPool(t, 2)
	for range 200 {
		f := p.Go(t.Context(), succeed)
		var ran [4][10]atomic.Int32
		var wg sync.WaitGroup
		for g := range ran {
			wg.Go(func() {
				for i := range ran[g] {
					f.OnDone(func(*potok.Future[struct{}]) { ran[g][i].Add(1) })
				}
			})
		}
		wg.Wait()
		within(t, "Wait", func() { p.Wait(context.Background()) })
		for g := range ran {
			for i := range ran[g] {
				if n := ran[g][i].Load(); n != 1 {
					t.Fatalf("a callback ran %d times", n)
				}
			}
		}
	}
}

func TestNilCallbackPanics(t *testing.T) {
	wantPanic(t, "OnDone(nil)", func() { potok.NewPromise[int]().Future().OnDone(nil) })
}
