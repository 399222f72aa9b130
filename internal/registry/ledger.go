package registry

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// A Ledger counts the calls of one executor from the moment it takes
// responsibility for them until nothing of them runs any more, callbacks
// included, and so knows when Wait, Shutdown and Close may return. The zero
// value is an open ledger with no calls.
//
// A call that itself waits in one of the three is inside. Those waits end when
// nothing but insiders is left; everybody else's end when nothing is left. The
// insiders then go on and finish, so nobody waits for ever for somebody who
// waits for him.
type Ledger struct {
	// word packs what Enter and Leave must see together:
	//
	//	bits 0–47  calls entered and not left
	//	watched    somebody waits: Leave must look
	//	draining   Shutdown began: only running calls may add calls
	//	closed     no more calls
	//
	// Flags are set under mu; the count changes without it.
	word atomic.Int64

	Counters

	// Watched, if not nil, is called when somebody has begun to wait: an executor
	// that tells what has left, or what it has entered in advance, when it is
	// convenient to it has to tell then, and at once from then on.
	Watched func()

	mu     sync.Mutex        // guards the fields below; never held while blocking
	waits  []*wait           // in order of arrival; watched is set if not empty
	inside map[any]*presence // who is inside, by Unit or *Seat
	seats  map[int64]*Seat   // goroutines that carry calls, by id
}

const (
	watched int64 = 1 << (48 + iota)
	draining
	closed
	openMask int64 = 1<<48 - 1
)

// A Unit is a call that a ledger counts. The context of a running call gives
// its Unit under UnitKey.
type Unit interface {
	Ledger() *Ledger
	Running() bool
	Outer() Unit // the call that this one was submitted from, or nil
}

// UnitOf returns the call that ctx belongs to, or nil.
func UnitOf(ctx context.Context) Unit {
	u, _ := ctx.Value(UnitKey{}).(Unit)
	return u
}

// UnitKey is the context key of the enclosing call.
type UnitKey struct{}

// wait is one goroutine in Wait, Shutdown or Close.
type wait struct {
	done    chan struct{}
	insider bool // it stands inside a call: insiders are not waited for
	drain   bool // Shutdown: the ledger closes in the moment the wait ends
	keys    []any
}

// presence says how often a call waits inside, and for which calls it counts.
type presence struct {
	waits, calls int
	later        func(yield func(Unit)) // of the seat, whose goroutine waits
}

// Enter counts n more calls. inside: they come from a running call of this
// ledger, which Shutdown lets go on. False: the ledger takes no such calls.
func (l *Ledger) Enter(n int, inside bool) bool {
	v := l.word.Add(int64(n))
	if v&(draining|closed) == 0 || v&closed == 0 && inside {
		return true
	}
	l.Leave(n)
	return false
}

// Leave counts n calls less.
func (l *Ledger) Leave(n int) {
	if l.word.Add(-int64(n))&watched != 0 {
		l.mu.Lock()
		l.checkLocked()
		l.mu.Unlock()
	}
}

// Calm says whether nobody waits and every call may enter.
func (l *Ledger) Calm() bool { return l.word.Load()&^openMask == 0 }

// Open returns how many calls have entered and not left.
func (l *Ledger) Open() int { return int(l.word.Load() & openMask) }

// Closed says whether the ledger takes no calls from anybody.
func (l *Ledger) Closed() bool { return l.word.Load()&closed != 0 }

// Refuses says whether the ledger takes no calls but, perhaps, from running ones.
func (l *Ledger) Refuses() bool { return l.word.Load()&(closed|draining) != 0 }

// Shut closes the ledger to new calls at once. True: this call did it.
func (l *Ledger) Shut() bool { return l.word.Or(closed)&closed == 0 }

// Wait blocks until nothing is open but what the rules exclude, or ctx ends.
func (l *Ledger) Wait(ctx context.Context) error { return l.wait(ctx, false) }

// BeginDrain lets only running calls add calls from now on.
func (l *Ledger) BeginDrain() { l.word.Or(draining) }

// Drain is Wait for Shutdown, after BeginDrain: when it ends without an error
// the ledger is closed.
func (l *Ledger) Drain(ctx context.Context) error { return l.wait(ctx, true) }

// Draining says whether BeginDrain was called.
func (l *Ledger) Draining() bool { return l.word.Load()&draining != 0 }

// Inside says whether a wait begun here and now with ctx would be an insider's.
func (l *Ledger) Inside(ctx context.Context) bool {
	us, id := l.enclosing(ctx), GoroutineID()
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.whoLocked(us, id)) > 0
}

// Encloses says whether ctx belongs to a call of this ledger that still runs.
func (l *Ledger) Encloses(ctx context.Context) bool {
	return slices.ContainsFunc(l.enclosing(ctx), Unit.Running)
}

func (l *Ledger) wait(ctx context.Context, drain bool) error {
	w := &wait{done: make(chan struct{}), drain: drain}
	us, id := l.enclosing(ctx), GoroutineID()
	l.mu.Lock()
	for k, here := range l.whoLocked(us, id) {
		w.keys = append(w.keys, k)
		p := l.inside[k]
		if p == nil {
			p = new(presence)
			if l.inside == nil {
				l.inside = make(map[any]*presence)
			}
			l.inside[k] = p
		}
		p.waits++
		p.calls = max(p.calls, here.calls)
		if here.later != nil {
			p.later = here.later
		}
	}
	w.insider = len(w.keys) > 0
	l.waits = append(l.waits, w)
	l.word.Or(watched)
	l.checkLocked()
	l.mu.Unlock()
	if l.Watched != nil {
		l.Watched()
	}

	select {
	case <-w.done:
		return nil
	default: // what is settled already wins over a ctx that has ended
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.waits {
		if other == w {
			l.waits = append(l.waits[:i], l.waits[i+1:]...)
			l.endLocked(w)
			l.checkLocked() // one insider less may be what others waited for, or no longer
			return ContextError(ctx)
		}
	}
	return nil // it ended in the same moment
}

// checkLocked ends every wait that may end. The caller holds mu.
func (l *Ledger) checkLocked() {
	for {
		v := l.word.Load()
		open := int(v & openMask)
		insiders := l.insidersLocked()
		next, drains := v, false
		rest := 0
		for _, w := range l.waits {
			if w.mayEnd(open, insiders) {
				drains = drains || w.drain
			} else {
				rest++
			}
		}
		if drains {
			next |= closed
		}
		if rest == 0 {
			next &^= watched
		}
		// The swap fails if a call entered or left since, and then all is looked
		// at again: no call slips in between "drained" and "closed", and no Leave
		// misses a wait that stays.
		if !l.word.CompareAndSwap(v, next) {
			continue
		}
		stay := l.waits[:0]
		for _, w := range l.waits {
			if w.mayEnd(open, insiders) {
				close(w.done)
				l.endLocked(w)
			} else {
				stay = append(stay, w)
			}
		}
		clear(l.waits[len(stay):])
		l.waits = stay
		return
	}
}

// insidersLocked returns how many open calls hang on those who wait inside. The
// caller holds mu.
func (l *Ledger) insidersLocked() int {
	n, later := 0, false
	for _, p := range l.inside {
		n += p.calls
		later = later || p.later != nil
	}
	if later {
		n += l.laterLocked()
	}
	return n
}

func (l *Ledger) laterLocked() int {
	units := make(map[Unit]struct{}) // two goroutines may be cancelling the same call
	for _, p := range l.inside {
		if p.later != nil {
			p.later(func(u Unit) { units[u] = struct{}{} })
		}
	}
	return len(units)
}

func (w *wait) mayEnd(open, insiders int) bool {
	if w.insider {
		return open <= insiders
	}
	return open == 0
}

// endLocked takes w's calls out of the insiders. The caller holds mu.
func (l *Ledger) endLocked(w *wait) {
	for _, k := range w.keys {
		if p := l.inside[k]; p != nil {
			if p.waits--; p.waits == 0 {
				delete(l.inside, k)
			}
		}
	}
}

// Forget says that the call has left while a goroutine that it started still
// waits inside: from now on that wait is anybody's.
func (l *Ledger) Forget(u Unit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inside) == 0 || l.inside[u] == nil {
		return
	}
	delete(l.inside, u)
	for _, w := range l.waits {
		for i, k := range w.keys {
			if k == u {
				w.keys = append(w.keys[:i], w.keys[i+1:]...)
				w.insider = len(w.keys) > 0
				break
			}
		}
	}
	l.checkLocked()
}

// enclosing returns the calls of this ledger that ctx belongs to: the innermost,
// the one that it was submitted from, and so on.
func (l *Ledger) enclosing(ctx context.Context) []Unit {
	var us []Unit
	for u := UnitOf(ctx); u != nil; u = u.Outer() {
		if u.Ledger() == l {
			us = append(us, u)
		}
	}
	return us
}

// whoLocked returns the calls inside which somebody stands whose context is of
// these calls and who runs on goroutine id. That they run is looked at under mu,
// as Forget comes after one has ended. The caller holds mu.
func (l *Ledger) whoLocked(us []Unit, id int64) map[any]presence {
	who := make(map[any]presence, 2)
	var seated Unit
	if s := l.seats[id]; s != nil && (s.calls() > 0 || s.Later != nil) {
		seated = s.Unit
		var key any = s
		if seated != nil {
			key = seated
		}
		who[key] = presence{calls: s.calls(), later: s.Later}
	}
	for _, u := range us {
		if u != seated && u.Running() {
			who[u] = presence{calls: 1}
		}
	}
	return who
}
