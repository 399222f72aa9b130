package lock

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// CheckOrder watches, from now on, the order in which the locks of this package are taken, and calls report when locks
// are taken in a way that can deadlock, without a deadlock having to happen:
//
//   - an inversion: somebody wanted B while he held A, and somebody else, or the same one at another time, wanted A while
//     he held B; or a circle of more than two. It is reported the first time that all its orders have been seen, and once;
//     a report that would read as an earlier one is not given again either.
//   - a recursion: a goroutine wants a lock that it holds, and so waits for itself.
//   - with HangAfter, a wait that is too long.
//
// Seen means tried: an order is noted before the wait, so a deadlock that does happen is reported, too. TryLock makes
// no order, as it does not wait, but what is locked after it does. Orders that a third lock keeps apart, held each
// time around both, cannot deadlock and are not reported. Locks of one name are one class, see Named; an unnamed one is
// a class of its own.
//
// Only the locks of this package are watched, and only from their next Lock on. Of a sync.Mutex nothing is seen: no
// circle that goes through one, nor that one keeps two orders apart. A program that has them comes to be checked by
// changing their type: Mutex has the same methods.
//
// report is called on the goroutine whose Lock closes the circle or has waited too long, before it waits on, with none
// of our locks held but with all of its own; what it locks is not checked. It may be called by several goroutines at
// once. If it panics, slog.Default is told, and the Lock goes on.
//
// CheckOrder does not block. It may be called any number of times, by tests that run beside each other for instance:
// each report is given what was seen since its CheckOrder, and by all goroutines. While nobody checks, the check costs
// nothing; how much it does then, BenchmarkCheckOrder says. Memory is proportional to the locks that are alive.
//
// stop ends it and blocks until no report is under way, unless it is called in one. It may be called more than once, and
// by any goroutine. CheckOrder is safe for concurrent use. It panics if report is nil.
func CheckOrder(report func(*OrderError), opts ...CheckOption) (stop func()) {
	if report == nil {
		panic("potok/lock: CheckOrder with a nil report at " + callSite())
	}
	testWalk()
	testGoroutineID()
	w := &watcher{report: report, told: make(map[string]struct{})}
	for _, o := range opts {
		o.apply(w)
	}
	graph.mu.Lock()
	defer graph.mu.Unlock()
	graph.watchLocked(w)
	return w.stop
}

// A CheckOption changes what CheckOrder does.
type CheckOption interface{ apply(w *watcher) }

type checkOption func(w *watcher)

func (o checkOption) apply(w *watcher) { o(w) }

// HangAfter makes CheckOrder report every wait for a lock that takes longer than d, once, with who holds the lock and
// where it was taken. It panics if d is not positive.
func HangAfter(d time.Duration) CheckOption {
	if d <= 0 {
		panic(fmt.Sprintf("potok/lock: HangAfter(%v) at %s", d, callSite()))
	}
	return checkOption(func(w *watcher) { w.hangAfter = d })
}

// CheckOrderT is CheckOrder for the length of a test: a report fails it. It wants one line, first in the test:
//
//	lock.CheckOrderT(t)
//
// Tests that run beside it are seen as well.
func CheckOrderT(t interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(f func())
},
) {
	t.Helper()
	t.Cleanup(CheckOrder(func(e *OrderError) {
		t.Helper()
		t.Errorf("%v", e)
	}))
}

// A watcher is one CheckOrder that has not been stopped.
type watcher struct {
	report    func(*OrderError)
	hangAfter time.Duration // 0: never
	since     uint64        // the epoch in which it began

	// Of graph.mu:
	told    map[string]struct{} // reports by what they say
	running []*telling
	stopped bool
}

// A telling is one call of a report.
type telling struct {
	goroutine int64
	over      sync.Mutex // locked until the report has returned, and guards nothing: see stop
}

// stop may be called in one of its own reports, which it does not wait for. It waits at a sync.Mutex, since that is what
// goroutines of different synctest bubbles can wait at for each other: a test may end while another's is reported.
func (w *watcher) stop() {
	graph.mu.Lock()
	if !w.stopped {
		w.stopped = true
		graph.unwatchLocked(w)
	}
	running := slices.Clone(w.running)
	graph.mu.Unlock()
	goroutine := goroutineID()
	if slices.ContainsFunc(running, func(t *telling) bool { return t.goroutine == goroutine }) {
		return
	}
	for _, t := range running {
		t.over.Lock()
		defer t.over.Unlock() // of no use to anybody
	}
}

// begin returns nil if the watcher is not to be told anything any more.
func (w *watcher) begin(goroutine int64) *telling {
	t := &telling{goroutine: goroutine}
	t.over.Lock()
	graph.mu.Lock()
	defer graph.mu.Unlock()
	if w.stopped {
		return nil
	}
	w.running = append(w.running, t)
	return t
}

func (w *watcher) end(t *telling) {
	defer t.over.Unlock()
	graph.mu.Lock()
	defer graph.mu.Unlock()
	w.running = slices.DeleteFunc(w.running, func(o *telling) bool { return o == t })
}

// tell calls the watcher's report. What the report locks is not checked: a hold of no lock stands for that meanwhile.
func (w *watcher) tell(goroutine int64, e *OrderError) {
	t := w.begin(goroutine)
	if t == nil {
		return
	}
	b := bucketOf(goroutine)
	b.mu.Lock()
	inReport := b.addLocked(goroutine, nil)
	b.mu.Unlock()
	defer func() { // after a Goexit, too
		if v := recover(); v != nil {
			slog.Default().Error("potok/lock: report of CheckOrder panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		}
		drop(inReport)
		w.end(t)
	}()
	w.report(e)
}
