package potok_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// endings are Wait, Shutdown and Close. ctx is for the two that take one.
var endings = map[string]func(ctx context.Context, p *potok.Pool) error{
	"Wait":     func(ctx context.Context, p *potok.Pool) error { return p.Wait(ctx) },
	"Shutdown": func(ctx context.Context, p *potok.Pool) error { return p.Shutdown(ctx) },
	"Close":    func(_ context.Context, p *potok.Pool) error { return p.Close() },
}

// lingering runs for a second after its ctx has ended, or after it began.
func lingering(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
	}
	<-time.After(time.Second)
	return nil
}

func TestSubmitAfterCloseFails(t *testing.T) {
	for _, name := range []string{"Shutdown", "Close"} {
		for kind, make := range contexts {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { // a watch left behind is a goroutine left behind
					p := newPool(t, 1)
					outcome(t, p.Go(t.Context(), succeed))
					if err := endings[name](t.Context(), p); err != nil {
						t.Error(err)
					}
					ctx, cancel := make()
					_ = cancel // never called: nobody may wait for it
					ended, end := make()
					end()
					for _, ctx := range []context.Context{t.Context(), ctx, ended} {
						f := p.Go(ctx, func(context.Context) error { t.Error("it runs"); return nil })
						wantState(t, f, potok.Failed)
						_, err := f.Result(ended)
						wantErrors(t, err, potok.ErrClosed)
						wantNot(t, err, potok.ErrCancelled, context.Canceled)
					}
				})
			})
		}
	}
}

func TestClosingManyTimesIsFine(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 2)
				start := time.Now()
				for range 5 {
					p.Go(t.Context(), lingering)
				}
				synctest.Wait()
				var wg sync.WaitGroup
				for range 10 {
					wg.Go(func() {
						if err := end(context.Background(), p); err != nil {
							t.Error(err)
						}
						if d := time.Since(start); d < time.Second {
							t.Error("it returned after", d)
						}
					})
				}
				wg.Wait()
				for range 2 {
					if err := end(context.Background(), p); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestEndingAnUnusedPoolReturnsAtOnce(t *testing.T) {
	for _, end := range endings {
		if err := end(t.Context(), newPool(t, 2)); err != nil {
			t.Error(err)
		}
	}
}

func TestWaitLeavesThePoolUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		for range 3 {
			f := p.Go(t.Context(), lingering)
			if err := p.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			wantState(t, f, potok.Succeeded)
		}
	})
}

func TestWaitEndsWithItsContextAndCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		f := p.Go(t.Context(), lingering)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		wantErrors(t, p.Wait(ctx), context.DeadlineExceeded, errTest)
		wantState(t, f, potok.Running)
		if _, err := outcome(t, f); err != nil {
			t.Error(err)
		}
		if err := p.Wait(ctx); err != nil {
			t.Error("nothing to wait for, yet:", err)
		}
	})
}

func TestCloseCancelsWhatIsQueuedAndWaitsForWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		var cause error
		running := p.Go(t.Context(), func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})
		stubborn := p.Go(t.Context(), func(context.Context) error { <-time.After(time.Hour); return nil })
		queued := p.Go(t.Context(), func(context.Context) error { t.Error("it runs"); return nil })
		synctest.Wait()
		start := time.Now()
		if err := p.Close(); err != nil || time.Since(start) != time.Hour {
			t.Error(err, time.Since(start))
		}
		wantCancelled(t, running, context.Canceled, potok.ErrClosed)
		wantCancelled(t, queued, context.Canceled, potok.ErrClosed)
		wantState(t, stubborn, potok.Succeeded)
		if cause != potok.ErrClosed {
			t.Error(cause)
		}
	})
}

func TestShutdownFinishesWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var fs []*potok.Future[struct{}]
		for range 5 {
			fs = append(fs, p.Go(t.Context(), lingering))
		}
		down := inBackground(func() {
			if err := p.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		_, err := outcome(t, p.Go(t.Context(), succeed))
		wantErrors(t, err, potok.ErrClosed)
		<-down
		for _, f := range fs {
			wantState(t, f, potok.Succeeded)
		}
	})
}

func TestShutdownAcceptsRecursiveWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		var ran int
		var mu sync.Mutex
		var walk func(depth int) func(context.Context) error
		walk = func(depth int) func(context.Context) error {
			return func(ctx context.Context) error {
				mu.Lock()
				ran++
				mu.Unlock()
				<-time.After(time.Second)
				if depth == 0 {
					return nil
				}
				var fs []*potok.Future[struct{}]
				for range 3 {
					fs = append(fs, p.Go(ctx, walk(depth-1)))
				}
				_, err := potok.Gather(ctx, fs...)
				return err
			}
		}
		f := p.Go(t.Context(), walk(4))
		synctest.Wait()
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := outcome(t, f); err != nil || ran != 1+3+9+27+81 {
			t.Error(ran, err)
		}
		_, err := outcome(t, p.Go(t.Context(), succeed))
		wantErrors(t, err, potok.ErrClosed)
	})
}

func TestShutdownWhoseContextEndsCancelsAndDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		hold, release := holding()
		stubborn := p.Go(t.Context(), hold)
		running := p.Go(t.Context(), obedient)
		queued := p.Go(t.Context(), succeed)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTest)
		defer cancel()
		start := time.Now()
		err := p.Shutdown(ctx)
		if d := time.Since(start); d != time.Minute {
			t.Error("it returned after", d)
		}
		wantErrors(t, err, context.DeadlineExceeded, errTest)
		wantCancelled(t, running, context.Canceled)
		wantCancelled(t, queued, context.Canceled)
		wantState(t, stubborn, potok.Running)
		synctest.Wait()
		for range 3 {
			if err := p.Close(); err == nil || !strings.Contains(err.Error(), "1") {
				t.Errorf("Close with a call that still runs: %v", err)
			}
		}
		release()
		outcome(t, stubborn)
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestShutdownUnderAnEndedContextCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		f, g := p.Go(t.Context(), obedient), p.Go(t.Context(), succeed)
		synctest.Wait()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTest)
		wantErrors(t, p.Shutdown(ctx), context.Canceled, errTest)
		wantCancelled(t, f, context.Canceled)
		wantCancelled(t, g, context.Canceled)
	})
}

func TestEachShutdownKeepsItsOwnPromise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		start := time.Now()
		f := p.Go(t.Context(), lingering)
		synctest.Wait()
		patient := inBackground(func() {
			if err := p.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			if d := time.Since(start); d != 11*time.Second {
				t.Error("the patient one returned after", d)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		wantErrors(t, p.Shutdown(ctx), context.DeadlineExceeded)
		if d := time.Since(start); d != 10*time.Second {
			t.Error("the other returned after", d)
		}
		<-patient
		wantState(t, f, potok.Succeeded)
	})
}

func TestCloseDuringShutdownCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		f, g := p.Go(t.Context(), obedient), p.Go(t.Context(), succeed)
		synctest.Wait()
		down := inBackground(func() { p.Shutdown(context.Background()) })
		synctest.Wait()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		<-down
		wantCancelled(t, f, potok.ErrClosed)
		wantCancelled(t, g, potok.ErrClosed)
	})
}

func TestACallbackOfAQueuedCallMaySubmitDuringClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		p.Go(t.Context(), obedient)
		f := p.Go(t.Context(), succeed)
		var got error
		f.OnDone(func(*potok.Future[struct{}]) {
			_, got = p.Go(context.Background(), succeed).Result(context.Background())
		})
		p.Close()
		wantErrors(t, got, potok.ErrClosed)
	})
}

func TestEndingsWaitForCallbacks(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1)
				start := time.Now()
				f, g := p.Go(t.Context(), succeed), p.Go(t.Context(), obedient)
				queued := p.Go(t.Context(), succeed)
				slow := func(*potok.Future[struct{}]) { <-time.After(time.Hour) }
				synctest.Wait()
				g.OnDone(slow)
				queued.OnDone(slow)
				go queued.Cancel()
				synctest.Wait()
				go g.Cancel()
				synctest.Wait()
				wantState(t, queued, potok.Cancelled)
				wantState(t, g, potok.Cancelled)
				wantState(t, f, potok.Succeeded)
				if err := end(context.Background(), p); err != nil || time.Since(start) != time.Hour {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestShutdownErrorIsTheContextsAlsoWithoutACause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		release()
	})
}

func TestCloseStartsNothingQueued(t *testing.T) {
	for name, end := range map[string]func(*potok.Pool){
		"Close":             func(p *potok.Pool) { p.Close() },
		"Shutdown and ends": func(p *potok.Pool) { ctx, c := context.WithCancel(context.Background()); c(); p.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				p := potok.NewPool(2)
				var fs []*potok.Future[struct{}]
				blockers := []*potok.Future[struct{}]{p.Go(t.Context(), obedient), p.Go(t.Context(), obedient)}
				for range 100 {
					f := p.Go(t.Context(), func(context.Context) error { t.Error("a queued call runs"); return nil })
					f.OnDone(func(*potok.Future[struct{}]) { runtime.Gosched() })
					fs = append(fs, f)
				}
				for _, f := range blockers {
					eventually(t, "it runs", func() bool { return f.State() == potok.Running })
				}
				within(t, name, func() { end(p) })
				for _, f := range fs {
					wantCancelled(t, f, context.Canceled, potok.ErrClosed)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}
