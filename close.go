package potok

import (
	"context"
	"fmt"

	"github.com/potok-go/potok/internal/registry"
)

// Wait blocks until nothing is queued, running or between two attempts, and
// every callback has run. It takes nothing from the pool, which stays usable.
// Inside a call it does not wait for that call, nor for the one that this was
// submitted from, and so on, nor for others that wait like this; it lends the
// call's place. When ctx ends first it returns an error that
// matches ctx's. It is safe for concurrent use.
func (p *Pool) Wait(ctx context.Context) error {
	return p.settleDown(ctx, p.ledger.Wait)
}

// Shutdown takes no more calls, but from calls that still run, and blocks until
// all is done; then the workers are gone. Inside a call it waits for the others,
// as Wait does. When ctx ends first it cancels the rest as Close does, waits for
// nobody, and returns an error that matches ctx's. Of several Shutdowns and
// Closes each keeps its own promise. It is safe for concurrent use.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.ledger.BeginDrain()
	p.refuseBlocked()
	err := p.settleDown(ctx, p.ledger.Drain)
	if err != nil {
		p.mu.Lock()
		p.hurried = true
		p.unlock()
		p.kill()
		return err
	}
	p.stop(ctx)
	return nil
}

// Close takes no more calls, cancels what is queued and between two attempts,
// ends the contexts of running calls with cause ErrClosed, and blocks until the
// workers are gone. Inside a call, also in its callbacks and observers, it waits
// for the others only; there it is known by the goroutine it is called on, so
// from a goroutine that a call started it waits for the call too. It may be
// called any number of times. After a Shutdown whose ctx ended it does not wait
// and its error says how many calls still run; else it returns nil. It is safe
// for concurrent use.
func (p *Pool) Close() error {
	p.kill()
	p.flush()
	p.mu.Lock()
	hurried := p.hurried
	p.mu.Unlock()
	if n := p.ledger.Open(); hurried && n > 0 {
		return fmt.Errorf("potok: %d calls still run: %w", n, ErrClosed)
	}
	ctx := context.Background()
	if c := p.carried(); c != nil {
		ctx = c // a place to lend
	}
	ctx = context.WithoutCancel(ctx)
	err := p.settleDown(ctx, p.ledger.Wait)
	p.stop(ctx)
	return err
}

// settleDown waits for the ledger with the place of the enclosing call lent.
func (p *Pool) settleDown(ctx context.Context, wait func(context.Context) error) error {
	return Lend(ctx, func() error { return wait(ctx) })
}

// stop lets the workers go, when all calls are done, and waits until they are
// gone, unless the caller stands on one of them.
func (p *Pool) stop(ctx context.Context) {
	p.mu.Lock()
	if !p.stopping {
		p.stopping = true
		p.wakeIdleLocked()
		p.quietLocked()
	}
	p.endWatchesLocked()
	p.unlock()
	if !p.ledger.Inside(ctx) {
		<-p.quiet // they have nothing to do but to go
	}
}

// kill is Close without the waiting.
func (p *Pool) kill() {
	p.ledger.Shut()
	p.killed.Store(true) // before a running call ends on that account: nothing starts after it
	p.refuseBlocked()
	for _, x := range p.takeLive() {
		x.call.interrupt(ErrClosed)
	}
	p.mu.Lock()
	p.swept = true
	calls := p.sweepLocked()
	p.stopping = true
	p.wakeIdleLocked()
	p.quietLocked()
	p.endWatchesLocked()
	p.unlock()
	p.ledger.ExpireAll(calls, errCancelledByClose)
}

// sweepLocked returns every call that does not run. The caller holds mu.
func (p *Pool) sweepLocked() []registry.Expiring {
	var calls []registry.Expiring
	for k := p.spares; k != nil; k = k.nextSpare {
		k.takeFromLocked(true) // in chunks from now on
	}
	for k := p.chunks; k != nil; k = k.nextLive {
		if k.phase() == phasePending {
			calls = append(calls, k)
		}
	}
	add := func(j job) {
		if _, listed := j.(*chunk); listed {
			return
		}
		if c := j.base(); c.phase() == phasePending {
			calls = append(calls, c)
		}
	}
	p.emptyLocked() // who was let in before Close is in by then, and nobody comes after
	p.queue.each(add)
	for _, w := range p.workers {
		if w.hand != nil {
			add(w.hand)
		}
	}
	for w := p.batched; w != nil; w = w.nextBatched {
		w.eachLeftLocked(add)
	}
	for c := range p.waiting {
		calls = append(calls, c)
	}
	return calls
}

// quietLocked closes quiet once nothing of the pool runs. The caller holds mu.
func (p *Pool) quietLocked() {
	if p.stopping && p.alive == 0 && p.helpers == 0 {
		select {
		case <-p.quiet:
		default:
			close(p.quiet)
		}
	}
}

// flush makes the ledger know what the workers have finished, and what has not
// come though it was entered.
func (p *Pool) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in.mu.Lock()
	credit := p.credit + p.in.credit
	p.credit, p.in.credit = 0, 0
	p.in.mu.Unlock()
	if credit > 0 {
		p.ledger.Leave(credit)
	}
	for _, w := range p.workers {
		w.tellLocked()
	}
	for k := p.chunks; k != nil; k = k.nextLive {
		k.tellLocked()
	}
}

// carried returns the call that runs on this goroutine, or nil.
func (p *Pool) carried() *call {
	c, _ := p.ledger.Carried().(*call)
	return c
}
