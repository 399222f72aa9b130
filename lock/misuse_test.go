package lock

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUnlockOfAnUnlockedMutexPanicsWithTheCallersLine(t *testing.T) {
	var m Mutex
	var line int
	unlock := func() {
		line = here() + 1
		m.Unlock()
	}
	for name, call := range map[string]func(){
		"plain": unlock,
		"deferred": func() {
			defer m.Unlock()
			line = here() + 1
		},
		"with": func() {
			line = here() + 1
			m.With(m.Unlock)
		},
		"after waiters": func() {
			m.Lock()
			var wg sync.WaitGroup
			wg.Go(func() { m.With(func() {}) })
			m.awaitParked(t, 1)
			m.Unlock()
			wg.Wait()
			unlock()
		},
	} {
		t.Run("call="+name, func(t *testing.T) {
			got := fmt.Sprint(recovered(call))
			if want := fmt.Sprintf("potok/lock: Unlock of an unlocked Mutex at misuse_test.go:%d", line); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			m.check(t)
			if !m.TryLock() {
				t.Fatal("after that it cannot be locked")
			}
			m.Unlock()
		})
	}
}

// here is the line of the call.
func here() int {
	_, file, line, _ := runtime.Caller(1)
	if filepath.Base(file) != "misuse_test.go" {
		panic(file)
	}
	return line
}

// recovered is what fn panics with.
func recovered(fn func()) (v any) {
	defer func() { v = recover() }()
	fn()
	return nil
}

// While a goroutine panics or ends, the runtime calls what it deferred: so the caller in the source is one further up.
func TestUnlockOfAnUnlockedMutexNamesNoLineOfTheRuntime(t *testing.T) {
	for how, end := range map[string]func(){
		"panic":  func() { panic("fn") },
		"Goexit": runtime.Goexit,
	} {
		t.Run("how="+how, func(t *testing.T) {
			var m Mutex
			got := make(chan any, 1)
			go func() {
				defer func() { got <- recover() }()
				m.With(func() {
					m.Unlock()
					end()
				})
			}()
			if got := fmt.Sprint(<-got); !strings.Contains(got, "at misuse_test.go:") {
				t.Errorf("%q names no line of this file", got)
			}
			m.check(t)
		})
	}
}

// Two goroutines unlock at once what is locked once, and both have seen that there is a waiter.
func TestTheSecondOfTwoUnlocksAtOnceServesNobody(t *testing.T) {
	for _, age := range []time.Duration{0, 2 * starving} {
		t.Run(fmt.Sprintf("age=%v", age), func(t *testing.T) {
			s := newStage()
			s.tryLock(t)
			s.newWaiter(0)(t)
			s.newWaiter(age)(t)
			s.unlock(t)
			if recovered(s.pass) == nil {
				t.Error("it does not panic")
			}
			s.compare(t)

			s.tryLock(t) // whose lock the second takes away; nobody can know
			s.passing = true
			s.unlock(t)
			s.compare(t)
		})
	}
}
