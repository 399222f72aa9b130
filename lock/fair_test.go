package lock

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// In a bubble time passes only while all sleep, so that everything but a hold takes no time at all, and waits are exact.
const (
	oneHold  = 100 * time.Microsecond
	promised = time.Millisecond // how long a waiter may be overtaken, by the documentation
)

// hog takes m again and again, and holds it, until stop is closed.
func hog(m *Mutex, stop <-chan struct{}) {
	for {
		m.Lock()
		time.Sleep(oneHold)
		m.Unlock()
		select {
		case <-stop:
			return
		default:
		}
	}
}

// A waiter comes when one hog has just taken the lock and the others stand before it in the line. At the unlock after
// 1 ms all of these are served in a row, if it did not happen before; then comes the waiter.
func TestAWaiterIsOvertakenForAMillisecond(t *testing.T) {
	for _, hogs := range []int{1, 2, 5} {
		t.Run(fmt.Sprintf("hogs=%d", hogs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				most := promised + time.Duration(hogs-1)*oneHold
				for range 20 {
					var m Mutex
					stop := make(chan struct{})
					var wg sync.WaitGroup
					for range hogs {
						wg.Go(func() { hog(&m, stop) })
						synctest.Wait()
					}
					ctx, cancel := context.WithTimeout(t.Context(), 100*most)
					start := time.Now()
					if err := m.LockContext(ctx); err != nil {
						t.Errorf("it never got the lock: %v", err)
					} else {
						m.Unlock()
					}
					if d := time.Since(start); d > most || d%oneHold != 0 {
						t.Errorf("it waited %v, want %v at most, in steps of %v", d, most, oneHold)
					}
					close(stop)
					wg.Wait()
					cancel()
					m.check(t)
				}
			})
		})
	}
}

// barge unlocks m, which has waiters, and locks it at once. It says false if the first waiter was faster.
func barge(m *Mutex) bool {
	m.Unlock()
	return m.TryLock()
}

// A young waiter may be overtaken, which is what makes the lock fast; from 1 ms on, to the nanosecond, it may not.
func TestALockIsHandedOverAtAMillisecondAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		barged := 0
		for range 100 {
			var m Mutex
			m.Lock()
			start := time.Now()
			var wg sync.WaitGroup
			var waited time.Duration
			wg.Go(func() {
				m.Lock()
				waited = time.Since(start)
				time.Sleep(oneHold)
				m.Unlock()
			})
			m.awaitParked(t, 1)
			time.Sleep(promised - time.Nanosecond)
			if barge(&m) {
				barged++
				synctest.Wait()
				time.Sleep(time.Nanosecond)
				if barge(&m) {
					t.Fatal("a waiter was overtaken after a millisecond")
				}
				wg.Wait()
				if waited != promised {
					t.Fatalf("it waited %v", waited)
				}
			}
			wg.Wait()
			m.check(t)
		}
		if barged == 0 {
			t.Error("a waiter of less than a millisecond was never overtaken")
		}
	})
}

// A woken waiter that finds the lock taken is still the first. How long it waits counts from when it came.
func TestAWokenWaiterThatLosesGoesBackToTheFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		losses := 0
		for range 20 {
			var m Mutex
			var served []int
			var wg sync.WaitGroup
			m.Lock()
			for i := range 4 {
				wg.Go(func() {
					m.Lock()
					served = append(served, i)
					time.Sleep(oneHold)
					m.Unlock()
				})
				m.awaitParked(t, i+1)
			}
			held := true
			for start := time.Now(); held && time.Since(start) < promised-oneHold; {
				time.Sleep(oneHold)
				held = barge(&m)
				synctest.Wait()
				m.check(t)
				if held {
					losses++
					if n := m.parked(); n != 4 {
						t.Fatalf("%d of 4 waiters are parked", n)
					}
				}
			}
			if held {
				time.Sleep(oneHold)
				m.Unlock()
			}
			wg.Wait()
			if !slices.Equal(served, []int{0, 1, 2, 3}) {
				t.Fatalf("served in the order %v", served)
			}
		}
		if losses == 0 {
			t.Error("no woken waiter ever lost")
		}
	})
}

// Two hogs and 64 waiters that come at one moment: whoever holds the lock then, the waiter with i before it and the second
// hog has it after a millisecond and i+1 holds at the latest; and before every later waiter.
func TestStarvingWaitersAreHandedTheLockInTheOrderTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const crowd = 64
		var m Mutex
		var served []int
		stop := make(chan struct{})
		var hogs, wg sync.WaitGroup
		for range 2 {
			hogs.Go(func() { hog(&m, stop) })
			synctest.Wait()
		}
		start := time.Now()
		for i := range crowd {
			wg.Go(func() {
				m.Lock()
				served = append(served, i)
				if d, most := time.Since(start), promised+time.Duration(i+1)*oneHold; d > most {
					t.Errorf("waiter %d waited %v, want %v at most", i, d, most)
				}
				time.Sleep(oneHold)
				m.Unlock()
			})
			synctest.Wait()
		}
		wg.Wait()
		close(stop)
		hogs.Wait()
		if len(served) != crowd || !slices.IsSorted(served) {
			t.Errorf("served in the order %v", served)
		}
		m.check(t)
	})
}

// Everybody is a hog. Who comes at any moment waits for the hold under way, for a millisecond at most in which others
// overtake, and for one hold of each that stands before it.
func TestNobodyWaitsLongerThanForItsTurn(t *testing.T) {
	for _, goroutines := range []int{2, 8, 32} {
		t.Run(fmt.Sprintf("goroutines=%d", goroutines), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const each = 50
				most := promised + time.Duration(goroutines)*oneHold
				var m Mutex
				var wg sync.WaitGroup
				for i := range goroutines {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * oneHold / 7)
						for range each {
							start := time.Now()
							m.Lock()
							if d := time.Since(start); d > most {
								t.Errorf("one waited %v, want %v at most", d, most)
							}
							time.Sleep(oneHold)
							m.Unlock()
						}
					})
				}
				wg.Wait()
				m.check(t)
			})
		})
	}
}
