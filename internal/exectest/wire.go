package exectest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// A Wire is an Executor that turns every argument, result and error into bytes
// and back, and runs the calls on a far side, in this process, that shares nothing
// else with it: internal/remote with the shortest way there is, without a Pool
// inside. It is made by NewWire. All methods are safe for concurrent use.
type Wire struct{ *remote.Executor }

var _ potok.Executor = (*Wire)(nil)

// NewWire returns a Wire with this many places, at least one.
func NewWire(workers int, settings ...Setting) *Wire {
	s := Collect(settings...)
	c := remote.Config{
		Places:  workers,
		Backlog: s.Backlog,
		Name:    s.Name,
		Encode:  encode,
		Worker:  func(place int) string { return "wire/" + strconv.Itoa(place) },
	}
	if s.Observer != nil {
		c.Observer = *s.Observer
	}
	w := &Wire{remote.New(c)}
	for i := range workers {
		c := &carrier{x: w.Executor}
		c.lane = w.NewLane(workers-1-i, c, 0)
		c.lane.Open()
	}
	return w
}

// encode makes bytes of the argument. It also fails where the result could not
// be sent: better before the task has run than after.
func encode(c registry.Call) ([]byte, error) {
	err := wire.CheckTask(c.Task())
	if err == nil {
		var in []byte
		if in, err = wire.Append(nil, c.In()); err == nil {
			return in, nil
		}
	}
	return nil, fmt.Errorf("exectest: task %s: %w", c.Task().Name, err)
}

// A carrier is the near end of one place.
type carrier struct {
	x    *remote.Executor
	lane *remote.Lane
}

// Send sends a call over, on a goroutine that brings it back: the ledger, and so Close, waits for it.
func (c *carrier) Send(s *remote.Shipment) { go c.carry(s.ID, s.Item) }

// Withdraw comes too late: a call that is sent begins.
func (c *carrier) Withdraw(*remote.Shipment) bool { return false }

func (c *carrier) Flush() {}

// End has nothing to do: carry sees it by itself.
func (c *carrier) End(context.Context, *remote.Shipment) {}

// carry sends the call over and waits for the answer.
func (c *carrier) carry(id uint64, it *remote.Item) {
	ctx, out := it.Ctx, it.Call.Out()
	call := callFrame{Task: it.Call.Task().Name}
	if d, ok := ctx.Deadline(); ok {
		call.Remains = max(1, time.Until(d))
	}
	l := newLine()
	go l.serve() // it answers, and carry waits for that
	l.toFar <- pack(call, it.In)
	unwatch := context.AfterFunc(ctx, func() {
		// Both the Err and the cause, so that a task that returns its context's
		// cause returns an error that is known for its context's here.
		l.toFar <- pack(endFrame{packError(registry.ContextError(ctx))}, nil)
	})
	var a answerFrame
	result := unpack(<-l.toNear, &a)
	unwatch()
	err := unpackError(a.Err)
	if len(result) > 0 { // after a panic there is none
		if bad := wire.Decode(result, out); bad != nil {
			err = potok.Permanent(fmt.Errorf("exectest: the result of %s: %w", it.Call.Task().Name, bad))
		}
	}
	c.lane.Take(id) // before it settles, so that the place is free
	c.x.Settle(it, err)
}
