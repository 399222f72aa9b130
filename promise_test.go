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

func TestResolveSettlesOnce(t *testing.T) {
	p := potok.NewPromise[int]()
	f := p.Future()
	wantState(t, f, potok.Pending)
	if !p.Resolve(7) {
		t.Error("Resolve is false")
	}
	if p.Resolve(8) || p.Reject(errTest) || f.Cancel() {
		t.Error("settled twice")
	}
	if v, err := f.Result(t.Context()); v != 7 || err != nil || p.Future() != f {
		t.Error(v, err)
	}
	wantState(t, f, potok.Succeeded)
}

func TestRejectSettlesOnce(t *testing.T) {
	p := potok.NewPromise[int]()
	if !p.Reject(errTest) {
		t.Error("Reject is false")
	}
	if p.Resolve(8) || p.Reject(context.DeadlineExceeded) || p.Future().Cancel() {
		t.Error("settled twice")
	}
	if v, err := p.Future().Result(t.Context()); v != 0 || err != errTest {
		t.Error(v, err)
	}
	wantState(t, p.Future(), potok.Failed)
}

func TestRejectWithAContextErrorIsAFailure(t *testing.T) {
	p := potok.NewPromise[int]()
	p.Reject(context.Canceled)
	wantState(t, p.Future(), potok.Failed)
}

func TestACancelledPromiseCannotBeKept(t *testing.T) {
	p := potok.NewPromise[int]()
	for range 2 {
		if !p.Future().Cancel() {
			t.Error("Cancel is false")
		}
	}
	if p.Resolve(1) || p.Reject(errTest) {
		t.Error("settled twice")
	}
	wantCancelled(t, p.Future(), context.Canceled)
}

func TestPromiseCallbacksRunOnTheGoroutineThatSettles(t *testing.T) {
	for name, settle := range map[string]func(*potok.Promise[int]){
		"Resolve": func(p *potok.Promise[int]) { p.Resolve(1) },
		"Reject":  func(p *potok.Promise[int]) { p.Reject(errTest) },
		"Cancel":  func(p *potok.Promise[int]) { p.Future().Cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			p := potok.NewPromise[int]()
			var on []string
			for range 3 {
				p.Future().OnDone(func(*potok.Future[int]) { on = append(on, goroutine()) })
			}
			settle(p)
			if me := goroutine(); !slices.Equal(on, []string{me, me, me}) {
				t.Errorf("on goroutines %v, settled on %s", on, me)
			}
		})
	}
}

func TestManySettleAPromiseAndOneWins(t *testing.T) {
	for range 300 {
		p := potok.NewPromise[int]()
		var resolved, rejected, woken atomic.Int32
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				switch {
				case i < 2 && p.Resolve(i):
					resolved.Add(1)
				case i == 2 && p.Reject(errTest):
					rejected.Add(1)
				case i == 3:
					p.Future().Cancel()
				}
			})
			wg.Go(func() { p.Future().Result(context.Background()); woken.Add(1) })
		}
		within(t, "settling", wg.Wait)
		want := map[potok.State]int32{potok.Succeeded: 1, potok.Failed: 10, potok.Cancelled: 0}[p.Future().State()]
		if got := resolved.Load() + 10*rejected.Load(); got != want || woken.Load() != 4 {
			t.Fatalf("state %v, resolved %v, rejected %v, woken %v", p.Future().State(), resolved.Load(), rejected.Load(), woken.Load())
		}
	}
}

func TestGivenUpWaitsLeaveNothingInTheFuture(t *testing.T) {
	p := potok.NewPromise[int]()
	f := p.Future()
	ctx, cancel := context.WithCancel(t.Context())
	giveUp := func() {
		go cancel()
		f.Result(ctx)
		potok.Wait(ctx, potok.AllDone, f)
		for range potok.AsCompleted(ctx, f) {
		}
		ctx, cancel = context.WithCancel(t.Context())
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	giveUp()
	before := heap()
	n := 20000
	if raceEnabled {
		n = 5000
	}
	for range n {
		giveUp()
	}
	if grown := int64(heap()) - int64(before); grown > int64(n)*10 {
		t.Errorf("%d bytes are kept after %d waits", grown, n)
	}
	cancel()
	p.Resolve(1)
	runtime.KeepAlive(p)
}

func TestFuturesAreDurablyWaitedForInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := potok.NewPromise[int]()
		got := 0
		go func() { got, _ = p.Future().Result(context.Background()) }()
		synctest.Wait() // returns only if the goroutine is durably blocked
		p.Resolve(7)
		synctest.Wait()
		if got != 7 {
			t.Error("got", got)
		}
	})
}
