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
		Carry:   carry,
		Worker:  func(place int) string { return "wire/" + strconv.Itoa(place) },
	}
	if s.Observer != nil {
		c.Observer = *s.Observer
	}
	w := &Wire{remote.New(c)}
	for i := range workers {
		w.Free(workers - 1 - i)
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

// carry sends the call over and waits for the answer.
func carry(ctx context.Context, c registry.Call, in []byte, _ int) (free bool, err error) {
	call := callFrame{Task: c.Task().Name}
	if d, ok := ctx.Deadline(); ok {
		call.Remains = max(1, time.Until(d))
	}
	l := newLine()
	go l.serve() // it answers, and carry waits for that
	l.toFar <- pack(call, in)
	unwatch := context.AfterFunc(ctx, func() {
		// Both the Err and the cause, so that a task that returns its context's
		// cause returns an error that is known for its context's here.
		l.toFar <- pack(endFrame{packError(registry.ContextError(ctx))}, nil)
	})
	var a answerFrame
	out := unpack(<-l.toNear, &a)
	unwatch()
	if len(out) > 0 { // after a panic there is none
		if err := wire.Decode(out, c.Out()); err != nil {
			return true, potok.Permanent(fmt.Errorf("exectest: the result of %s: %w", c.Task().Name, err))
		}
	}
	return true, unpackError(a.Err)
}
