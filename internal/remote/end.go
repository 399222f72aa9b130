package remote

import (
	"context"
	"fmt"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// Stats returns how many calls there are in which state. A call that is being
// settled has given its place back and counts as running no more.
func (x *Executor) Stats() potok.Stats {
	sums := x.ledger.Sum(nil)
	x.mu.Lock()
	places, busy := x.config.Places, x.busy
	if g := x.group; g != nil {
		places, busy = g.places, g.begun
	}
	x.mu.Unlock()
	return potok.Stats{
		Workers:   places,
		Idle:      max(0, places-busy),
		Queued:    sums.Queued,
		Running:   max(0, min(places, sums.Running)),
		Waiting:   sums.Waiting,
		Succeeded: sums.Succeeded,
		Failed:    sums.Failed,
		Cancelled: sums.Cancelled,
		Unread:    sums.Unread,
	}
}

// Closed says whether no more calls come, and those that there are are cancelled.
func (x *Executor) Closed() bool { return x.ledger.Closed() }

// Open says whether there are calls that have not ended: after Close only such as it was called from.
func (x *Executor) Open() bool { return x.ledger.Open() > 0 }

// Busy returns how many lanes have calls.
func (x *Executor) Busy() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.busy
}

// Wait blocks until nothing is queued, running or between two attempts.
func (x *Executor) Wait(ctx context.Context) error {
	return potok.Lend(ctx, func() error { return x.ledger.Wait(ctx) })
}

// Shutdown takes no more calls and blocks until all is done, or ctx ends; then
// it cancels the rest and waits for nobody.
func (x *Executor) Shutdown(ctx context.Context) error {
	x.ledger.BeginDrain()
	x.refuseBlocked()
	if err := potok.Lend(ctx, func() error { return x.ledger.Drain(ctx) }); err != nil {
		x.mu.Lock()
		x.hurried = true
		x.mu.Unlock()
		x.kill()
		return err
	}
	x.stop(ctx)
	return nil
}

// Close takes no more calls, cancels those that there are and blocks until they
// have ended, but for the one it is called from.
func (x *Executor) Close() error {
	x.kill()
	x.mu.Lock()
	hurried := x.hurried
	x.mu.Unlock()
	if hurried {
		if n := x.ledger.Open(); n > 0 {
			return fmt.Errorf("potok: %d calls still run: %w", n, potok.ErrClosed)
		}
		return nil
	}
	ctx := context.Background()
	if err := x.ledger.Wait(ctx); err != nil {
		return err
	}
	x.stop(ctx)
	return nil
}

// stop waits for the goroutines, unless the caller stands on one of them. The
// ledger is closed and empty, so no more of them start.
func (x *Executor) stop(ctx context.Context) {
	x.mu.Lock()
	if x.watching && x.watch.Stop() {
		x.watching = false
		x.flights.Done()
	}
	x.mu.Unlock()
	if !x.ledger.Inside(ctx) {
		x.flights.Wait()
	}
}

// Landed blocks until all calls have ended, and their callbacks.
func (x *Executor) Landed() {
	_ = x.ledger.Wait(context.Background()) // it does not end
	x.flights.Wait()
}

// kill cancels every call.
func (x *Executor) kill() {
	x.ledger.Shut()
	x.refuseBlocked()
	var running []registry.Call
	var still []registry.Expiring
	x.mu.Lock()
	x.killed = true
	// First of all: who sees his context end must not give his place to one of them.
	x.queue.take(func(it *Item) bool { return !it.started })
	for _, l := range x.lanes {
		l.recallLocked(MaxCredit)
	}
	for it := x.items; it != nil; it = it.next {
		if s := it.at; s != nil && s.group != nil && !it.started && !s.starting && s.carrier.Withdraw(s) {
			s.voidLocked()
		}
		switch {
		case !it.accepted: // dispatch sees killed
		case it.started:
			running = append(running, it.Call)
		default:
			still = append(still, it.Call.Expiring())
		}
	}
	x.mu.Unlock()
	for _, c := range running {
		c.Cancel(potok.ErrClosed)
	}
	x.ledger.ExpireAll(still, potok.ErrClosed)
}
