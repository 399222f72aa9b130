package lock

import (
	"slices"
	"time"
)

// An alarm rings each time that a watcher is to be told of a wait. A nil one never does.
type alarm struct {
	h     *hold
	after time.Duration // how long the wait will have taken when it rings next
	timer *time.Timer   // made on the goroutine that waits, so that it is of the same synctest bubble
}

// newAlarm returns the alarm of a wait for h that begins now; nil if nobody wants to be told.
func newAlarm(h *hold) *alarm {
	after := nextHang(0)
	if after == 0 {
		return nil
	}
	return &alarm{h: h, after: after, timer: time.NewTimer(after)}
}

// C is what can be received from when it rings.
func (a *alarm) C() <-chan time.Time {
	if a == nil {
		return nil
	}
	return a.timer.C
}

func (a *alarm) stop() {
	if a != nil {
		a.timer.Stop()
	}
}

// ring tells of the wait of w, which may be served meanwhile.
func (m *Mutex) ring(x *extra, w *waiter) {
	returned := false
	defer func() {
		if returned {
			return
		}
		// A report has ended the goroutine, which will never use the lock.
		if !m.leave(x, w) {
			m.Unlock()
		}
		drop(w.hang.h)
	}()
	a := w.hang
	a.tell()
	returned = true
	if after := nextHang(a.after); after != 0 {
		a.timer.Reset(after - a.after)
		a.after = after
	}
}

// tell tells the watchers that want to know of a wait of this length.
func (a *alarm) tell() {
	graph.mu.Lock()
	watchers := slices.Clone(graph.watchers)
	graph.mu.Unlock()
	for _, w := range watchers {
		if w.hangAfter == a.after {
			w.tell(a.h.goroutine, &OrderError{hang: newHang(a.h, a.after)})
		}
	}
}

func newHang(h *hold, waited time.Duration) *hang {
	b := bucketOf(h.goroutine)
	b.mu.Lock()
	waits := h.copyLocked()
	b.mu.Unlock()
	holder, next := holderOf(h.lock)
	return &hang{waits: waits, waited: waited, holder: holder, next: next}
}

// nextHang returns the shortest time, longer than waited, after which somebody is to be told of a wait; 0 if nobody is.
func nextHang(waited time.Duration) (next time.Duration) {
	graph.mu.Lock()
	defer graph.mu.Unlock()
	for _, w := range graph.watchers {
		if w.hangAfter > waited && (next == 0 || w.hangAfter < next) {
			next = w.hangAfter
		}
	}
	return next
}
