package lock_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok/lock"
)

func TestOrdersFromBeforeTheCheckAreNotKnown(t *testing.T) {
	a, b, _ := three()
	nest(a, b)
	first := check(t)
	nest(b, a)
	first.told(t)

	second := check(t) // beside the first, which knows b → a
	nest(a, b)
	first.told(t, `lock order inversion: "a" → "b" → "a"`)
	second.told(t)
	nest(b, a)
	first.told(t)
	second.told(t, `lock order inversion: "b" → "a" → "b"`)
}

func TestNothingIsToldAfterStop(t *testing.T) {
	told := new(reports)
	stop := lock.CheckOrder(told.add)
	a, b, c := three()
	nest(a, b)
	c.Lock()
	stop()
	stop()
	nest(b, a)
	c.Unlock() // whose hold is from before
	told.told(t)

	told = check(t) // and nothing is known from before
	nest(b, a)
	nest(a, c)
	told.told(t)
	nest(a, b)
	told.told(t, `lock order inversion: "a" → "b" → "a"`)
}

func TestStopWaitsForReportsButNotForItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := three()
		begun, over := make(chan struct{}), false
		var stop func()
		stop = lock.CheckOrder(func(*lock.OrderError) {
			close(begun)
			stop() // its own
			nest(c)
			over = true
		})
		go func() {
			nest(a, b)
			nest(b, a)
		}()
		<-begun
		stop()
		if !over {
			t.Error("stop returned before the report")
		}
	})
}

func TestWhatAReportLocksIsNotChecked(t *testing.T) {
	a, b, c := three()
	d := lock.Named("d")
	var told []string
	t.Cleanup(lock.CheckOrder(func(e *lock.OrderError) {
		nest(d, c)
		if !d.TryLock() {
			t.Error("a free lock was not taken")
		}
		d.Unlock()
		told = append(told, e.Error())
	}))
	nest(c, d)
	nest(a, b)
	nest(b, a)
	if len(told) != 1 {
		t.Errorf("told %d times, want once: %q", len(told), told)
	}
}

func TestAPanicOfAReportIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	a, b, _ := three()
	t.Cleanup(lock.CheckOrder(func(*lock.OrderError) { panic("ouch") }))
	told := check(t)
	nest(a, b)
	nest(b, a) // and goes on
	told.told(t, `lock order inversion: "b" → "a" → "b"`)
	if text := log.String(); !strings.Contains(text, "report of CheckOrder panicked") || !strings.Contains(text, "ouch") {
		t.Errorf("logged: %s", text)
	}
}

func TestAReportMayEndTheGoroutine(t *testing.T) {
	a, b, _ := three()
	t.Cleanup(lock.CheckOrder(func(*lock.OrderError) { runtime.Goexit() }))
	nest(a, b)
	locked := false
	var wg sync.WaitGroup
	wg.Go(func() {
		b.Lock()
		defer b.Unlock()
		a.Lock()
		locked = true
	})
	wg.Wait()
	if locked || !a.TryLock() || !b.TryLock() {
		t.Error("the goroutine had the lock, or left one locked")
	}
	a.Unlock()
	b.Unlock()
}

func TestWhatAnotherGoroutineUnlocksIsNotHeldAnyMore(t *testing.T) {
	told := check(t)
	a, b, c := three()
	a.Lock()
	var wg sync.WaitGroup
	wg.Go(a.Unlock)
	wg.Wait()
	nest(b) // not after a
	nest(b, a)
	told.told(t)

	d := lock.Named("d")
	c.Lock()
	if !d.TryLock() {
		t.Fatal("a free lock was not taken")
	}
	c.Unlock() // the outer one first
	nest(a)    // after d, and not after c
	d.Unlock()
	nest(a, c)
	told.told(t)
	nest(a, d)
	told.told(t, `lock order inversion: "a" → "d" → "a"`)
}

func TestTheTextOfAReport(t *testing.T) {
	told := check(t)
	a, b, _ := three()
	takeFirst(a, b)
	takeFirst(b, a)
	text := told.text(t)
	text = regexp.MustCompile(`(?m)^    testing\.\S*\n.*\n`).ReplaceAllString(text+"\n", "")
	text = regexp.MustCompile(`/\S*/`).ReplaceAllString(text, "/…/")
	text = regexp.MustCompile(`goroutine \d+`).ReplaceAllString(text, "goroutine 7")
	text = regexp.MustCompile(`\.go:\d+`).ReplaceAllString(text, ".go:1")
	text = regexp.MustCompile(`(/…/)+`).ReplaceAllString(text, "/…/")
	outer := func(name, caller string) string {
		return fmt.Sprintf("  goroutine 7 locked %q at\n%s", name, frames("lockOuter", "takeFirst", caller))
	}
	inner := func(name, caller string) string {
		return fmt.Sprintf("  and then wanted %q at\n%s", name, frames("lockInner", "takeFirst", caller))
	}
	const test = "TestTheTextOfAReport"
	want := "potok/lock: lock order inversion: \"b\" → \"a\" → \"b\"\n" +
		"\"b\" → \"a\":\n" + outer("b", test) + inner("a", test) +
		"\"a\" → \"b\":\n" + outer("a", test) + inner("b", test)
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func frames(functions ...string) string {
	var b strings.Builder
	for _, f := range functions {
		file := "order_test.go"
		if strings.HasPrefix(f, "Test") {
			file = "report_test.go"
		}
		fmt.Fprintf(&b, "    github.com/…/lock_test.%s\n        /…/%s:1\n", f, file)
	}
	return b.String()
}

func TestMisuseOfCheckOrderPanics(t *testing.T) {
	for name, misuse := range map[string]func(){
		"CheckOrder with a nil report": func() { lock.CheckOrder(nil) },
		"HangAfter(0s)":                func() { lock.HangAfter(0) },
		"HangAfter(-1s)":               func() { lock.HangAfter(-time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "potok/lock: "+name+" at report_test.go:") {
					t.Errorf("panicked with %q", text)
				}
			}()
			misuse()
		})
	}
}
