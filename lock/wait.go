package lock

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// starving is how long a waiter may be overtaken, as in sync.Mutex: long enough that a busy lock stays with those who
// run, which is many times faster than to switch goroutines for every turn, and short enough for nobody to notice.
const starving = time.Millisecond

// extra is what a mutex needs only when somebody waits for it, when it has a name, or when orders are checked. It is
// made on first need and stays.
type extra struct {
	name string               // of Named; never changes
	node atomic.Pointer[node] // of the order; nil until somebody locks it under check
	hold *hold                // of the holder, if the state says checked; written by it, and read by Unlock

	mu      sync.Mutex // guards the list and the bits that tell of it; never held while blocking
	waiters waiters
}

func (m *Mutex) needExtra() *extra {
	if x := m.extra.Load(); x != nil {
		return x
	}
	m.extra.CompareAndSwap(nil, new(extra))
	return m.extra.Load()
}

// A waiter is one parked Lock or LockContext.
//
//	listed → woken     by Unlock: off the list; goes for the lock once more, and back to the front if it loses
//	listed → given     by Unlock: off the list, and holds the lock
//	listed → gone      by itself, when its ctx ended
//
// Waiters are not recycled: a channel made in one synctest bubble must not be met in another, and a mutex may outlive
// the bubble that it is used in.
type waiter struct {
	next, prev *waiter
	listed     bool
	since      time.Time
	hang       *alarm    // nil unless orders are checked
	ready      chan bool // gets one value each time it is taken off by Unlock: was it given the lock? Room for one, so Unlock never waits
	k          int       // of the other types, see line.go: what Semaphore.Acquire wants, or the index in Barrier.Wait
}

// waiters is a list of waiters in the order in which they are to be served. The zero value is empty.
type waiters struct{ front, back *waiter }

func (l *waiters) pushBack(w *waiter) {
	w.prev = l.back
	if l.back == nil {
		l.front = w
	} else {
		l.back.next = w
	}
	l.back = w
	w.listed = true
}

func (l *waiters) pushFront(w *waiter) {
	w.next = l.front
	if l.front == nil {
		l.back = w
	} else {
		l.front.prev = w
	}
	l.front = w
	w.listed = true
}

func (l *waiters) remove(w *waiter) {
	if w.prev == nil {
		l.front = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.back = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.listed = nil, nil, false
}

// lockSlow is Lock where one step does not do. It stays a call, so that Lock does not become one.
//
//go:noinline
func (m *Mutex) lockSlow() {
	_ = m.lockContextSlow(context.Background()) // which does not end
}

// lockContextSlow is LockContext where one step does not do.
func (m *Mutex) lockContextSlow(ctx context.Context) error {
	if ctx.Err() != nil {
		return endedError(ctx)
	}
	if unlocked.Load() == nothing {
		return m.lockChecked(ctx)
	}
	return m.acquire(ctx, nil)
}

func (m *Mutex) tryLockSlow() bool {
	if unlocked.Load() == nothing {
		return m.tryLockChecked()
	}
	return m.takeIfFree()
}

// A contender steps back, looks, and steps back again before it parks: to be woken takes longer than most locks are held.
// While it stands back the holder has the lock's cache line to itself, so that a lock that is held for nanoseconds is not
// slowed down; with 300 loads instead of 2,000 BenchmarkMutex/hold=0/goroutines=8 takes twice as long. With pauses that
// are much longer hold=1000 does.
const (
	looks = 3
	pause = 2000 // in atomic loads; about half a microsecond
)

// acquire locks m, unless ctx ends first. h is the hold under which orders are checked, or nil.
func (m *Mutex) acquire(ctx context.Context, h *hold) error {
	if m.takeIfFree() || m.spin() {
		return nil
	}
	return m.park(ctx, h)
}

// takeIfFree locks m if it is free, past all who wait.
func (m *Mutex) takeIfFree() bool {
	for {
		old := m.state.Load()
		if old&locked != 0 {
			return false
		}
		if m.state.CompareAndSwap(old, old|locked) {
			return true
		}
	}
}

func (m *Mutex) spin() bool {
	var idle atomic.Bool // whose loads the compiler does not remove from the loop
	for range looks {
		for range pause {
			idle.Load()
		}
		if m.takeIfFree() {
			return true
		}
	}
	return false
}

// park waits on the list until m is locked by the caller or ctx ends.
func (m *Mutex) park(ctx context.Context, h *hold) error {
	x := m.needExtra()
	w := &waiter{since: time.Now(), ready: make(chan bool, 1)}
	if h != nil {
		w.hang = newAlarm(h)
		defer w.hang.stop()
	}
	for again := false; ; again = true {
		if m.enlist(x, w, again) {
			return nil
		}
		given, err := m.await(ctx, x, w)
		if given || err != nil {
			return err
		}
	}
}

// await waits until w, which is listed, is taken off the list or its ctx ends.
func (m *Mutex) await(ctx context.Context, x *extra, w *waiter) (given bool, err error) {
	for {
		select {
		case given := <-w.ready:
			return given, nil
		case <-ctx.Done():
			if m.leave(x, w) {
				return false, endedError(ctx)
			}
			return true, nil
		case <-w.hang.C():
			m.ring(x, w)
		}
	}
}

// enlist puts w on the list, or locks m if it is free after all. Between the two no Unlock can come and miss w: it sees
// the bit, or we see the lock free. A waiter that was woken and lost goes to the front, and no longer counts as woken.
func (m *Mutex) enlist(x *extra, w *waiter, again bool) (taken bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		old := m.state.Load()
		to := old | queued
		if old&locked == 0 {
			to = old | locked
		}
		if again {
			to &^= woken
		}
		if !m.state.CompareAndSwap(old, to) {
			continue
		}
		switch {
		case old&locked == 0:
			return true
		case again:
			x.waiters.pushFront(w)
		default:
			x.waiters.pushBack(w)
		}
		return false
	}
}

// leave takes w, whose ctx has ended, out of the game. It says false if w holds the lock, because it was given it
// in the meantime. If it was only woken, it wakes the next one in its place.
func (m *Mutex) leave(x *extra, w *waiter) bool {
	x.mu.Lock()
	if w.listed {
		x.waiters.remove(w)
		if x.waiters.front == nil {
			m.state.And(^queued)
		}
		x.mu.Unlock()
		return true
	}
	x.mu.Unlock()
	if <-w.ready { // is there, or comes as soon as pass has let go of x.mu
		return false
	}
	// Somebody has to be woken in our place if m is free, and nobody else may see to it: whoever unlocked it since saw
	// that one was woken. So take it and unlock it, as a woken waiter does that has nothing to do under the lock.
	for {
		old := m.state.Load()
		if old&locked != 0 {
			if m.state.CompareAndSwap(old, old&^woken) { // its holder will see to it
				return true
			}
			continue
		}
		if m.state.CompareAndSwap(old, old&^woken|locked) {
			m.Unlock()
			return true
		}
	}
}

// unlockSlow is Unlock where more is to be done than to clear the state.
func (m *Mutex) unlockSlow() {
	for {
		old := m.state.Load()
		if old&locked == 0 {
			panic("potok/lock: Unlock of an unlocked Mutex at " + callSite())
		}
		if old&checked != 0 {
			m.disown()
		}
		if old&queued != 0 && old&woken == 0 {
			m.pass()
			return
		}
		if m.state.CompareAndSwap(old, old&^(locked|checked)) {
			return
		}
	}
}

// pass unlocks m, which has waiters, and wakes the first; or hands it over if that one is starving.
func (m *Mutex) pass() {
	x := m.extra.Load()
	x.mu.Lock()
	w, old := x.waiters.front, m.state.Load()
	if w == nil || old&(locked|woken) != locked { // it has just given up; or two unlock at once, and one must panic
		x.mu.Unlock()
		m.unlockSlow()
		return
	}
	x.waiters.remove(w)
	given := time.Since(w.since) >= starving
	// Nothing can change the state while we hold both the lock and x.mu: queued is turned on and off under x.mu, and woken
	// is off, which only we turn on.
	to := old &^ checked
	if x.waiters.front == nil {
		to &^= queued
	}
	if !given {
		to = to&^locked | woken
	}
	m.state.Store(to)
	x.mu.Unlock()
	w.ready <- given
	if given {
		// On this processor the waiter is next, and everybody waits for it now.
		runtime.Gosched()
	}
}
