package exectest

import (
	"context"
	"fmt"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// Stats returns how many calls there are in which state. A call that is being
// settled has given its place back and counts as running no more.
func (w *Wire) Stats() potok.Stats {
	sums := w.ledger.Sum(nil)
	w.mu.Lock()
	idle := len(w.places)
	w.mu.Unlock()
	return potok.Stats{
		Workers:   w.size,
		Idle:      idle,
		Queued:    sums.Queued,
		Running:   min(w.size, sums.Running),
		Waiting:   sums.Waiting,
		Succeeded: sums.Succeeded,
		Failed:    sums.Failed,
		Cancelled: sums.Cancelled,
		Unread:    sums.Unread,
	}
}

// Wait blocks until nothing is queued, running or between two attempts.
func (w *Wire) Wait(ctx context.Context) error {
	return potok.Lend(ctx, func() error { return w.ledger.Wait(ctx) })
}

// Shutdown takes no more calls and blocks until all is done, or ctx ends; then
// it cancels the rest and waits for nobody.
func (w *Wire) Shutdown(ctx context.Context) error {
	w.ledger.BeginDrain()
	w.refuseBlocked()
	if err := potok.Lend(ctx, func() error { return w.ledger.Drain(ctx) }); err != nil {
		w.mu.Lock()
		w.hurried = true
		w.mu.Unlock()
		w.kill()
		return err
	}
	w.stop(ctx)
	return nil
}

// Close takes no more calls, cancels those that there are and blocks until they
// have ended, but for the one it is called from.
func (w *Wire) Close() error {
	w.kill()
	w.mu.Lock()
	hurried := w.hurried
	w.mu.Unlock()
	if hurried {
		if n := w.ledger.Open(); n > 0 {
			return fmt.Errorf("exectest: %d calls still run: %w", n, potok.ErrClosed)
		}
		return nil
	}
	ctx := context.Background()
	if err := w.ledger.Wait(ctx); err != nil {
		return err
	}
	w.stop(ctx)
	return nil
}

// stop waits for the goroutines, unless the caller stands on one of them. The
// ledger is closed and empty, so no more of them start.
func (w *Wire) stop(ctx context.Context) {
	if !w.ledger.Inside(ctx) {
		w.flights.Wait()
	}
}

// kill cancels every call.
func (w *Wire) kill() {
	w.ledger.Shut()
	w.refuseBlocked()
	w.mu.Lock()
	w.killed = true
	w.queue = nil // first of all: who sees his context end must not give his place to one of them
	var running []registry.Call
	var still []registry.Expiring
	for c, it := range w.items {
		switch {
		case !it.accepted: // dispatch sees killed
		case it.running:
			running = append(running, c)
		default:
			still = append(still, c.Expiring())
		}
	}
	w.mu.Unlock()
	for _, c := range running {
		c.Cancel(potok.ErrClosed)
	}
	w.ledger.ExpireAll(still, potok.ErrClosed)
}
