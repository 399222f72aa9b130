package potok_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// A diary is an observer that writes everything down, and fails the test if a
// call's events overlap, come in a wrong order, or come twice.
type diary struct {
	t      testing.TB
	mu     sync.Mutex // guards the fields below
	busy   map[uint64]bool
	lines  map[uint64][]string
	events map[uint64][]potok.Event
}

func newDiary(t testing.TB) *diary {
	return &diary{t: t, busy: make(map[uint64]bool), lines: make(map[uint64][]string), events: make(map[uint64][]potok.Event)}
}

func (d *diary) note(what string, e potok.Event) {
	d.mu.Lock()
	if d.busy[e.Call] {
		d.t.Errorf("two events of call %d at once", e.Call)
	}
	d.busy[e.Call] = true
	if what == "settled" {
		what += " " + e.State.String()
	}
	d.lines[e.Call] = append(d.lines[e.Call], what)
	d.events[e.Call] = append(d.events[e.Call], e)
	d.mu.Unlock()
	runtime.Gosched()
	d.mu.Lock()
	d.busy[e.Call] = false
	d.mu.Unlock()
}

func (d *diary) observer() potok.Observer {
	return potok.Observer{
		Submitted: func(_ context.Context, e potok.Event) { d.note("submitted", e) },
		Started:   func(ctx context.Context, e potok.Event) context.Context { d.note("started", e); return ctx },
		Settled:   func(_ context.Context, e potok.Event) { d.note("settled", e) },
	}
}

func TestTheObserverIsToldOfEveryCallInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		p := newPool(t, 1, potok.WithObserver(d.observer()), potok.WithBacklog(2), potok.RefuseWhenFull(), potok.WithName("crawler"))
		start := time.Now()
		p.Go(t.Context(), func(context.Context) error { <-time.After(time.Second); return nil }) // 1
		p.Go(t.Context(), returning(errTest))                                                    // 2
		byHand := p.Go(t.Context(), succeed)                                                     // 3
		p.Go(t.Context(), succeed)                                                               // 4, refused
		byHand.Cancel()
		ctx, cancel := context.WithCancel(t.Context())
		p.Go(ctx, succeed) // 5
		cancel()
		synctest.Wait()
		p.Go(ctx, succeed) // 6, its ctx has ended
		p.Wait(t.Context())
		p.Go(t.Context(), obedient) // 7
		p.Go(t.Context(), succeed)  // 8
		synctest.Wait()
		p.Close()
		p.Go(t.Context(), succeed) // 9
		for call, want := range map[uint64][]string{
			1: {"submitted", "started", "settled succeeded"},
			2: {"submitted", "started", "settled failed"},
			3: {"submitted", "settled cancelled"},
			4: {"submitted", "settled failed"},
			5: {"submitted", "settled cancelled"},
			6: {"submitted", "settled cancelled"},
			7: {"submitted", "started", "settled cancelled"},
			8: {"submitted", "settled cancelled"},
			9: {"submitted", "settled failed"},
		} {
			if !slices.Equal(d.lines[call], want) {
				t.Errorf("call %d: %q", call, d.lines[call])
			}
		}
		for call, want := range map[uint64]error{
			1: nil, 2: errTest, 3: potok.ErrCancelled, 4: potok.ErrFull, 5: context.Canceled,
			6: potok.ErrCancelled, 7: potok.ErrClosed, 8: potok.ErrClosed, 9: potok.ErrClosed,
		} {
			es := d.events[call]
			for i, e := range es {
				if e.Pool != "crawler" || e.Task != "" || (i < len(es)-1) != (e.State == potok.Pending) {
					t.Errorf("%+v", e)
				}
				if e.Attempt != map[bool]int{true: 1}[i > 0 && len(es) == 3] || (e.Worker == "") != (e.Attempt == 0) {
					t.Errorf("attempt and worker: %+v", e)
				}
			}
			if err := es[len(es)-1].Err; !errors.Is(err, want) {
				t.Errorf("error of call %d is %v, want %v", call, err, want)
			}
		}
		if es := d.events[1]; !es[0].At.Equal(start) || !es[2].At.Equal(start.Add(time.Second)) {
			t.Error("times are", es)
		}
	})
}

func returning(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestTheObserverIsToldBeforeWaitersWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, release := holding()
		p := newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(ctx context.Context, _ potok.Event) { _ = hold(ctx) }}))
		f := p.Go(t.Context(), succeed)
		synctest.Wait()
		if s := f.State(); s >= potok.Succeeded {
			t.Error("settled before the observer has returned")
		}
		release()
		outcome(t, f)
	})
}

func TestStartedsContextReachesTheCallAndSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen any
		p := newPool(t, 1, potok.WithObserver(potok.Observer{
			Started: func(ctx context.Context, e potok.Event) context.Context {
				return context.WithValue(ctx, contextKey{}, e.Call)
			},
			Settled: func(ctx context.Context, _ potok.Event) { seen = ctx.Value(contextKey{}) },
		}))
		f := potok.Submit(t.Context(), p, func(ctx context.Context) (any, error) {
			// The ctx of Started is still the call's: it lends.
			_, err := p.Go(context.WithoutCancel(ctx), succeed).Result(ctx)
			return ctx.Value(contextKey{}), err
		})
		if v, err := outcome(t, f); v != uint64(1) || err != nil || seen == nil {
			t.Error(v, err, seen)
		}
	})
}

func TestTheContextsOfObserversAreSubmitsAndTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.WithValue(t.Context(), contextKey{}, 7)
		check := func(where string, ctx context.Context) {
			if ctx.Value(contextKey{}) != 7 {
				t.Errorf("%s does not get the values of Submit's ctx", where)
			}
		}
		p := newPool(t, 1, potok.WithObserver(potok.Observer{
			Submitted: func(ctx context.Context, _ potok.Event) { check("Submitted", ctx) },
			Started:   func(ctx context.Context, _ potok.Event) context.Context { check("Started", ctx); return ctx },
			Settled:   func(ctx context.Context, _ potok.Event) { check("Settled", ctx) },
		}))
		f, g := p.Go(ctx, obedient), p.Go(ctx, succeed)
		synctest.Wait()
		g.Cancel()
		f.Cancel()
		wantCancelled(t, f)
	})
}

func TestObserversThatPanicAreLoggedAndTheCallGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := logged(t)
		p := newPool(t, 1, potok.WithObserver(potok.Observer{
			Submitted: func(context.Context, potok.Event) { panic("submitted") },
			Started:   func(context.Context, potok.Event) context.Context { panic("started") },
			Settled:   func(context.Context, potok.Event) { panic(errTest) },
		}))
		if v, err := outcome(t, potok.Submit(t.Context(), p, giving(7, nil))); v != 7 || err != nil {
			t.Error(v, err)
		}
		wantLogged(t, records(), 3)
	})
}

func TestObserversThatExitTheirGoroutineStopNothing(t *testing.T) {
	for name, o := range map[string]potok.Observer{
		"Started": {Started: func(ctx context.Context, _ potok.Event) context.Context { runtime.Goexit(); return ctx }},
		"Settled": {Settled: func(context.Context, potok.Event) { runtime.Goexit() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1, potok.WithObserver(o))
				for range 3 {
					f := p.Go(t.Context(), succeed)
					f.OnDone(func(*potok.Future[struct{}]) { p.Go(context.Background(), succeed) })
					outcome(t, f)
				}
				p.Wait(t.Context())
			})
		})
	}
}

func TestAnObserverMayUseThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *potok.Pool
		n := 0
		use := func() {
			_ = p.Stats()
			_ = p.String()
			if n++; n < 50 {
				p.Go(context.Background(), succeed)
			}
		}
		p = newPool(t, 1, potok.WithObserver(potok.Observer{
			Submitted: func(context.Context, potok.Event) { use() },
			Started:   func(ctx context.Context, _ potok.Event) context.Context { use(); return ctx },
			Settled:   func(context.Context, potok.Event) { use() },
		}))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p.Go(ctx, succeed)
		p.Wait(t.Context())
	})
}

func TestAnObserverMayCancelTheCallThatSettles(t *testing.T) {
	var fs []*potok.Future[struct{}]
	p := newPool(t, 1, potok.WithObserver(potok.Observer{Settled: func(context.Context, potok.Event) {
		for _, f := range fs {
			f.Cancel()
		}
	}}))
	hold, release := holding()
	p.Go(t.Context(), hold)
	for range 5 {
		fs = append(fs, p.Go(t.Context(), succeed))
	}
	within(t, "Cancel", func() { fs[2].Cancel() })
	for _, f := range fs {
		wantCancelled(t, f)
	}
	release()
}

func TestAContextStillCancelsACallThatSubmittedHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, make := range contexts {
			var p *potok.Pool
			ctx, cancel := make()
			other, endOther := context.WithCancel(t.Context())
			defer endOther()
			p = newPool(t, 1, potok.WithObserver(potok.Observer{Submitted: func(_ context.Context, e potok.Event) {
				if e.Call == 2 {
					p.Go(other, succeed)
				}
			}}))
			hold, release := holding()
			p.Go(t.Context(), hold)
			synctest.Wait()
			f := p.Go(ctx, succeed)
			cancel()
			synctest.Wait()
			if f.State() != potok.Cancelled {
				t.Errorf("%s: %v", name, f)
			}
			release()
		}
	})
}

func TestObserversOfManyCallsUnderLoad(t *testing.T) {
	d := newDiary(t)
	p := newPool(t, 3, potok.WithObserver(d.observer()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 600
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := range n / 3 {
				f := p.Go(ctx, func(ctx context.Context) error { return ctx.Err() })
				if (i+g)%3 == 0 {
					f.Cancel()
				}
				if g == 1 && i == n/4 {
					cancel()
				}
			}
		})
	}
	within(t, "submitting", wg.Wait)
	within(t, "Close", func() { p.Close() })
	if len(d.lines) != n {
		t.Errorf("%d calls", len(d.lines))
	}
	for call, lines := range d.lines {
		s := fmt.Sprint(lines)
		if s != "[submitted started settled succeeded]" && s != "[submitted started settled cancelled]" && s != "[submitted settled cancelled]" {
			t.Fatalf("call %d: %s", call, s)
		}
	}
}
