package potok_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok"
)

// scaled is how many rounds a stress test makes: fewer under the race detector.
func scaled(n int) int {
	if raceEnabled || testing.Short() {
		return n / 40
	}
	return n
}

func TestAMillionSubmitsRaceWithCancelAndClose(t *testing.T) {
	n := scaled(1_000_000)
	const submitters = 4
	p := newPool(t, 4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ran, cancels, settled, refused, failed atomic.Int64
	most := make(chan struct{})
	var wg sync.WaitGroup
	for g := range submitters {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(g)))
			sub, end := context.WithCancel(ctx)
			for i := range n / submitters {
				if i%1000 == 999 {
					end()
					sub, end = context.WithCancel(ctx)
				}
				f := potok.Submit(sub, p, func(context.Context) (int, error) { ran.Add(1); return 1, nil })
				f.OnDone(func(f *potok.Future[int]) {
					if settled.Add(1) == int64(n)*3/4 {
						close(most)
					}
					switch f.State() {
					case potok.Cancelled:
						cancels.Add(1)
					case potok.Failed:
						failed.Add(1)
					}
				})
				if r.IntN(4) == 0 {
					f.Cancel()
				}
				if f.State() == potok.Failed {
					refused.Add(1)
				}
			}
			end()
		})
	}
	wg.Go(func() { <-most; p.Close() })
	within(t, "the race", wg.Wait)
	within(t, "Close", func() { p.Close() })
	eventually(t, "every callback ran", func() bool { return settled.Load() == int64(n) })
	s := p.Stats()
	if ran.Load()+cancels.Load()+failed.Load() != int64(n) || refused.Load() != failed.Load() ||
		s.Succeeded != uint64(ran.Load()) || s.Cancelled != uint64(cancels.Load()) || s.Failed != uint64(failed.Load()) {
		t.Errorf("%d ran, %d cancelled, %d refused, %d failed: %+v", ran.Load(), cancels.Load(), refused.Load(), failed.Load(), s)
	}
	if s.Queued != 0 || s.Running != 0 || s.Waiting != 0 || s.Idle != 4 {
		t.Errorf("%+v", s)
	}
}

func TestSubmitsUnderFreshContextsRaceWithTheEnd(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			for i := range scaled(600) + 20 {
				p := potok.NewPool(2)
				begin := make(chan struct{})
				var cancels []func()
				var wg sync.WaitGroup
				for _, make := range contexts {
					ctx, cancel := make()
					cancels = append(cancels, cancel)
					wg.Go(func() {
						<-begin
						for range 5 {
							f := p.Go(ctx, succeed)
							f.OnDone(func(*potok.Future[struct{}]) { runtime.Gosched() })
						}
					})
				}
				wg.Go(func() {
					<-begin
					for range i % 20 {
						runtime.Gosched()
					}
					if err := end(context.Background(), p); err != nil {
						t.Error(err)
					}
				})
				close(begin)
				within(t, name, wg.Wait) // though no ctx has ended
				within(t, "Close", func() { p.Close() })
				for _, cancel := range cancels {
					cancel()
				}
			}
			eventually(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

func TestNestedWorkRacesWithClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range scaled(400) + 10 {
		p := potok.NewPool(1 + i%3)
		var nest func(depth int) func(context.Context) error
		nest = func(depth int) func(context.Context) error {
			return func(ctx context.Context) error {
				if depth == 0 {
					return nil
				}
				var fs []*potok.Future[struct{}]
				for range 3 {
					f := p.Go(ctx, nest(depth-1))
					if depth == 2 {
						// It may run inside OnDone, that is inside this call: lend.
						here := context.WithoutCancel(ctx)
						f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed).Result(here) })
					}
					fs = append(fs, f)
				}
				_, err := potok.Gather(ctx, fs...)
				return err
			}
		}
		roots := []*potok.Future[struct{}]{p.Go(t.Context(), nest(4)), p.Go(t.Context(), nest(3))}
		for range i % 50 {
			runtime.Gosched()
		}
		switch i % 4 {
		case 0:
			within(t, "Shutdown", func() { p.Shutdown(context.Background()) })
		case 1:
			roots[0].Cancel()
			p.Go(t.Context(), func(context.Context) error { return p.Close() })
			within(t, "Wait", func() { p.Wait(context.Background()) })
		case 2:
			ended, end := context.WithCancel(t.Context())
			end()
			p.Shutdown(ended)
			within(t, "Wait", func() { p.Wait(context.Background()) })
		}
		within(t, "Close", func() { p.Close() })
		for _, f := range roots {
			if f.State() < potok.Succeeded {
				t.Fatalf("round %d: %v after Close", i, f)
			}
		}
	}
	eventually(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

func TestWaitsThatEndRaceWithSubmits(t *testing.T) {
	for i := range scaled(3000) + 50 {
		p := potok.NewPool(1 + i%2)
		promise := potok.NewPromise[int]()
		a := p.Go(t.Context(), func(ctx context.Context) error { _, err := promise.Future().Result(ctx); return err })
		for range i % 10 {
			runtime.Gosched()
		}
		b := p.Go(t.Context(), succeed)
		promise.Resolve(1)
		c := p.Go(t.Context(), succeed)
		for _, f := range []*potok.Future[struct{}]{a, b, c} {
			if _, err := outcome(t, f); err != nil {
				t.Fatal(err)
			}
		}
		within(t, "Close", func() { p.Close() })
	}
}

func TestCallbacksAddedToACallBeingCancelledMayClose(t *testing.T) {
	for range scaled(2000) + 50 {
		p := potok.NewPool(1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		f := p.Go(t.Context(), succeed)
		var wg sync.WaitGroup
		wg.Go(func() { f.Cancel() })
		wg.Go(func() { f.OnDone(func(*potok.Future[struct{}]) { release(); p.Close() }) })
		within(t, "Close in a callback", wg.Wait)
		within(t, "Close", func() { p.Close() })
	}
}
