package potok_test

import (
	"context"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestNewPoolTakesGOMAXPROCSForZeroWorkers(t *testing.T) {
	if n := newPool(t, 0).Stats().Workers; n != runtime.GOMAXPROCS(0) {
		t.Error(n)
	}
}

func TestNegativeSizesPanic(t *testing.T) {
	wantPanic(t, "NewPool(-1)", func() { potok.NewPool(-1) })
	wantPanic(t, "WithBacklog(-1)", func() { potok.WithBacklog(-1) })
}

func TestThePoolIsAnExecutorWithAName(t *testing.T) {
	p := newPool(t, 2, potok.WithName("crawler"))
	var _ potok.Executor = p
	if s := p.String(); !strings.Contains(s, "crawler") {
		t.Error(s)
	}
}

func TestAnIdlePoolIsDurablyBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 3)
		for range 10 {
			p.Go(t.Context(), succeed)
		}
		start := time.Now()
		<-time.After(time.Hour) // fake: returns only if everybody is durably blocked
		if d := time.Since(start); d != time.Hour {
			t.Error(d)
		}
		outcome(t, p.Go(t.Context(), succeed))
	})
}

func TestOneWorkerStartsInOrderOfSubmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var order []int
		hold, release := holding()
		p.Go(t.Context(), hold)
		n := 1000
		for i := range n {
			p.Go(t.Context(), func(context.Context) error { order = append(order, i); return nil })
		}
		release()
		p.Wait(t.Context())
		if len(order) != n || !slices.IsSorted(order) {
			t.Error(order)
		}
	})
}

// Calls of every kind: short, waiting for a promise, waiting for a call of
// their own, with callbacks, cancelled before the start. They all start in order.
func TestOneWorkerStartsInOrderWhateverCallsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := grown(t, 1)
		var mu sync.Mutex
		var order []int
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		promise := potok.NewPromise[int]()
		started := func(i int) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, i)
		}
		hold, release := holding()
		p.Go(ctx, hold)
		n := 300
		for i := range n {
			f := p.Go(ctx, func(ctx context.Context) error {
				started(i)
				switch i % 7 {
				case 1:
					promise.Future().Result(ctx)
				case 2:
					outcome(t, p.Go(ctx, succeed)) // does not lend: outcome has a ctx of its own
				case 3:
					potok.Lend(ctx, func() error { runtime.Gosched(); return nil })
				case 4:
					p.Go(ctx, succeed).Result(ctx)
				}
				return nil
			})
			switch i % 7 {
			case 2:
				f.Cancel()
			case 5:
				f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed).Result(context.Background()) })
			}
		}
		release()
		synctest.Wait()
		promise.Resolve(1)
		p.Wait(t.Context())
		if want := n - (n+4)/7; len(order) != want || !slices.IsSorted(order) {
			t.Errorf("%d started, want %d, in order %v", len(order), want, order)
		}
	})
}

func TestChildGoroutinesSubmitInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var order []int
		f := p.Go(t.Context(), func(ctx context.Context) error {
			for i := range 10 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					p.Go(context.WithoutCancel(ctx), func(context.Context) error { order = append(order, i); return nil })
				}()
				<-done
			}
			return nil
		})
		outcome(t, f)
		p.Wait(t.Context())
		if len(order) != 10 || !slices.IsSorted(order) {
			t.Error(order)
		}
	})
}

func TestAllPlacesAreUsed(t *testing.T) {
	for _, grow := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 3)
			if grow {
				p = grown(t, 3)
			}
			hold, release := holding()
			var fs []*potok.Future[struct{}]
			for range 5 {
				fs = append(fs, p.Go(t.Context(), hold))
			}
			synctest.Wait()
			running := 0
			for _, f := range fs {
				if f.State() == potok.Running {
					running++
				}
			}
			if s := p.Stats(); running != 3 || s.Running != 3 || s.Queued != 2 || s.Idle != 0 {
				t.Errorf("%d run: %+v", running, s)
			}
			release()
		})
	}
}

func TestNoCallWaitsBehindASlowOneInItsBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := grown(t, 2)
		blockAll, unblock := holding()
		p.Go(t.Context(), blockAll)
		p.Go(t.Context(), blockAll)
		hold, release := holding()
		slow := p.Go(t.Context(), hold)
		var fs []*potok.Future[struct{}]
		for range 200 {
			fs = append(fs, p.Go(t.Context(), succeed))
		}
		unblock()
		synctest.Wait()
		wantState(t, slow, potok.Running)
		for i, f := range fs {
			if f.State() != potok.Succeeded {
				t.Fatalf("call %d is %v behind a slow one", i, f)
			}
		}
		release()
	})
}

func TestCallsMayWaitForLaterOnesInTheirBatch(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			p := grown(t, workers)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			hold, release := holding()
			for range workers {
				p.Go(ctx, hold)
			}
			synctest.Wait()
			fs := make([]*potok.Future[int], 300)
			runs := make([]int32, len(fs))
			for i := range fs {
				fs[i] = potok.Submit(ctx, p, func(ctx context.Context) (int, error) {
					atomic.AddInt32(&runs[i], 1)
					if i%3 > 0 || i+7 >= len(fs) {
						return 1, nil
					}
					v, err := fs[i+7].Result(ctx)
					return v + 1, err
				})
			}
			release()
			for i, f := range fs {
				if _, err := outcome(t, f); err != nil || atomic.LoadInt32(&runs[i]) != 1 {
					t.Errorf("call %d ran %d times: %v", i, runs[i], err)
				}
			}
			if err := p.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCallbacksInABatchMakeNoCallRunTwice(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		p := grown(t, workers)
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 100
		if raceEnabled {
			rounds = 8
		}
		for range rounds {
			var ran [200]atomic.Int32
			var fs []*potok.Future[struct{}]
			for i := range ran {
				f := p.Go(ctx, func(ctx context.Context) error {
					ran[i].Add(1)
					if i%5 == 0 {
						p.Go(ctx, succeed).Result(ctx)
					}
					return nil
				})
				if i%3 == 0 {
					f.OnDone(func(*potok.Future[struct{}]) { runtime.Gosched() })
				}
				fs = append(fs, f)
			}
			within(t, "Wait", func() { potok.Wait(context.Background(), potok.AllDone, fs...) })
			for i := range ran {
				if n := ran[i].Load(); n != 1 {
					t.Fatalf("call %d ran %d times", i, n)
				}
			}
		}
		// ctx has not ended: what is left in its scope would make Close wait.
		within(t, "Close", func() { p.Close() })
		cancel()
	}
}

func TestNestedSubmitsGoDeepOnOneWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		depth := 1000
		var nest func(n int) func(context.Context) (int, error)
		nest = func(n int) func(context.Context) (int, error) {
			return func(ctx context.Context) (int, error) {
				if n == 0 {
					return 0, nil
				}
				v, err := potok.Submit(ctx, p, nest(n-1)).Result(ctx)
				return v + 1, err
			}
		}
		if v, err := outcome(t, potok.Submit(t.Context(), p, nest(depth))); v != depth || err != nil {
			t.Error(v, err)
		}
		synctest.Wait()
		if s := p.Stats(); s.Idle != 1 || s.Waiting != 0 || s.Succeeded != uint64(depth)+1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPoolStartsNoMoreGoroutinesThanItNeeds(t *testing.T) {
	before := runtime.NumGoroutine()
	p := newPool(t, 2)
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines before the first call", n-before)
	}
	for range 50 {
		p.Go(t.Context(), func(ctx context.Context) error {
			_, err := p.Go(ctx, succeed).Result(ctx)
			return err
		})
	}
	within(t, "Wait", func() { p.Wait(context.Background()) })
	eventually(t, "only two workers are parked", func() bool { return runtime.NumGoroutine() <= before+2 })
	within(t, "Close", func() { p.Close() })
	eventually(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

func TestWorkersOfANamedPoolCarryItsLabel(t *testing.T) {
	p := newPool(t, 1, potok.WithName("crawler"))
	var profile strings.Builder
	outcome(t, p.Go(t.Context(), func(context.Context) error { return pprof.Lookup("goroutine").WriteTo(&profile, 1) }))
	if !strings.Contains(profile.String(), `"potok":"crawler"`) {
		t.Error("no goroutine has the label")
	}
}
