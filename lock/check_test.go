package lock

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// check asserts what is written beside the bits of the state, waiter and waiters. It may run beside anything.
func (m *Mutex) check(t testing.TB) {
	t.Helper()
	s := m.state.Load()
	must := func(ok bool, relation string) {
		if !ok {
			t.Errorf("broken: %s (state %s)", relation, stateText(s))
		}
	}
	x := m.extra.Load()
	if x == nil { // and was, when s was read
		must(s&(queued|woken) == 0, "a mutex without a list has no waiters")
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s = m.state.Load()
	must(s&^(locked|queued|woken|checked) == 0, "no other bit is ever set")
	must(s&queued == 0 == (x.waiters.front == nil), "queued says whether the list is not empty")
	must(s&locked != 0 || s&queued == 0 || s&woken != 0, "a free mutex with waiters has woken one of them")
	must(x.waiters.sound(), "the list is linked both ways, of listed waiters who got no word, but have room for one")
}

func stateText(s uint32) string {
	return fmt.Sprintf("%b: locked=%t queued=%t woken=%t", s, s&locked != 0, s&queued != 0, s&woken != 0)
}

func (l *waiters) sound() bool {
	var prev *waiter
	for w := l.front; w != nil; prev, w = w, w.next {
		if w.prev != prev || !w.listed || len(w.ready) != 0 || cap(w.ready) != 1 {
			return false
		}
	}
	return l.back == prev
}

// parked counts the waiters on the list.
func (m *Mutex) parked() (n int) {
	x := m.extra.Load()
	if x == nil {
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for w := x.waiters.front; w != nil; w = w.next {
		n++
	}
	return n
}

// awaitParked waits until n waiters are parked, in a bubble and out of it.
func (m *Mutex) awaitParked(t testing.TB, n int) {
	t.Helper()
	for start := time.Now(); m.parked() != n; runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatalf("%d waiters are parked, not %d\n%s", m.parked(), n, stacks())
		}
	}
}

// patience bounds every wait of a test that would else last for ever.
const patience = time.Minute

func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// within fails the test, with all stacks, if the channel is not closed in time.
func within(t testing.TB, done <-chan struct{}) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		t.Fatalf("this does not end\n%s", stacks())
	}
}
