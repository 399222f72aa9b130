package lock

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// Locks that come and go leave nothing behind: neither those locked in one that stays, nor those in which it is locked,
// nor their names.
func TestLocksThatAreGoneTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	const many = 100_000
	stays := Named("stays")
	for name, come := range map[string]func(i int){
		"inner": func(int) {
			m := new(Mutex)
			stays.With(func() { m.With(func() {}) })
		},
		"outer": func(int) {
			m := new(Mutex)
			m.With(func() { stays.With(func() {}) })
		},
		"named inner": func(i int) {
			m := Named(fmt.Sprint(i))
			stays.With(func() { m.With(func() {}) })
		},
		"named outer": func(i int) {
			m := Named(fmt.Sprint(i))
			m.With(func() { stays.With(func() {}) })
		},
		"gate": func(int) {
			m, n := new(Mutex), new(Mutex)
			m.With(func() { stays.With(func() { n.With(func() {}) }) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(CheckOrder(func(e *OrderError) { t.Error(e) }))
			for i := range many / 10 {
				come(i)
			}
			before := heapInUse()
			for i := range many {
				come(i)
			}
			// Far less than an edge each, whichever of them the last collection has not seen.
			if grown := heapInUse() - before; grown > many*30 {
				t.Errorf("%d bytes after %d locks more", grown, many)
			}
		})
	}
}

func heapInUse() int {
	for range 3 {
		runtime.GC() // once to find the dead, once to free what only they knew
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestCheckedLocksDoNotAllocateOnceTheirOrderIsKnown(t *testing.T) {
	if !hasWalk() {
		t.Skip("where the goroutine's id is read in a text, that is allocated")
	}
	t.Cleanup(CheckOrder(func(e *OrderError) { t.Error(e) }))
	var a, b, c Mutex
	mustNotAllocate(t, func() {
		a.Lock()
		b.Lock()
		_ = c.LockContext(t.Context())
		c.Unlock()
		if c.TryLock() {
			c.Unlock()
		}
		b.Unlock()
		a.Unlock()
	})
}

func TestGoroutinesLeaveNoHoldBehind(t *testing.T) {
	stop := CheckOrder(func(e *OrderError) { t.Error(e) })
	var all [4]Mutex
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 100 {
				for i := range all {
					all[i].Lock()
				}
				runtime.Gosched()
				for i := range all {
					all[i].Unlock()
				}
			}
		})
	}
	wg.Wait()
	stop()
	for i := range held {
		b := &held[i]
		b.mu.Lock()
		if b.holds != nil || b.kept > spareHolds {
			t.Errorf("bucket %d has holds, or %d spare ones", i, b.kept)
		}
		b.mu.Unlock()
	}
}

// What is quick has to say the same as what is slow, on the processors for which there is something quick.
func TestTheQuickWaysAreTaken(t *testing.T) {
	CheckOrder(func(*OrderError) {})()
	if !quick.Load() || goroutineID() != parseGoroutineID() {
		t.Error("goroutine ids are not those of the runtime")
	}
	if hasWalk() && !walkable.Load() {
		t.Error("stacks are not walked")
	}
}

func hasWalk() bool { return runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64" }

//go:noinline
func deep(n int, s *stack) {
	if n == 0 {
		s.record()
		return
	}
	deep(n-1, s)
}

func TestAStackIsCutOffWhereItIsTooDeep(t *testing.T) {
	CheckOrder(func(*OrderError) {})()
	var s stack
	deep(1000, &s)
	frames := framesOf(s.addresses())
	if s.n != len(s.pcs) || len(frames) != len(s.pcs) {
		t.Fatalf("%d addresses, %d frames, want %d", s.n, len(frames), len(s.pcs))
	}
	for _, f := range frames {
		if f.Function != "github.com/potok-go/potok/lock.deep" {
			t.Fatalf("a frame of %s", f.Function)
		}
	}
	grown := make(chan int)
	go func() { // a goroutine whose stack has been moved
		deep(100_000, &s)
		deep(3, &s)
		grown <- len(framesOf(s.addresses()))
	}()
	if n := <-grown; n != 5 { // deep four times, and this function
		t.Errorf("%d frames, want 5", n)
	}
}

// Without frame pointers and without a known runtime it is slower, and the same.
func TestTheSlowWaysDoTheSame(t *testing.T) {
	var told []*OrderError
	t.Cleanup(CheckOrder(func(e *OrderError) { told = append(told, e) }))
	for _, way := range []*atomic.Bool{&quick, &walkable} {
		was := way.Swap(false)
		defer way.Store(was)
	}
	a, b := Named("a"), Named("b")
	a.With(func() { b.With(func() {}) })
	b.With(func() { a.With(func() {}) })
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	for _, l := range told[0].cycle {
		for _, at := range [][]uintptr{l.seen.from.at, l.seen.to.at} {
			if site := siteOf(at); site[:19] != "ordercost_test.go:1" {
				t.Errorf("locked at %s", site)
			}
		}
	}
}
