package potok

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// A call is the context that its function gets. Deadline and values are those
// of the ctx given to Submit; Value also tells whoever waits inside in which
// call, and so on whose place, he stands. What can end, Done, is made when it is
// first asked for: most calls never ask, and a context.WithCancelCause each
// would cost them more than everything else together.
//
// That inner context is a real one of package context, made from Submit's ctx,
// and it answers for the call from then on: so context.Cause, WithTimeout and
// AfterFunc on the call's context work as on any other, without a goroutine.

// extension is the part of a call that only some calls need.
type extension struct {
	inner atomic.Pointer[innerContext]
	done  atomic.Pointer[chan struct{}] // what the Future's Done has given out

	nextLive, prevLive *extension // guarded by the pool's live.mu
	call               *call
	isLive             bool // it is in that list

	lending *lending // of the attempt that runs, or ran last; guarded by the pool's mu

	// Set before the call is submitted, or by the goroutine that runs it.
	id      uint64 // for observers, as the next two
	task    string
	worker  string
	attempt int             // from 1
	started context.Context //nolint:containedctx // what the observer made of the context
	onUndo  func()          // what cancelling the unstarted call cancels too
	item    bool            // of a Map, not on a Pool: waits for room and is never refused
	chunk   int             // of such an item: how many to hand over at once; 0: no wish

	// Of a call on another executor than Pool; see remote.go.
	outer      releaser
	ticket     any                         // by which the executor knows it
	unwatch    atomic.Pointer[func() bool] // ends the watch of Submit's ctx; nil: not begun
	endAttempt context.CancelFunc          // of the attempt that runs; may be nil

	retry *time.Timer // between two attempts; guarded by the pool's mu
}

type innerContext struct {
	context.Context //nolint:containedctx // it is the context
	end             context.CancelCauseFunc
}

// extend returns the call's extension, made now if there is none.
func (c *call) extend() *extension {
	if x := c.more.Load(); x != nil {
		return x
	}
	if x := (&extension{call: c}); c.more.CompareAndSwap(nil, x) {
		return x
	}
	return c.more.Load()
}

// inner returns the context that answers for the call, made now if there is
// none.
func (c *call) inner() *innerContext {
	x := c.extend()
	if in := x.inner.Load(); in != nil {
		return in
	}
	ctx, end := context.WithCancelCause(c.scope.ctx) // may run the user's code: no lock is held
	in := &innerContext{ctx, end}
	if !x.inner.CompareAndSwap(nil, in) {
		end(nil)
		return x.inner.Load()
	}
	if p := c.pool(); p != nil && !p.addLive(x) {
		end(ErrClosed)
	}
	// The call may have returned just now. Its last step and this one are the
	// two halves of one handshake: state, then inner, there; inner, then state,
	// here. One of them ends the context.
	if c.settled() {
		c.endContext()
	}
	return in
}

// answering returns the inner context if it has something to say that Submit's
// ctx does not: it was made, or the call's context has ended without it.
func (c *call) answering() *innerContext {
	if x := c.more.Load(); x != nil {
		if in := x.inner.Load(); in != nil {
			return in
		}
	}
	if c.settled() || c.pool() != nil && c.pool().killed.Load() {
		return c.inner()
	}
	return nil
}

// endContext ends the context of a settled call.
func (c *call) endContext() {
	x := c.more.Load()
	if x == nil {
		return
	}
	if in := x.inner.Load(); in != nil {
		in.end(nil)
		if p := c.pool(); p != nil {
			p.dropLive(x)
		}
	}
}

// interrupt ends the context of a call that runs, for this cause.
func (c *call) interrupt(cause error) {
	c.inner().end(cause)
	c.tellEnded()
}

// Deadline is part of context.Context.
func (c *call) Deadline() (time.Time, bool) { return c.scope.ctx.Deadline() }

// Done is part of context.Context. It is not the Future's Done.
func (c *call) Done() <-chan struct{} { return c.inner().Done() }

// Err is part of context.Context.
func (c *call) Err() error {
	if in := c.answering(); in != nil {
		return in.Err()
	}
	return c.scope.ctx.Err()
}

// Value is part of context.Context.
func (c *call) Value(key any) any {
	if key == (registry.UnitKey{}) {
		if c.scope.host == nil {
			return nil // a goroutine of its own has no place to lend: it hides the enclosing call
		}
		return c
	}
	if in := c.answering(); in != nil {
		return in.Value(key)
	}
	return c.scope.ctx.Value(key)
}

// Ledger is part of registry.Unit.
func (c *call) Ledger() *registry.Ledger { return c.scope.host.Ledger }

// Running is part of registry.Unit.
func (c *call) Running() bool { return c.phase() == phaseRunning }

// Outer is part of registry.Unit.
func (c *call) Outer() registry.Unit { return registry.UnitOf(c.scope.ctx) }

// enclosing returns the call of a pool that ctx belongs to, or nil.
func enclosing(ctx context.Context) *call {
	c, _ := ctx.Value(registry.UnitKey{}).(*call)
	if c == nil || c.pool() == nil {
		return nil
	}
	return c
}
