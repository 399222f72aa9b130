package potok_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// submitter submits on a goroutine of its own and says what came of it.
type submitter struct {
	mu     sync.Mutex // guards future
	future *potok.Future[struct{}]
}

func submitting(ctx context.Context, p *potok.Pool, fn func(context.Context) error) *submitter {
	s := new(submitter)
	go func() {
		f := p.Go(ctx, fn)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.future = f
	}()
	synctest.Wait()
	return s
}

// returned gives the future, nil while Submit blocks.
func (s *submitter) returned() *potok.Future[struct{}] {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.future
}

func TestTheBacklogHoldsExactlyAsManyCalls(t *testing.T) {
	for _, n := range []int{0, 1, 5} {
		for _, workers := range []int{1, 3} {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, workers, potok.WithBacklog(n))
				hold, release := holding()
				for i := range workers + n {
					if submitting(t.Context(), p, hold).returned() == nil {
						t.Fatalf("Submit %d blocks", i)
					}
				}
				s := submitting(t.Context(), p, hold)
				if s.returned() != nil {
					t.Fatal("Submit does not block")
				}
				if st := p.Stats(); st.Queued != n || st.Running != workers {
					t.Errorf("%+v", st)
				}
				release()
				outcome(t, s.returned())
			})
		}
	}
}

func TestBlockedSubmitsGoOnInOrder(t *testing.T) {
	for _, n := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 1, potok.WithBacklog(n))
			var order []int
			hold, release := holding()
			for range n + 1 {
				p.Go(t.Context(), hold)
			}
			for i := range 10 {
				submitting(t.Context(), p, func(context.Context) error { order = append(order, i); return nil })
			}
			release()
			synctest.Wait()
			p.Wait(t.Context())
			if len(order) != 10 || !slices.IsSorted(order) {
				t.Error(order)
			}
		})
	}
}

func TestABlockedSubmitEndsWithItsContext(t *testing.T) {
	for name, make := range contexts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1, potok.WithBacklog(1))
				hold, release := holding()
				p.Go(t.Context(), hold)
				p.Go(t.Context(), hold)
				ctx, cancel := make()
				s := submitting(ctx, p, func(context.Context) error { t.Error("it runs"); return nil })
				after := submitting(t.Context(), p, succeed)
				cancel()
				f := s.returned()
				if f == nil {
					t.Fatal("Submit still blocks")
				}
				wantState(t, f, potok.Cancelled)
				wantCancelled(t, f, context.Canceled)
				if after.returned() != nil {
					t.Error("the next one has no room")
				}
				release()
				outcome(t, after.returned())
			})
		})
	}
}

func TestAFullBacklogUnderAnEndedContextDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{
			{potok.WithBacklog(0)},
			{potok.WithBacklog(0), potok.RefuseWhenFull()},
		} {
			p := newPool(t, 1, opts...)
			hold, release := holding()
			p.Go(t.Context(), hold)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			wantCancelled(t, p.Go(ctx, succeed), context.Canceled)
			release()
		}
	})
}

func TestACallAdmittedLateIsStillCancelledByItsContext(t *testing.T) {
	for name, make := range contexts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1, potok.WithBacklog(1))
				first, next := twoHolding()
				p.Go(t.Context(), first.fn)
				p.Go(t.Context(), next.fn)
				ctx, cancel := make()
				s := submitting(ctx, p, func(context.Context) error { t.Error("it runs"); return nil })
				other, endOther := context.WithCancel(t.Context())
				defer endOther()
				o := submitting(other, p, succeed)
				first.release()
				f := s.returned()
				if f == nil {
					t.Fatal("Submit still blocks")
				}
				wantState(t, f, potok.Pending)
				cancel()
				synctest.Wait()
				wantState(t, f, potok.Cancelled)
				next.release()
				outcome(t, o.returned())
			})
		})
	}
}

type held struct {
	fn      func(context.Context) error
	release func()
}

func twoHolding() (a, b held) {
	a.fn, a.release = holding()
	b.fn, b.release = holding()
	return a, b
}

func TestACancelledCallGivesItsRoomAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(2))
		hold, release := holding()
		p.Go(t.Context(), hold)
		ctx, cancel := context.WithCancel(t.Context())
		byHand := p.Go(t.Context(), hold)
		p.Go(ctx, hold)
		a, b := submitting(t.Context(), p, succeed), submitting(t.Context(), p, succeed)
		byHand.Cancel()
		if a.returned() == nil || b.returned() != nil {
			t.Error("after one Cancel:", a.returned(), b.returned())
		}
		cancel()
		if b.returned() == nil {
			t.Error("after the end of a ctx one more should have room")
		}
		release()
	})
}

func TestABlockedSubmitInsideACallLendsItsPlace(t *testing.T) {
	for _, n := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 1, potok.WithBacklog(n))
			f := p.Go(t.Context(), func(ctx context.Context) error {
				var fs []*potok.Future[struct{}]
				for range 10 {
					fs = append(fs, p.Go(ctx, succeed))
				}
				_, err := potok.Gather(ctx, fs...)
				return err
			})
			if _, err := outcome(t, f); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAFullBacklogRefuses(t *testing.T) {
	for name, make := range contexts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1, potok.WithBacklog(1), potok.RefuseWhenFull())
				hold, release := holding()
				ctx, cancel := make()
				defer cancel() // after Close: a watch that is left would keep that waiting
				p.Go(ctx, hold)
				p.Go(ctx, hold)
				f := p.Go(ctx, func(context.Context) error { t.Error("it runs"); return nil })
				wantState(t, f, potok.Failed)
				_, err := f.Result(t.Context())
				wantErrors(t, err, potok.ErrFull)
				wantNot(t, err, potok.ErrCancelled, potok.ErrClosed)
				if f.Cancel() {
					t.Error("Cancel of a refused call is true")
				}
				release()
				p.Wait(t.Context())
				if _, err := outcome(t, p.Go(ctx, succeed)); err != nil {
					t.Error(err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRefusingWithoutABacklogOfCallsNeedsAFreeWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2, potok.WithBacklog(0), potok.RefuseWhenFull())
		hold, release := holding()
		a, b := p.Go(t.Context(), hold), p.Go(t.Context(), hold)
		wantState(t, p.Go(t.Context(), hold), potok.Failed)
		release()
		outcome(t, a)
		outcome(t, b)
	})
}

func TestASettledCallTakesUpNoRoom(t *testing.T) {
	for _, backlog := range []int{0, 1} {
		worlds(t, func(t *testing.T) {
			p := newPool(t, 2, potok.WithBacklog(backlog), potok.RefuseWhenFull())
			for i := range 300 {
				hold, release := holding()
				first := p.Go(t.Context(), hold)
				if i%3 == 0 {
					first.OnDone(func(*potok.Future[struct{}]) {})
				}
				for range 1 + backlog {
					p.Go(t.Context(), hold)
				}
				wantRefused(t, p.Go(t.Context(), succeed))
				release()
				if i%2 == 0 {
					outcome(t, first)
				} else {
					p.Wait(t.Context())
				}
				if _, err := outcome(t, p.Go(t.Context(), succeed)); err != nil {
					t.Fatalf("round %d: %v", i, err)
				}
				p.Wait(t.Context())
			}
		})
	}
}

func TestWhoHurriesIsRefusedWhenThePlaceGoesToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0), potok.RefuseWhenFull())
		promise := potok.NewPromise[int]()
		hold, release := holding()
		back := p.Go(t.Context(), func(ctx context.Context) error {
			_, _ = promise.Future().Result(ctx)
			return hold(ctx)
		})
		synctest.Wait()
		f := p.Go(t.Context(), func(context.Context) error { promise.Resolve(1); return nil }) // now back wants its place
		outcome(t, f)
		wantRefused(t, p.Go(t.Context(), succeed))
		release()
		outcome(t, back)
	})
}

func wantRefused(t testing.TB, f *potok.Future[struct{}]) {
	t.Helper()
	_, err := outcome(t, f)
	wantErrors(t, err, potok.ErrFull)
}

func TestBlockedSubmitsEndWhenThePoolDoes(t *testing.T) {
	for name, end := range map[string]func(*potok.Pool) error{
		"Close":    (*potok.Pool).Close,
		"Shutdown": func(p *potok.Pool) error { return p.Shutdown(context.Background()) },
		"Shutdown and ends": func(p *potok.Pool) error {
			ctx, c := context.WithCancel(context.Background())
			c()
			p.Shutdown(ctx)
			return nil
		},
	} {
		for kind, make := range contexts {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPool(t, 1, potok.WithBacklog(0))
					hold, release := holding()
					ctx, cancel := make()
					defer cancel()
					p.Go(t.Context(), hold)
					var ss []*submitter
					for range 3 {
						ss = append(ss, submitting(ctx, p, func(context.Context) error { t.Error("it runs"); return nil }))
					}
					ended := inBackground(func() { end(p) })
					for _, s := range ss {
						f := s.returned()
						if f == nil {
							t.Fatal("Submit still blocks")
						}
						_, err := f.Result(t.Context())
						wantState(t, f, potok.Failed)
						wantErrors(t, err, potok.ErrClosed)
						wantNot(t, err, potok.ErrCancelled)
					}
					release()
					<-ended
				})
			})
		}
	}
}

func inBackground(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	return done
}

func TestShutdownLetsBlockedSubmitsOfRunningCallsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0))
		begin := make(chan struct{})
		f := p.Go(t.Context(), func(ctx context.Context) error {
			<-begin
			var errs []error
			for range 5 {
				_, err := p.Go(ctx, func(ctx context.Context) error { <-time.After(time.Second); return nil }).Result(ctx)
				errs = append(errs, err)
			}
			return errors.Join(errs...)
		})
		synctest.Wait()
		down := inBackground(func() {
			if err := p.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		close(begin)
		<-down
		if _, err := outcome(t, f); err != nil {
			t.Error(err)
		}
	})
}

func TestManySubmittersShareASmallBacklog(t *testing.T) {
	for _, n := range []int{0, 1, 3} {
		p := newPool(t, 2, potok.WithBacklog(n))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var mu sync.Mutex
		ran := 0
		for g := range 6 {
			wg.Go(func() {
				for i := range 200 {
					f := p.Go(ctx, func(ctx context.Context) error {
						mu.Lock()
						defer mu.Unlock()
						ran++
						return nil
					})
					if (i+g)%5 == 0 {
						f.Cancel()
					}
				}
			})
		}
		within(t, "submitting", wg.Wait)
		within(t, "Wait", func() { p.Wait(context.Background()) })
		if s := p.Stats(); ran != int(s.Succeeded) || s.Succeeded+s.Cancelled != 1200 || s.Queued+s.Running != 0 {
			t.Errorf("%d ran: %+v", ran, s)
		}
		within(t, "Close", func() { p.Close() })
		cancel()
	}
}

func TestABlockedSubmitThatEndsWaitsForItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1, potok.WithBacklog(0))
		hold, release := holding()
		begin := make(chan struct{})
		short, cancel := context.WithCancel(t.Context())
		var returned atomic.Bool
		f := p.Go(short, func(ctx context.Context) error {
			<-begin
			blocked := p.Go(ctx, succeed) // lends its place to the one that blocks already
			returned.Store(true)
			wantState(t, blocked, potok.Cancelled)
			return nil
		})
		other := submitting(t.Context(), p, hold)
		close(begin)
		if other.returned() == nil {
			t.Error("a Submit that blocks inside a call does not lend its place")
		}
		cancel()
		synctest.Wait()
		if returned.Load() {
			t.Error("it returned while another call has the place")
		}
		release()
		if _, err := outcome(t, f); err != nil || !returned.Load() {
			t.Error(err)
		}
	})
}
