package queue

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const crowd = 64

// later lets more than a millisecond pass where time is false. Outside nothing has to pass: no later caller at all is
// served before a parked one.
func later(t *testing.T) {
	if strings.Contains(t.Name(), "bubble") {
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
	}
}

// 64 getters park, one after the other; then come as many more, some of which only try, and then the items.
func TestNoGetterIsOvertaken(t *testing.T) {
	for order, newQueue := range orders {
		t.Run("order="+order, func(t *testing.T) {
			everywhere(t, func(t *testing.T) {
				q := newQueue(crowd)
				var overtakes atomic.Int32
				var first, second sync.WaitGroup
				for i := range crowd {
					first.Go(func() {
						if v, err := q.Get(t.Context()); err != nil || v != i {
							overtakes.Add(1)
						}
					})
					q.awaitParked(i + 1)
				}
				later(t)
				for range crowd / 2 {
					second.Go(func() {
						if v, err := q.Get(t.Context()); err == nil && v < crowd {
							overtakes.Add(1)
						}
					})
					second.Go(func() {
						for { // as hard as it can
							v, err := q.TryGet()
							if err == ErrClosed {
								return
							}
							if err == nil && v < crowd {
								overtakes.Add(1)
							}
							runtime.Gosched()
						}
					})
				}
				for v := range 2 * crowd {
					_ = q.Put(t.Context(), v)
				}
				q.Close()
				first.Wait()
				second.Wait()
				if n := overtakes.Load(); n > 0 {
					t.Errorf("%d overtakes among %d waiters", n, crowd)
				}
				q.check(t)
			})
		})
	}
}

// The same for putters. The queue has room for one, so its order is that in which they were served, by any discipline.
func TestNoPutterIsOvertaken(t *testing.T) {
	for order, newQueue := range orders {
		t.Run("order="+order, func(t *testing.T) {
			everywhere(t, func(t *testing.T) {
				q := newQueue(1)
				_ = q.TryPut(crowd * 1000)
				var wg sync.WaitGroup
				for i := range crowd {
					v := 1000 * (crowd - 1 - i) // the least waits longest
					wg.Go(func() { _ = q.Put(t.Context(), v) })
					q.awaitParked(i + 1)
				}
				later(t)
				for range crowd / 2 {
					wg.Go(func() { _ = q.Put(t.Context(), -1) })
					wg.Go(func() {
						for q.TryPut(-1) == ErrFull {
							runtime.Gosched()
						}
					})
				}
				overtakes := 0
				for i := range crowd + 1 {
					if v, err := q.Get(t.Context()); err != nil || v != 1000*(crowd-i) {
						overtakes++
					}
				}
				if overtakes > 0 {
					t.Errorf("%d overtakes among %d waiters", overtakes, crowd)
				}
				q.check(t)
				q.Close()
				for range q.All(t.Context()) {
				}
				wg.Wait()
			})
		})
	}
}

func TestParkedWaitersAreDurablyBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		empty, full := New[int](1), NewLIFO[int](1)
		_ = full.TryPut(1)
		var wg sync.WaitGroup
		for range crowd {
			wg.Go(func() { _, _ = empty.Get(t.Context()) })
			wg.Go(func() { _ = full.Put(t.Context(), 2) })
			wg.Go(func() { _ = full.Join(t.Context()) })
		}
		synctest.Wait() // returns only if all of them are
		<-time.After(time.Hour)
		if a, b := empty.parked(), full.parked(); a != crowd || b != crowd {
			t.Errorf("%d and %d of %d are parked", a, b, crowd)
		}
		empty.Close()
		full.CloseNow()
		wg.Wait()
	})
}

// A goroutine in a select runs nothing. So it is enough to see all of them there, and that none leaves it.
func TestParkedWaitersUseNoProcessor(t *testing.T) {
	q := New[int](1)
	var wg sync.WaitGroup
	for range crowd {
		wg.Go(func() { _, _ = q.Get(t.Context()) })
	}
	asleep := func() (n int) {
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "[select") && strings.Contains(g, ".park(") {
				n++
			}
		}
		return n
	}
	for asleep() < crowd {
		runtime.Gosched()
	}
	for range 10 {
		if n := asleep(); n != crowd {
			t.Fatalf("%d of %d waiters are asleep", n, crowd)
		}
	}
	q.Close()
	wg.Wait()
}
