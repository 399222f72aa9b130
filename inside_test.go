package potok_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// An insider is a place inside the pool's own work from where Wait, Shutdown
// and Close may be called: do is called there once.
type insider func(t *testing.T, do func(ctx context.Context, p *potok.Pool))

var insiders = map[string]insider{
	"a call": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 2)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		p.Go(t.Context(), func(ctx context.Context) error { do(ctx, p); return nil })
	},
	"a nested call": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 2)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		p.Go(t.Context(), func(ctx context.Context) error {
			p.Go(t.Context(), func(ctx context.Context) error { do(ctx, p); return nil })
			return nil
		})
	},
	"a call's callback": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 2)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		hold, release := holding()
		f := p.Go(t.Context(), hold)
		f.OnDone(func(*potok.Future[struct{}]) { do(context.Background(), p) })
		release()
	},
	"a callback of a call cancelled by hand": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 1)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		f := p.Go(t.Context(), succeed)
		f.OnDone(func(*potok.Future[struct{}]) { do(context.Background(), p) })
		go f.Cancel()
	},
	"a callback of a call cancelled by its ctx": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 1)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 5 {
			f := p.Go(ctx, succeed)
			if i == 2 {
				f.OnDone(func(*potok.Future[struct{}]) { do(context.Background(), p) })
			}
		}
		cancel()
	},
	"a callback of a call cancelled by Close": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 1)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		for i := range 5 {
			f := p.Go(t.Context(), succeed)
			if i == 2 {
				f.OnDone(func(*potok.Future[struct{}]) { do(context.Background(), p) })
			}
		}
		go p.Close()
	},
	"a callback added while another runs": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		p := newPool(t, 2)
		p.Go(t.Context(), lingering)
		synctest.Wait()
		hold, release := holding()
		f := p.Go(t.Context(), hold)
		f.OnDone(func(f *potok.Future[struct{}]) {
			f.OnDone(func(*potok.Future[struct{}]) { do(context.Background(), p) })
		})
		release()
	},
	"Started": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		var p *potok.Pool
		p = newPool(t, 2, potok.WithObserver(potok.Observer{Started: func(ctx context.Context, e potok.Event) context.Context {
			if e.Call == 2 {
				do(ctx, p)
			}
			return ctx
		}}))
		p.Go(t.Context(), lingering)
		synctest.Wait()
		p.Go(t.Context(), succeed)
	},
	"Settled": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		var p *potok.Pool
		p = newPool(t, 2, potok.WithObserver(potok.Observer{Settled: func(ctx context.Context, e potok.Event) {
			if e.Call == 2 {
				do(context.WithoutCancel(ctx), p)
			}
		}}))
		p.Go(t.Context(), lingering)
		synctest.Wait()
		p.Go(t.Context(), succeed)
	},
	"Settled of a queued call": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		var p *potok.Pool
		p = newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(ctx context.Context, e potok.Event) {
			if e.Call == 2 {
				do(ctx, p)
			}
		}}))
		p.Go(t.Context(), lingering)
		synctest.Wait()
		f := p.Go(context.Background(), succeed)
		go f.Cancel()
	},
	"Submitted": func(t *testing.T, do func(context.Context, *potok.Pool)) {
		var p *potok.Pool
		p = newPool(t, 2, potok.WithObserver(potok.Observer{Submitted: func(ctx context.Context, e potok.Event) {
			if e.Call == 2 {
				do(ctx, p)
			}
		}}))
		p.Go(t.Context(), lingering)
		synctest.Wait()
		go p.Go(context.Background(), succeed)
	},
}

// From inside, Wait, Shutdown and Close wait for the others and only for them.
func TestEndingsFromInsideWaitForTheOthersOnly(t *testing.T) {
	for end, call := range endings {
		for from, inside := range insiders {
			t.Run(end+" from "+from, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					called := 0
					returned := make(chan struct{})
					inside(t, func(ctx context.Context, p *potok.Pool) {
						if called++; called > 1 {
							return
						}
						if err := call(ctx, p); err != nil {
							t.Error(err)
						}
						close(returned)
					})
					<-returned
					if d := time.Since(start); d != time.Second && d != time.Minute+time.Second {
						t.Errorf("it returned after %v, the other call needs 1s or 1m1s", d)
					}
				})
			})
		}
	}
}

func TestEndingsFromInsideLendThePlace(t *testing.T) {
	for _, name := range []string{"Wait", "Shutdown"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1)
				hold, release := holding()
				p.Go(t.Context(), hold)
				var before [2]potok.State
				var fs [2]*potok.Future[struct{}]
				f := p.Go(t.Context(), func(ctx context.Context) error {
					err := endings[name](ctx, p)
					before = [2]potok.State{fs[0].State(), fs[1].State()}
					return err
				})
				fs[0], fs[1] = p.Go(t.Context(), lingering), p.Go(t.Context(), succeed)
				release()
				if _, err := outcome(t, f); err != nil {
					t.Error(err)
				}
				if before != [2]potok.State{potok.Succeeded, potok.Succeeded} {
					t.Error("when it returned the others were", before)
				}
			})
		})
	}
}

func TestCloseInsideACallLendsThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		promise := potok.NewPromise[int]()
		// This one waits with its place lent. To see Close it needs a place.
		f := p.Go(t.Context(), func(ctx context.Context) error { _, err := promise.Future().Result(ctx); return err })
		synctest.Wait()
		g := p.Go(t.Context(), func(context.Context) error { return p.Close() })
		if _, err := outcome(t, g); err != nil {
			t.Error(err)
		}
		wantCancelled(t, f, potok.ErrClosed)
	})
}

func TestCallsThatAreInsideDoNotWaitForEachOther(t *testing.T) {
	for a, first := range endings {
		for b, second := range endings {
			t.Run(a+" and "+b, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					for _, workers := range []int{1, 2} {
						p := newPool(t, workers)
						f := p.Go(t.Context(), func(ctx context.Context) error { return first(context.WithoutCancel(ctx), p) })
						g := p.Go(t.Context(), func(ctx context.Context) error { return second(context.WithoutCancel(ctx), p) })
						// Of two workers the second may be the first to start, and close the pool before f runs.
						if _, err := outcome(t, f); err != nil && (workers == 1 || !errors.Is(err, potok.ErrClosed)) {
							t.Error(err)
						}
						outcome(t, g) // may be cancelled, or refused
						if err := p.Close(); err != nil {
							t.Error(err)
						}
					}
				})
			})
		}
	}
}

func TestOutsidersWaitForInsiders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		hold, release := holding()
		var wg sync.WaitGroup
		for range 2 {
			p.Go(t.Context(), func(ctx context.Context) error {
				if err := p.Wait(ctx); err != nil {
					t.Error(err)
				}
				return hold(ctx)
			})
		}
		var out atomic.Bool
		wg.Go(func() { p.Wait(context.Background()); out.Store(true) })
		synctest.Wait()
		if out.Load() {
			t.Error("an outsider's Wait returned with calls running")
		}
		release()
		wg.Wait()
	})
}

func TestAGoroutineOfACallMayWaitForThePool(t *testing.T) {
	for _, name := range []string{"Wait", "Shutdown"} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 1)
			start := time.Now()
			queued := make(chan struct{})
			f := p.Go(t.Context(), func(ctx context.Context) error {
				<-queued
				done := make(chan error)
				go func() { done <- endings[name](ctx, p) }()
				return <-done
			})
			p.Go(t.Context(), lingering)
			close(queued)
			if _, err := outcome(t, f); err != nil || time.Since(start) != time.Minute+time.Second {
				t.Error(err, time.Since(start))
			}
		})
	}
}

func TestCloseFromAGoroutineOfACallWaitsForTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		closed := make(chan time.Duration, 1)
		start := time.Now()
		p.Go(t.Context(), func(context.Context) error {
			go func() { p.Close(); closed <- time.Since(start) }()
			<-time.After(time.Hour)
			return nil
		})
		if d := <-closed; d != time.Hour {
			t.Error("it returned after", d)
		}
	})
}

func TestOneCallInsideTwiceCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		hold, release := holding()
		p.Go(t.Context(), hold)
		var returned atomic.Int32
		p.Go(t.Context(), func(ctx context.Context) error {
			var wg sync.WaitGroup
			wg.Go(func() { p.Wait(ctx); returned.Add(1) })
			wg.Go(func() { p.Wait(context.WithValue(ctx, contextKey{}, 1)); returned.Add(1) })
			p.Wait(context.Background()) // known by its goroutine
			returned.Add(1)
			wg.Wait()
			return nil
		})
		synctest.Wait()
		if n := returned.Load(); n != 0 {
			t.Errorf("%d waits returned while another call runs", n)
		}
		release()
	})
}

func TestAWaitBegunWhileItsCallEndsIsAnOutsiders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settling, settle := holding()
		p := newPool(t, 2, potok.WithObserver(potok.Observer{Settled: func(ctx context.Context, e potok.Event) {
			if e.Call == 2 {
				_ = settling(ctx)
			}
		}}))
		hold, release := holding()
		p.Go(t.Context(), hold)
		begin := make(chan struct{})
		var returned atomic.Bool
		p.Go(t.Context(), func(ctx context.Context) error {
			go func() {
				<-begin
				p.Wait(context.WithoutCancel(ctx))
				returned.Store(true)
			}()
			return nil
		})
		synctest.Wait()
		close(begin)
		synctest.Wait()
		settle()
		synctest.Wait()
		if returned.Load() {
			t.Error("it returned while another call runs")
		}
		release()
	})
}
