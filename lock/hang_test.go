package lock_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok/lock"
)

// text is the only thing that was told.
func (r *reports) text(t *testing.T) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) != 1 {
		t.Fatalf("told %d times, want once: %v", len(r.all), r.all)
	}
	text := r.all[0].Error()
	r.all = nil
	return text
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Errorf("no %q, or not in order, in\n%s", part, text)
			return
		}
		rest = after
	}
}

//go:noinline
func holdFor(m *lock.Mutex, d time.Duration) { m.Lock(); time.Sleep(d); m.Unlock() }

func TestALongWaitIsReportedWithWhoHoldsTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := check(t, lock.HangAfter(time.Second))
		m := lock.Named("m")
		var wg sync.WaitGroup
		wg.Go(func() { holdFor(m, time.Hour) })
		synctest.Wait()
		wg.Go(func() { m.Lock() })
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		told.told(t)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		has(t, told.text(t), ` has waited 1s for "m", which goroutine `, " holds\n", " waits at\n", "lock_test.TestALongWait",
			` locked "m" at`, "lock_test.holdFor")
		wg.Wait()
		told.told(t) // once
		m.Unlock()
	})
}

func TestAShortWaitIsNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := check(t, lock.HangAfter(time.Second))
		var m lock.Mutex
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { holdFor(&m, 99*time.Millisecond) })
		}
		wg.Wait()
		told.told(t)
	})
}

func TestAReportedWaitSaysWhatTheHolderWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := lock.Named("b"), lock.Named("c")
		told := check(t, lock.HangAfter(time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() { holdFor(c, time.Hour) })
		synctest.Wait()
		wg.Go(func() {
			time.Sleep(time.Second)
			b.With(func() { c.With(func() {}) })
		})
		time.Sleep(2 * time.Second)
		wg.Go(func() { b.With(func() {}) })
		time.Sleep(time.Minute - 500*time.Millisecond)
		has(t, told.text(t), ` for "c", which goroutine `, ` locked "c" at`, "lock_test.holdFor")
		time.Sleep(time.Minute)
		has(t, told.text(t), ` for "b", which goroutine `, " waits at", ` locked "b" at`, `and waits for "c" at`)
		wg.Wait()
	})
}

func TestAHolderFromBeforeTheCheckIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := lock.Named("m")
		m.Lock()
		told := check(t, lock.HangAfter(time.Second))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if m.LockContext(ctx) == nil {
			t.Fatal("locked twice")
		}
		has(t, told.text(t), `has waited 1s for "m", which was locked before orders were checked`, " waits at\n")
		m.Unlock()
	})
}

func TestEachWatcherIsToldOfAWaitAfterItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m lock.Mutex
		hour, never, minute := check(t, lock.HangAfter(time.Hour)), check(t), check(t, lock.HangAfter(time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() { holdFor(&m, 2*time.Hour) })
		synctest.Wait()
		wg.Go(func() { m.With(func() {}) })
		time.Sleep(30 * time.Minute)
		has(t, minute.text(t), "has waited 1m0s for")
		hour.told(t)
		time.Sleep(time.Hour)
		has(t, hour.text(t), "has waited 1h0m0s for")
		wg.Wait()
		minute.told(t)
		never.told(t)
	})
}

// A report may fail a test at once, which ends the goroutine that waits. The lock must not be given to it then.
func TestAReportOfAWaitMayEndTheGoroutine(t *testing.T) {
	for name, during := range map[string]func(m *lock.Mutex){
		"who still waits":        func(*lock.Mutex) {},
		"who was given the lock": func(m *lock.Mutex) { m.Unlock(); synctest.Wait() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m lock.Mutex
				t.Cleanup(lock.CheckOrder(func(*lock.OrderError) {
					time.Sleep(time.Second)
					runtime.Goexit()
				}, lock.HangAfter(time.Second)))
				m.Lock()
				locked := false
				go func() {
					m.Lock()
					locked = true
				}()
				time.Sleep(1500 * time.Millisecond)
				during(&m)
				time.Sleep(time.Second)
				if name == "who still waits" {
					m.Unlock()
				}
				if locked {
					t.Error("the goroutine went on")
				}
				m.With(func() {})
			})
		})
	}
}
