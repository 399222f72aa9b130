package lock

import (
	"context"
	"sync/atomic"
)

// Mutex is a lock that one goroutine holds at a time. The zero value is unlocked and ready. It must not be copied after
// first use.
//
// It takes the place of a sync.Mutex: a waiter can give up when its context ends, testing/synctest sees waiters durably
// blocked, and CheckOrder watches it. Like a sync.Mutex it belongs to no goroutine: one may lock it and another unlock
// it. An unlock happens before the next lock (the Go memory model's "synchronizes before").
//
// Every method may be called from any number of goroutines at once.
type Mutex struct {
	// state is the bits below. Transitions:
	//
	//	free → locked                   by whoever takes it, in one step; with woken off if it is the woken waiter
	//	locked → free                   by Unlock, if nobody waits or somebody is woken
	//	locked → free and woken         by Unlock, which takes the first waiter off the list and wakes it
	//	locked → locked                 by Unlock, which hands it to the first waiter, if that one is starving
	//	queued on, off                  under extra.mu, by waiters that come, come back or leave, and by the Unlock that takes the last
	//	woken off                       by the woken waiter, when it takes the lock, comes back or leaves; this one not under extra.mu
	//	checked on, off                 by the holder
	state atomic.Uint32

	extra atomic.Pointer[extra] // nil until somebody waits, it gets a name, or orders are checked
}

const (
	locked  uint32 = 1 << iota
	queued         // the list of waiters is not empty
	woken          // a waiter was woken and has neither taken the lock nor come back: no need to wake another
	checked        // the holder is known to CheckOrder
	nothing        // never set; see unlocked
)

// unlocked is what the state of a free mutex is compared with in the one step that takes it. While orders are checked
// it is a state that none has, and all go the other way: so that nobody pays for the check while it is off.
var unlocked atomic.Uint32

// Named returns a new Mutex that CheckOrder's reports call by that name. Locks of one name are one class: what is
// learned of the order of one holds for all.
//
// It does not block.
func Named(name string) *Mutex {
	m := new(Mutex)
	m.extra.Store(&extra{name: name})
	return m
}

// Lock locks m.
//
// It blocks until m is free; only LockContext obeys a context. A waiter is overtaken for about a millisecond at most:
// from then on the next Unlock hands m to it.
func (m *Mutex) Lock() {
	if !m.state.CompareAndSwap(unlocked.Load(), locked) {
		m.lockSlow()
	}
}

// LockContext locks m, unless ctx ends first.
//
// It blocks until m is free. If ctx ends before, m is not locked and the error matches ctx.Err() and
// context.Cause(ctx); under a ctx that has already ended that is so even if m is free. A waiter that was given m and
// whose ctx ends at the same moment has it, and the error is nil.
func (m *Mutex) LockContext(ctx context.Context) error {
	if ctx.Err() == nil && m.state.CompareAndSwap(unlocked.Load(), locked) {
		return nil
	}
	return m.lockContextSlow(ctx)
}

// TryLock locks m if it is free now, and says whether it did.
//
// It does not block. CheckOrder takes no order from it, since who does not wait cannot deadlock; but what is locked
// while m is held comes after m.
func (m *Mutex) TryLock() bool {
	if m.state.CompareAndSwap(unlocked.Load(), locked) {
		return true
	}
	return m.tryLockSlow()
}

// Unlock unlocks m, and wakes who waits for it.
//
// It does not block. It panics if m is not locked.
func (m *Mutex) Unlock() {
	if !m.state.CompareAndSwap(locked, 0) {
		m.unlockSlow()
	}
}

// With calls fn with m locked, and unlocks m when fn returns, panics or ends its goroutine.
//
// It blocks as Lock does. m must not be locked in fn again: that would wait for ever.
func (m *Mutex) With(fn func()) {
	m.Lock()
	defer m.Unlock()
	fn()
}
