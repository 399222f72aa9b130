package remote

import (
	"context"

	"github.com/potok-go/potok"
)

// blocked is somebody who waits for room in the backlog.
type blocked struct {
	wake    chan struct{} // closed when granted, or when nobody gets room any more
	granted bool
}

// roomLocked says whether one more call may be taken: into the backlog, or past
// it to an idle worker. The caller holds mu.
func (x *Executor) roomLocked() bool {
	if x.config.Backlog < 0 {
		return true
	}
	queued, idle := x.queue.n, len(x.lanes)-x.busy
	if g := x.group; g != nil {
		queued, idle = queued+g.out-g.begun, max(0, g.places-g.begun)
	}
	return queued+x.reserved < x.config.Backlog+idle
}

// grantLocked gives room to who waits for it. The caller holds mu.
func (x *Executor) grantLocked() {
	for len(x.blocked) > 0 && x.roomLocked() {
		x.reserved++
		x.blocked[0].granted = true
		x.unblockLocked(0)
	}
}

func (x *Executor) unblockLocked(i int) {
	close(x.blocked[i].wake)
	x.blocked = append(x.blocked[:i], x.blocked[i+1:]...)
}

// reserve waits for room and says whether it was given. Without it Accept will
// refuse the call, because ctx has ended or the executor takes no more.
func (x *Executor) reserve(ctx context.Context) bool {
	if x.config.Backlog < 0 {
		return false // room is not counted
	}
	x.mu.Lock()
	if ctx.Err() != nil || x.broken != nil || x.ledger.Draining() || x.ledger.Closed() {
		x.mu.Unlock()
		return false
	}
	if len(x.blocked) == 0 && x.roomLocked() {
		x.reserved++
		x.mu.Unlock()
		return true
	}
	b := &blocked{wake: make(chan struct{})}
	x.blocked = append(x.blocked, b)
	x.mu.Unlock()
	_ = potok.Lend(ctx, func() error {
		select {
		case <-b.wake:
		case <-ctx.Done():
		}
		return nil
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, other := range x.blocked {
		if other == b {
			x.unblockLocked(i)
		}
	}
	return b.granted
}

// refuseBlocked wakes all who wait for room: Accept refuses them.
func (x *Executor) refuseBlocked() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.blocked) > 0 {
		x.unblockLocked(0)
	}
}
