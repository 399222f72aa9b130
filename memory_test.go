package potok_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok"
)

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// freed polls, with collections, until n of the watched values are gone.
func freed(t *testing.T, gone *atomic.Int32, n int32) {
	t.Helper()
	eventually(t, "the closures are collected", func() bool { runtime.GC(); return gone.Load() == n })
}

// watched returns a function that holds memory whose end is counted in gone.
func watched(gone *atomic.Int32) func(context.Context) error {
	big := new([64]int)
	runtime.AddCleanup(big, func(int) { gone.Add(1) }, 0)
	return func(context.Context) error { big[0]++; return nil }
}

func TestASettledFutureDoesNotKeepItsFunction(t *testing.T) {
	p := newPool(t, 1, potok.WithBacklog(10), potok.RefuseWhenFull())
	var gone atomic.Int32
	hold, release := holding()
	p.Go(t.Context(), hold)
	eventually(t, "it runs", func() bool { return p.Stats().Running == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	byHand, byCtx, runs := p.Go(t.Context(), watched(&gone)), p.Go(ctx, watched(&gone)), p.Go(t.Context(), watched(&gone))
	for range 7 {
		p.Go(t.Context(), succeed)
	}
	refused, late := p.Go(t.Context(), watched(&gone)), p.Go(ctx, watched(&gone))
	byHand.Cancel()
	cancel()
	ended := p.Go(ctx, watched(&gone))
	release()
	within(t, "Wait", func() { p.Wait(context.Background()) })
	freed(t, &gone, 6)
	within(t, "Close", func() { p.Close() })
	closed := p.Go(t.Context(), watched(&gone))
	freed(t, &gone, 7)
	for _, f := range []*potok.Future[struct{}]{byHand, byCtx, runs, refused, late, ended, closed} {
		if f.State() < potok.Succeeded {
			t.Error(f)
		}
	}
}

func TestTheLastCancelledCallDoesNotKeepItsFunction(t *testing.T) {
	p := newPool(t, 1)
	var gone atomic.Int32
	hold, release := holding()
	p.Go(t.Context(), hold)
	eventually(t, "it runs", func() bool { return p.Stats().Running == 1 })
	f := p.Go(t.Context(), watched(&gone))
	f.Cancel()
	release()
	within(t, "Wait", func() { p.Wait(context.Background()) })
	freed(t, &gone, 1)
	wantState(t, f, potok.Cancelled)
}

func TestAClosedPoolKeepsNoFunctions(t *testing.T) {
	p := newPool(t, 1)
	var gone atomic.Int32
	blocker := p.Go(t.Context(), obedient)
	eventually(t, "it runs", func() bool { return blocker.State() == potok.Running })
	var fs []*potok.Future[struct{}]
	for range 100 {
		fs = append(fs, p.Go(t.Context(), watched(&gone)))
	}
	within(t, "Close", func() { p.Close() })
	freed(t, &gone, 100)
	for _, f := range fs {
		wantState(t, f, potok.Cancelled)
	}
	runtime.KeepAlive(p)
}

func TestAnIdlePoolKeepsNoCalls(t *testing.T) {
	p := newPool(t, 2)
	var gone atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 100 {
		f := p.Go(ctx, succeed)
		runtime.AddCleanup(f, func(int) { gone.Add(1) }, 0)
	}
	within(t, "Wait", func() { p.Wait(context.Background()) })
	freed(t, &gone, 100)
	runtime.KeepAlive(p)
}

func TestCancelledCallsBehindAStuckWorkerDoNotPileUp(t *testing.T) {
	for name, cancelAll := range map[string]bool{"one by one": false, "by their ctx": true} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 1)
			hold, release := holding()
			defer release()
			p.Go(t.Context(), hold)
			before := heap()
			n := scaled(1_000_000)
			ctx, cancel := context.WithCancel(t.Context())
			for i := range n {
				f := p.Go(ctx, succeed)
				if !cancelAll {
					f.Cancel()
				} else if i%10_000 == 9999 {
					cancel()
					ctx, cancel = context.WithCancel(t.Context())
				}
			}
			cancel()
			eventually(t, "all are cancelled", func() bool { return p.Stats().Cancelled == uint64(n) })
			if kept := heap() - before; kept > 3<<20 {
				t.Errorf("%d cancelled calls keep %d bytes", n, kept)
			}
		})
	}
}

func TestAQueuedCallIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes everything larger")
	}
	p := newPool(t, 1)
	hold, release := holding()
	defer release()
	p.Go(t.Context(), hold)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"no end": context.Background(), "can end": ctx} {
		fn := giving(1, nil)
		before := heap()
		n := 100_000
		for range n {
			potok.Submit(ctx, p, fn)
		}
		if per := float64(heap()-before) / float64(n); per > 100 {
			t.Errorf("%s: %.1f bytes a queued call", name, per)
		}
	}
	runtime.KeepAlive(p)
}

func TestASubmitAllocatesOnce(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := newPool(t, 1)
	hold, release := holding()
	defer release()
	p.Go(t.Context(), hold)
	eventually(t, "it runs", func() bool { return p.Stats().Running == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, ctx := range map[string]context.Context{"no end": context.Background(), "can end": ctx} {
		fn := giving(1, nil)
		potok.Submit(ctx, p, fn)
		if n := testing.AllocsPerRun(20_000, func() { potok.Submit(ctx, p, fn) }); n > 1 {
			t.Errorf("%s: %v allocations a Submit", name, n)
		}
	}
}

// A future that never settles must not hold those that it was once waited for with.
func TestAWaitLeavesNothingOfTheOthersBehind(t *testing.T) {
	never := potok.NewPromise[*[64]int]()
	var gone atomic.Int32
	sibling := func() *potok.Future[*[64]int] {
		p := potok.NewPromise[*[64]int]()
		value := new([64]int)
		runtime.AddCleanup(value, func(int) { gone.Add(1) }, 0)
		f := p.Future()
		go p.Resolve(value)
		return f
	}
	ended, cancel := context.WithCancel(t.Context())
	for range 10 {
		for f := range potok.AsCompleted(t.Context(), never.Future(), sibling()) {
			if f.State() != potok.Succeeded {
				t.Fatal(f)
			}
			break
		}
		if _, _, err := potok.Wait(t.Context(), potok.FirstDone, never.Future(), sibling()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := potok.Gather(ended, never.Future(), sibling()); err == nil {
		t.Error("a future that never settles was gathered")
	}
	freed(t, &gone, 21)
	runtime.KeepAlive(never)
}
