package potok

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// A remoteChunk is a run of items of one Map in the hands of another executor than
// Pool, which drives it as a registry.Chunk. For its items it is one call, whose
// context they share.
//
//	pending ──► running ──► over     the executor runs its items
//	   └──────────────────► over     it was cancelled or refused, and why says by what
//
// Storing done publishes the results of the items before it, and storing over all
// that there is. A chunk counts in the ledger until it is over, all its items at once.
// In the statistics an item counts as started when those before it are done: so of a
// chunk one runs, and never more.
type remoteChunk[In, Out any] struct {
	call
	m       *remoteMapping[In, Out]
	outs    []Out
	claimed atomic.Bool               // the executor was asked to accept it, or never will be
	done    atomic.Int64              // the items before it are done, the executor's to write
	over    atomic.Bool               // nothing of it will run any more
	why     error                     // of the items from done on; read once over
	failed  atomic.Pointer[[]failure] // by number, of the items that are done and some more; nil: none
	sent    time.Time                 // when it was handed over

	// The executor's, who runs it:
	view    []Out         // what Results has given out
	started int           // items that count as such
	took    time.Duration // that its items have run; 0: not known

	// Guarded by m's mu:
	ins  []In                  // also written there only; nil once it will not run any more
	size int                   // written there only; final once over
	shut bool                  // it will not be split any more
	next *remoteChunk[In, Out] // has the items from size on, or those handed over next
}

var _ registry.Chunk = (*remoteChunk[int, int])(nil)

// Len and At make a chunk a batch of itself.
func (k *remoteChunk[In, Out]) Len() int                    { return 1 }
func (k *remoteChunk[In, Out]) At(int) registry.Call        { return k }
func (k *remoteChunk[In, Out]) Task() *registry.Task        { return k.m.task }
func (k *remoteChunk[In, Out]) Out() any                    { return nil }
func (k *remoteChunk[In, Out]) Context() context.Context    { return k.scope.ctx }
func (k *remoteChunk[In, Out]) Chunk() int                  { return k.m.chunk }
func (k *remoteChunk[In, Out]) Timeout() time.Duration      { return 0 }
func (k *remoteChunk[In, Out]) Plain() bool                 { return true }
func (k *remoteChunk[In, Out]) Requeue() bool               { return false }
func (k *remoteChunk[In, Out]) Expiring() registry.Expiring { return k }

// In is good also for a chunk that Split has made, and that may be cancelled meanwhile: then the arguments are none, or
// stay as they are.
func (k *remoteChunk[In, Out]) In() any {
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	ins := k.ins
	return &ins
}

// Items is how many there are.
func (k *remoteChunk[In, Out]) Items() int {
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	return k.size
}

// Accept enters the items in the ledger.
func (k *remoteChunk[In, Out]) Accept(h *registry.Host, ticket any) bool {
	if !k.claimed.CompareAndSwap(false, true) {
		return false
	}
	k.scope = k.scope.at(h)
	ctx, n := k.scope.ctx, k.Items()
	if !h.Ledger.Enter(n, h.Ledger.Draining() && h.Ledger.Encloses(ctx)) {
		h.Ledger.Unrun(true, n)
		h.Ledger.Asked(n) // who ranges over the results sees it
		k.turnAway()
		return false
	}
	h.Ledger.Entered(n)
	x := k.extend()
	x.outer, x.ticket = k, ticket
	if k.scope.over() {
		k.abandon(phaseCancelling, phaseCancelled, cancelledBy(ctx))
		return false
	}
	k.expireWithContext()
	return true
}

// turnAway fails a chunk that the executor does not take, nor any other.
func (k *remoteChunk[In, Out]) turnAway() {
	k.m.refused.Store(true)
	k.why = ErrClosed
	k.shutItems()
	k.state.Store(phaseFailed | phaseReleased | phaseRefused)
	k.over.Store(true)
	k.m.left(k)
}

// drop ends a chunk whose Dispatch did not come to accepting it: no item has a pair.
func (k *remoteChunk[In, Out]) drop() {
	k.shutItems()
	k.m.mu.Lock()
	k.size = 0
	k.m.mu.Unlock()
	k.state.Store(phaseCancelled | phaseReleased)
	k.over.Store(true)
	k.m.left(k)
}

// expireWithContext cancels the chunk when the range's context ends, if it does not run
// then; if it does, the executor is told.
func (k *remoteChunk[In, Out]) expireWithContext() {
	k.watch(func() {
		k.withdraw(cancelledBy(k.scope.ctx))
		k.tellEnded()
	})
}

// Began says that the chunk has started.
func (k *remoteChunk[In, Out]) Began() (context.Context, bool) {
	if !k.move(phasePending, phaseRunning) {
		return nil, false
	}
	k.count(0, registry.Items{})
	return &k.call, true
}

// Start is Began for those who have not sent it yet.
func (k *remoteChunk[In, Out]) Start(string) (context.Context, bool) {
	if k.scope.over() {
		k.withdraw(cancelledBy(k.scope.ctx))
	}
	return k.Began()
}

// count counts items that have ended, and what has started when those before done are
// done.
func (k *remoteChunk[In, Out]) count(done int, ended registry.Items) {
	ended.Started = min(done+1, k.Items()) - k.started
	k.started += ended.Started
	k.scope.host.Ledger.Ran(ended)
}

// Results returns a pointer to n results to store.
func (k *remoteChunk[In, Out]) Results(i, n int) any {
	k.view = k.outs[i : i+n : i+n]
	clear(k.view) // a worker may have died in the middle of storing
	return &k.view
}

// Fail says how an item has failed.
func (k *remoteChunk[In, Out]) Fail(i int, err error) {
	k.awaitDeadline(err)
	to, err := k.classify(err)
	all := k.failed.Load()
	if all == nil {
		made := make([]failure, len(k.outs))
		all = &made
		k.failed.Store(all)
	}
	(*all)[i] = failure{err, to == phaseCancelled}
}

// A failure is how an item ended that did not succeed.
type failure struct {
	err       error // nil: it did
	cancelled bool
}

// failures returns those of the items that are done, by their numbers; nil: none has
// failed.
func (k *remoteChunk[In, Out]) failures() []failure {
	if all := k.failed.Load(); all != nil {
		return *all
	}
	return nil
}

// Done says that the items before i are done.
func (k *remoteChunk[In, Out]) Done(i int) {
	before := int(k.done.Load())
	if i <= before {
		return
	}
	ended := registry.Items{Succeeded: i - before}
	if all := k.failures(); all != nil {
		for _, f := range all[before:i] {
			switch {
			case f.cancelled:
				ended.Cancelled++
			case f.err != nil:
				ended.Failed++
			}
		}
		ended.Succeeded -= ended.Cancelled + ended.Failed
	}
	k.count(i, ended)
	k.done.Store(int64(i)) // now that Stats knows of them
	k.m.wake(&k.call)
}

// Took says how long the items have run.
func (k *remoteChunk[In, Out]) Took(d time.Duration) { k.took = d }

// Split makes the items from i on a chunk of its own.
func (k *remoteChunk[In, Out]) Split(i int, ticket any) registry.Chunk {
	m := k.m
	rest := &remoteChunk[In, Out]{m: m, outs: k.outs[i:], sent: k.sent}
	rest.scope = k.scope
	rest.claimed.Store(true)
	x := rest.extend()
	x.outer, x.ticket = rest, ticket
	m.mu.Lock()
	shut := k.shut
	if !shut {
		rest.size, k.size = k.size-i, i
		rest.ins, k.ins = k.ins[i:], k.ins[:i:i]
		rest.next, k.next = k.next, rest
		if m.tail == k {
			m.tail = rest
		}
		m.inside++
	}
	m.mu.Unlock()
	if shut { // cancelled just now, these items too
		rest.state.Store(phaseCancelled | phaseReleased)
		rest.withdrawnRemote()
		return rest
	}
	if k.phase() == phaseRunning {
		k.count(int(k.done.Load()), registry.Items{}) // the next one may be none of its own
	}
	rest.expireWithContext()
	return rest
}

// Settle ends the chunk. Items that are not done fail with err.
func (k *remoteChunk[In, Out]) Settle(err error) (time.Duration, bool) {
	k.awaitDeadline(err)
	k.move(phaseRunning, phaseEnding)
	k.scope.host.Ledger.Forget(&k.call)
	k.unwatch()
	n := k.shutItems()
	if left := n - int(k.done.Load()); left > 0 {
		to, why := k.classify(err)
		switch to {
		case phaseSucceeded:
			panic("potok: a chunk ends with items that are not done")
		case phaseFailed:
			k.count(n, registry.Items{Failed: left})
		default:
			k.count(n, registry.Items{Cancelled: left})
		}
		k.why = why
	}
	k.end(phaseSucceeded, n)
	return 0, false
}

// Refuse fails a queued chunk that cannot start.
func (k *remoteChunk[In, Out]) Refuse(err error) bool {
	return k.abandon(phaseRefusing, phaseFailed, err)
}

// Cancel cancels what is not done: all, or the context of what runs.
func (k *remoteChunk[In, Out]) Cancel(cause error) bool {
	why := newCancelledError(context.Canceled, cause, nil)
	for !k.withdraw(why) {
		switch k.phase() {
		case phasePending: // it is about to begin, or to be withdrawn by somebody else
			runtime.Gosched()
		case phaseRunning, phaseEnding:
			k.interrupt(cause)
			return true
		case phaseCancelling, phaseCancelled:
			return true
		default:
			return false
		}
	}
	return true
}

// Expire is part of registry.Expiring.
func (k *remoteChunk[In, Out]) Expire(cause error) (finish func(*registry.Seat)) {
	k.withdraw(cancelledFor(cause))
	return nil
}

// withdraw cancels the chunk if it does not run and the executor lets go of it.
func (k *remoteChunk[In, Out]) withdraw(why *cancelledError) bool {
	return k.phase() == phasePending && k.mayWithdraw() && k.abandon(phaseCancelling, phaseCancelled, why)
}

// abandon settles a chunk that the executor has accepted and that does not run.
func (k *remoteChunk[In, Out]) abandon(settling, to phase, why error) bool {
	if !k.move(phasePending, settling) {
		return false
	}
	l, n := k.scope.host.Ledger, k.shutItems()
	l.Withdrawn(n)
	l.Unrun(to == phaseFailed, n)
	if to == phaseFailed {
		l.Asked(n) // who ranges over the results sees it
	}
	k.withdrawnRemote()
	k.why = why
	k.end(to, n)
	return true
}

// end makes known that the chunk is over, when all that it holds is given back.
func (k *remoteChunk[In, Out]) end(to phase, n int) {
	k.state.Store(to | phaseReleased)
	k.endContext()
	k.scope.host.Ledger.Leave(n) // before anybody wakes who may look there
	if to == phaseSucceeded {
		k.m.measure(k, n)
	}
	k.over.Store(true)
	k.m.left(k)
}

// shutItems says how many items there are and will be, and drops their inputs: one by
// one, as those of other chunks stand in the same array.
func (k *remoteChunk[In, Out]) shutItems() int {
	k.m.mu.Lock()
	defer k.m.mu.Unlock()
	k.shut = true
	if k.phase() == phaseEnding { // of one that never ran, somebody may be reading them
		clear(k.ins)
	}
	k.ins = nil
	return k.size
}

// release is part of releaser: it is done already.
func (k *remoteChunk[In, Out]) release() {}
