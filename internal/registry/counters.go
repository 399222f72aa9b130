package registry

import (
	"sync"
	"sync/atomic"
)

// Counters is the part of a ledger that Stats is read from. Everything is a
// count that only grows; what stands in between is a difference:
//
//	queued  = entered + requeued − started − withdrawn
//	running = started − ended − again
//	waiting = again − requeued − abandoned
//
// so no counter is written by two goroutines in the fast path.
type Counters struct {
	entered     atomic.Uint64 // calls accepted, if the executor does not count them itself
	requeued    atomic.Uint64 // attempts queued again after a wait
	withdrawn   atomic.Uint64 // calls that left the queue without a start
	abandoned   atomic.Uint64 // calls cancelled between attempts
	unrunFailed atomic.Uint64 // calls that failed without a start: refused
	unrunCancel atomic.Uint64 // calls cancelled without a start, or between attempts
	asked       atomic.Uint64 // failed calls whose outcome somebody asked for

	ids atomic.Uint64 // calls numbered for observers

	// Common is for attempts that no worker's own tally counts. Any number of
	// goroutines may write it.
	Common Tally

	mu      sync.Mutex // guards the fields below
	tallies []*Tally
	items   Items
}

// A Tally counts what one worker did.
type Tally struct {
	Started   atomic.Uint64 // attempts begun; only in Common
	Again     atomic.Uint64 // attempts ended that will be followed by another
	Succeeded atomic.Uint64
	Failed    atomic.Uint64
	Cancelled atomic.Uint64
	_         [24]byte // a cache line of its own: workers do not slow each other down
}

// Items are what became of the items of chunks. A chunk is one owner's, and of its
// items at most one runs: they start and end many at a time, so both is counted at
// once, or Sum would see all of them run.
type Items struct {
	Started                      int // may be less than nothing: what was counted too early
	Succeeded, Failed, Cancelled int
}

// Ran counts items of a chunk. Those that failed are asked for by the range that they
// belong to.
func (c *Counters) Ran(n Items) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items.Started += n.Started
	c.items.Succeeded += n.Succeeded
	c.items.Failed += n.Failed
	c.items.Cancelled += n.Cancelled
}

// Uncounted is what an executor with workers of its own adds to the sums, because
// counting it one by one would cost as much as everything else.
type Uncounted struct {
	Entered   uint64 // calls that it accepted, ever
	Running   uint64 // attempts that have begun and not ended; no Tally counts what begins
	Succeeded uint64 // calls that are in no Tally yet, as the next two
	Failed    uint64
	Cancelled uint64
}

// Tally adds a worker's tally to the sums.
func (c *Counters) Tally(t *Tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tallies = append(c.tallies, t)
}

// NextID numbers the calls of an executor from 1.
func (c *Counters) NextID() uint64 { return c.ids.Add(1) }

// Entered counts n calls that were accepted.
func (c *Counters) Entered(n int) { c.entered.Add(uint64(n)) }

// Withdrawn counts n calls that left the queue without a start.
func (c *Counters) Withdrawn(n int) { c.withdrawn.Add(uint64(n)) }

// Unrun counts n calls that settle without a start, as Failed or as Cancelled.
func (c *Counters) Unrun(failed bool, n int) {
	if failed {
		c.unrunFailed.Add(uint64(n))
	} else {
		c.unrunCancel.Add(uint64(n))
	}
}

// Requeued counts an attempt queued again, Abandoned a call cancelled between
// attempts, Asked n failed calls whose outcome was asked for the first time.
func (c *Counters) Requeued()   { c.requeued.Add(1) }
func (c *Counters) Abandoned()  { c.abandoned.Add(1) }
func (c *Counters) Asked(n int) { c.asked.Add(uint64(n)) }

// Sums are the counts at about one moment: exact when nothing moves.
type Sums struct {
	Queued, Running, Waiting             int
	Succeeded, Failed, Cancelled, Unread uint64
}

// Sum reads the counters, what ends before what begins, so that no difference
// is ever negative. uncounted, if not nil, adds what the executor knows by itself.
func (c *Counters) Sum(uncounted func() Uncounted) Sums {
	asked := c.asked.Load()
	withdrawn, abandoned := c.withdrawn.Load(), c.abandoned.Load()
	requeuedBefore := c.requeued.Load()
	c.mu.Lock()
	tallies, items := c.tallies, c.items
	c.mu.Unlock()
	asked += uint64(items.Failed)
	var succeeded, failed, cancelled, againBefore, again, started uint64
	read := func(t *Tally) {
		succeeded += t.Succeeded.Load()
		failed += t.Failed.Load()
		cancelled += t.Cancelled.Load()
		againBefore += t.Again.Load()
	}
	for _, t := range tallies {
		read(t)
	}
	var more Uncounted
	if uncounted != nil {
		more = uncounted()
	}
	succeeded += more.Succeeded
	failed += more.Failed
	cancelled += more.Cancelled
	started = succeeded + failed + cancelled + againBefore + more.Running
	read(&c.Common)
	succeeded += uint64(items.Succeeded)
	failed += uint64(items.Failed)
	cancelled += uint64(items.Cancelled)
	ended := succeeded + failed + cancelled
	started += c.Common.Started.Load() + uint64(items.Started)
	for _, t := range tallies {
		again += t.Again.Load()
	}
	again += c.Common.Again.Load()
	queuedIn := c.requeued.Load() + c.entered.Load() + more.Entered
	failed += c.unrunFailed.Load()
	return Sums{
		Queued:    max(0, int(queuedIn-started-withdrawn)), // one may be ending, and counted twice
		Running:   int(started - ended - againBefore),
		Waiting:   int(again - requeuedBefore - abandoned),
		Succeeded: succeeded,
		Failed:    failed,
		Cancelled: cancelled + c.unrunCancel.Load(),
		Unread:    failed - min(asked, failed),
	}
}
