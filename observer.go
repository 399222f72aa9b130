package potok

import (
	"context"
	"strconv"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// An Observer is told what happens to the calls of an executor: what progress
// bars, metrics and traces hang on. Nil fields are skipped.
//
// For one call the three come in this order and one at a time; for different
// calls they come concurrently. They run on the goroutine where it happens,
// never under a lock of ours, so one that blocks holds up that call alone. One
// that panics is logged by slog.Default and the call goes on.
type Observer struct {
	// Submitted is told of every call before it can start, also of one that is
	// then refused. ctx is Submit's.
	Submitted func(ctx context.Context, e Event)
	// Started is told of every attempt, so perhaps never. It returns the ctx
	// that the call gets, made from ctx: with a trace span in it, say.
	Started func(ctx context.Context, e Event) context.Context
	// Settled is told once of every call, before whoever waits for it wakes. ctx
	// is what Started returned, or Submit's ctx if the call never started.
	Settled func(ctx context.Context, e Event)
}

// An Event is what an Observer is told. The zero values stand for what is not
// known or does not apply.
type Event struct {
	Pool    string    // the executor's name
	Task    string    // "" for a closure
	Worker  string    // who runs it, from Started on
	Call    uint64    // counts the calls of one executor from 1
	Attempt int       // from 1, from Started on
	At      time.Time // when it happened
	State   State     // how it settled, in Settled
	Err     error     // with what error, in Settled
}

// watch is an Observer at work; a nil watch does nothing.
type watch struct{ Observer }

func observerOf(h *registry.Host) *watch {
	if h.Observer == nil {
		return nil
	}
	o, _ := h.Observer.(Observer)
	return &watch{o}
}

func (w *watch) event(c *call, x *extension) Event {
	return Event{Pool: c.scope.host.Name, Task: x.task, Worker: x.worker, Call: x.id, Attempt: x.attempt, At: time.Now()}
}

// submitted numbers the call and tells of it.
func (w *watch) submitted(c *call, task string) {
	if w == nil {
		return
	}
	x := c.extend()
	x.id, x.task = c.scope.host.Ledger.NextID(), task
	if w.Submitted != nil {
		guard("observer's Submitted", func() { w.Submitted(c.scope.ctx, w.event(c, x)) })
	}
}

// starting tells of an attempt and returns the context that it gets.
func (w *watch) starting(ctx context.Context, c *call, worker string) context.Context {
	if w == nil {
		return ctx
	}
	x := c.extend()
	x.worker, x.started = worker, ctx
	if w.Started != nil {
		guard("observer's Started", func() {
			if made := w.Started(ctx, w.event(c, x)); made != nil {
				x.started = made
			}
		})
	}
	return x.started
}

// settled tells how the call settles; its error is written, its state not yet.
func (w *watch) settled(c *call, to phase) {
	if w == nil || w.Settled == nil {
		return
	}
	x := c.extend()
	ctx := x.started
	if ctx == nil {
		ctx = c.scope.ctx
	}
	e := w.event(c, x)
	e.State, e.Err = stateOf(to), c.err()
	guard("observer's Settled", func() { w.Settled(ctx, e) })
}

// guard runs a function of the user's; a panic is logged and goes no further.
func guard(what string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			logPanic(what, v)
		}
	}()
	fn()
}

// workerName is what observers and profiles call a worker.
func workerName(pool string, index uint32) string {
	if pool == "" {
		pool = "pool"
	}
	return pool + "/" + strconv.Itoa(int(index))
}
