package lock

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func (l *waiters) len() (n int) {
	for w := l.front; w != nil; w = w.next {
		n++
	}
	return n
}

// awaitParked waits until n waiters are on the list that mu guards, in a bubble and out of it.
func awaitParked(mu *sync.Mutex, l *waiters, n int) {
	for {
		mu.Lock()
		now := l.len()
		mu.Unlock()
		if now == n {
			return
		}
		runtime.Gosched()
	}
}

// mustPanic asserts that f panics with the message and the place of the line that calls mustPanic.
func mustPanic(t *testing.T, message string, f func()) {
	t.Helper()
	_, file, line, _ := runtime.Caller(1)
	want := fmt.Sprintf("potok/lock: %s at %s:%d", message, filepath.Base(file), line)
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panicked with %v, want %s", got, want)
		}
	}()
	f()
}

func TestWhoIsToldIsOffTheList(t *testing.T) {
	var l waiters
	a, b, c := l.join(1), l.join(2), l.join(3)
	if !l.sound() || l.len() != 3 || l.front != a || l.back != c {
		t.Error("three joined in order")
	}
	l.tell(b, true)
	if !l.sound() || l.len() != 2 || b.listed || !<-b.ready {
		t.Error("the one in the middle is told and off the list")
	}
	l.tellAll(false)
	if !l.sound() || l.len() != 0 || <-a.ready || <-c.ready {
		t.Error("the others are told and off the list")
	}
}
