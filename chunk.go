package potok

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// A chunk is a run of items of one Map: one job for the queue, and for its items
// one call, whose context they get one after the other. So an item costs little
// more than its function, and is a call all the same: it can be cancelled, counted,
// lent the place of and taken over by another worker, one by one.
//
//	pending ──► running ──► over     a worker runs its items
//	   └──────────────────► over     it was cancelled, and why says by what
//
// The worker stops in front of an item that is not his any more, or must not run
// on his place or with this context: since an item has asked its context for
// something that must end with it, has panicked, or somebody wants the place. What
// is left is a new chunk then, next in the list of those that the items are in.
// Thieves make one of the later half of what is left. They and the worker agree as
// they do on windows (batch.go), with pos and shut. Storing pos also publishes the
// items before it, to whoever takes their results.
//
// An item that asks nothing shares its context with those after it: of a ctx that
// is used for the first time when its call has returned, the end may come only with
// the end of the chunk.
type chunk struct {
	call
	of    items
	lo    int          // its first item
	pos   atomic.Int64 // the item that its worker runs or comes to; those before are done
	shut  atomic.Int64 // its items end here now; written under the pool's mu
	fill  atomic.Int64 // how many items were put in, and sealed: no more will be
	over  atomic.Bool  // nothing of it will run any more
	why   error        // what cancelled the items from pos on; read once over
	next  *chunk       // has the items from shut on; guarded by mu until over
	began time.Time
	stamp uint64 // of the pool's submits, when it was queued

	failed, cancelled atomic.Int64 // of the items that ran

	// Guarded by the pool's mu.
	open, told           int // items that entered the ledger; that have left it
	nextLive, prevLive   *chunk
	nextSpare, prevSpare *chunk // of the chunks with items to spare
	spares               bool
}

// sealed is a flag in fill.
const sealed = 1 << 62

// items are what a chunk is made of.
type items interface {
	// run runs the chunk's items for as long as they are its own. Panics pass
	// through.
	run(k *chunk)
	// fail notes how an item failed.
	fail(i int, err error)
	// settled is told that a chunk is over, and wakes who waits for it.
	settled(k *chunk)
	// piece says how many to take at once of those that are left.
	piece(left int) int
	// refusal says why the items from i on must not run; nil: they may.
	refusal(i int) error
}

func newChunk(s *scope, of items, lo, hi int) *chunk {
	k := &chunk{of: of, lo: lo, open: hi - lo}
	k.scope = s
	k.pos.Store(int64(lo))
	k.shut.Store(int64(hi))
	k.fill.Store(int64(hi-lo) | sealed)
	return k
}

// A chunk is a job, though a worker runs it in a way of its own: runChunk.

func (k *chunk) base() *call           { return &k.call }
func (k *chunk) reset()                {}
func (k *chunk) release()              {}
func (k *chunk) options() *taskOptions { return nil }
func (k *chunk) name() string          { return "" }
func (k *chunk) patient() bool         { return true }

func (k *chunk) invoke(context.Context) error {
	k.of.run(k)
	return nil
}

// takesChunks says whether items of a Map can run in chunks: where no item needs a
// look of its own, on account of an observer or of a limit on what is queued.
func (p *Pool) takesChunks() bool { return p.quick }

// mayGrow says whether an item may still be put into a chunk: not once the pool
// closes, and with one worker, who starts in order of submission, only while nothing
// was submitted since.
func (p *Pool) mayGrow(k *chunk) bool {
	return !p.ledger.Refuses() && (p.size > 1 || p.submits.Load() == k.stamp)
}

// newScope returns a scope for the chunks of one Map, whose context is run. The
// pool does not watch it; sweepWhenOver does.
func newScope(run context.Context, p *Pool) *scope {
	return &scope{host: &p.host, pool: p, ctx: run, done: run.Done()}
}

// acceptChunk takes a chunk, or returns why not: it was not begun then. ctx is that
// of the Map.
func (p *Pool) acceptChunk(ctx context.Context, k *chunk) error {
	inside := p.ledger.Draining() && p.runsHere(ctx)
	for p.mu.Lock(); !p.ledger.Enter(k.open, inside); p.mu.Lock() {
		p.unlock()
		// Shutdown may have begun just now: look where the call comes from.
		if inside || p.ledger.Closed() || !p.runsHere(ctx) {
			p.ledger.Unrun(true, 1)
			return ErrClosed
		}
		inside = true
	}
	k.liveLocked()
	k.stamp = p.submits.Add(1)
	if p.swept || k.scope.over() {
		p.unlock()
		why := errCancelledByClose
		if k.scope.over() {
			why = cancelledBy(k.scope.ctx)
		}
		k.abandon(why)
		return nil
	}
	p.placeLocked(k)
	p.unlock()
	return nil
}

// sweepWhenOver cancels the chunks of a scope that do not run when its ctx ends.
// Who calls it has to end it, by the function that it returns.
func (p *Pool) sweepWhenOver(s *scope) (end func()) {
	swept := make(chan struct{})
	stop := context.AfterFunc(s.ctx, func() {
		defer close(swept)
		p.sweepChunks(s)
	})
	return func() {
		if !stop() {
			<-swept
		}
	}
}

// sweepChunks cancels the chunks of a scope that do not run.
func (p *Pool) sweepChunks(s *scope) {
	var pending []*chunk
	p.mu.Lock()
	for k := p.chunks; k != nil; k = k.nextLive {
		if k.scope == s && k.phase() == phasePending {
			pending = append(pending, k)
		}
	}
	p.mu.Unlock()
	for _, k := range pending {
		k.abandon(cancelledBy(s.ctx))
	}
}

// mine says whether the worker may run item i now.
func (k *chunk) mine(i int) bool {
	k.pos.Store(int64(i))
	if i >= int(k.shut.Load()) {
		return i < int(k.end()) && k.mine(i)
	}
	p := k.scope.pool
	return k.more.Load() == nil && p.wanted.Load() == 0 && !p.killed.Load() && k.scope.ctx.Err() == nil
}

// end returns shut once no thief is about to change it.
func (k *chunk) end() int64 {
	p := k.scope.pool
	p.mu.Lock()
	defer p.unlock()
	return k.shut.Load()
}

// note notes the error of an item that ran.
func (k *chunk) note(i int, err error) {
	to, err := k.classify(err)
	if to == phaseCancelled {
		k.cancelled.Add(1)
	} else {
		k.failed.Add(1)
		k.scope.host.Ledger.Asked(1) // who ranges over the results sees it
	}
	k.of.fail(i, err)
}

// Expire is part of registry.Expiring.
func (k *chunk) Expire(cause error) (finish func(*registry.Seat)) {
	k.abandon(cause)
	return nil
}

// abandon cancels the chunk if it does not run.
func (k *chunk) abandon(why error) {
	if !k.move(phasePending, phaseCancelling) {
		return
	}
	p := k.scope.pool
	k.why = why
	p.mu.Lock()
	k.sealLocked()
	n := int(k.shut.Load()) - k.lo
	k.unliveLocked()
	p.entered += uint64(n)
	p.ledger.Withdrawn(n)
	p.ledger.Unrun(false, n)
	if i := slices.Index(p.ahead, k); i >= 0 {
		p.ahead = slices.Delete(p.ahead, i, i+1)
	}
	p.unlock()
	p.withdrawn(&k.call)
	k.state.Store(phaseCancelled | phaseReleased)
	k.finish(k.open)
}

// refuse ends a chunk that the pool did not take. Nobody else has it.
func (k *chunk) refuse(why error) {
	k.shut.Store(int64(k.lo) + k.fill.Or(sealed))
	k.why = why
	k.state.Store(phaseFailed | phaseReleased)
	k.over.Store(true)
}

// finish makes known that the chunk is over, when all that it holds is given back.
func (k *chunk) finish(open int) {
	k.endContext()
	k.scope.pool.ledger.Leave(open) // before anybody wakes who may look there
	k.over.Store(true)
	k.of.settled(k)
}

// sealLocked ends the filling. The caller holds mu.
func (k *chunk) sealLocked() {
	n := k.fill.Or(sealed)
	if n&sealed != 0 {
		return
	}
	k.shut.Store(int64(k.lo) + n)
	if room := k.open - int(n); room > 0 {
		k.open = int(n)
		k.scope.pool.ledger.Leave(room)
	}
}

// splitLocked makes the items from i to end on a chunk of their own. The caller
// holds mu.
func (k *chunk) splitLocked(i, end int) *chunk {
	rest := newChunk(k.scope, k.of, i, end)
	rest.next, k.next = k.next, rest
	k.shut.Store(int64(i))
	k.open -= rest.open
	rest.liveLocked()
	return rest
}

// liveLocked makes the chunk known to the pool. The caller holds mu.
func (k *chunk) liveLocked() {
	p := k.scope.pool
	k.nextLive = p.chunks
	if p.chunks != nil {
		p.chunks.prevLive = k
	}
	p.chunks = k
}

func (k *chunk) unliveLocked() {
	p := k.scope.pool
	if k.prevLive != nil {
		k.prevLive.nextLive = k.nextLive
	} else {
		p.chunks = k.nextLive
	}
	if k.nextLive != nil {
		k.nextLive.prevLive = k.prevLive
	}
	k.nextLive, k.prevLive = nil, nil
	k.keepLocked()
}

// spareLocked makes the chunk known to thieves. The caller holds mu.
func (k *chunk) spareLocked() {
	p := k.scope.pool
	k.spares = true
	k.nextSpare = p.spares
	if p.spares != nil {
		p.spares.prevSpare = k
	}
	p.spares = k
}

// keepLocked takes that back. The caller holds mu.
func (k *chunk) keepLocked() {
	if !k.spares {
		return
	}
	p := k.scope.pool
	k.spares = false
	if k.prevSpare != nil {
		k.prevSpare.nextSpare = k.nextSpare
	} else {
		p.spares = k.nextSpare
	}
	if k.nextSpare != nil {
		k.nextSpare.prevSpare = k.prevSpare
	}
	k.nextSpare, k.prevSpare = nil, nil
}

// countLocked counts what the ledger does not know of the chunk. The caller holds
// mu.
func (k *chunk) countLocked(n *registry.Uncounted) {
	filled := k.shut.Load() - int64(k.lo)
	if f := k.fill.Load(); f&sealed == 0 {
		filled = f
	}
	done := k.pos.Load() - int64(k.lo)
	failed, cancelled := k.failed.Load(), k.cancelled.Load()
	n.Entered += uint64(filled)
	n.Succeeded += uint64(max(0, done-failed-cancelled))
	n.Failed += uint64(failed)
	n.Cancelled += uint64(cancelled)
	if p := k.phase(); (p == phaseRunning || p == phaseEnding) && done < filled {
		n.Running++
	}
}

// tellLocked lets the items leave the ledger that are done. The caller holds mu.
func (k *chunk) tellLocked() {
	done := int(k.pos.Load()) - k.lo
	if n := done - k.told; n > 0 {
		k.told = done
		k.scope.pool.ledger.Leave(n)
	}
}
