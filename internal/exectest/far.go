package exectest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// line is what the two sides of one call have in common: nothing but bytes.
type line struct {
	toFar  chan []byte // a callFrame, then perhaps an endFrame
	toNear chan []byte // one answerFrame
}

func newLine() *line {
	// Capacities: all that is ever sent, so that neither side waits to send.
	return &line{toFar: make(chan []byte, 2), toNear: make(chan []byte, 1)}
}

// serve is the far side of one call, on a goroutine of its own: it knows what is
// in the frames and in internal/registry, and nothing of the near side. Who
// reads its answer waits for it. The answer is sent by a deferred function, as a
// task may also end its goroutine.
func (l *line) serve() {
	var call callFrame
	in := unpack(<-l.toFar, &call)
	ctx, end := farContext(call)
	gone := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case b := <-l.toFar:
			var f endFrame
			unpack(b, &f)
			// A deadline ends the context here by itself, with the right Err.
			if why := unpackError(f.Why); !errors.Is(why, context.DeadlineExceeded) {
				end(why)
			}
		case <-gone:
		}
	})
	var out any
	var err error
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				err = &potok.PanicError{Value: v, Stack: debug.Stack()}
			} else {
				err = potok.ErrGoexit
			}
		}
		end(nil)
		close(gone)
		watch.Wait()
		l.toNear <- answer(out, err)
	}()
	out, err = run(ctx, call.Task, in)
	returned = true
}

// farContext is a fresh context that ends at the call's deadline.
func farContext(call callFrame) (context.Context, context.CancelCauseFunc) {
	ctx, end := context.WithCancelCause(context.Background())
	if call.Remains == 0 {
		return ctx, end
	}
	ctx, stop := context.WithTimeout(ctx, call.Remains)
	return ctx, func(cause error) { end(cause); stop() }
}

func run(ctx context.Context, name string, arg []byte) (any, error) {
	task := registry.Lookup(name)
	if task == nil {
		return nil, potok.Permanent(fmt.Errorf("exectest: nobody knows task %q: define it at package level", name))
	}
	in := task.NewIn()
	if err := wire.Decode(arg, in); err != nil {
		return nil, potok.Permanent(fmt.Errorf("exectest: the argument of %s: %w", name, err))
	}
	return task.Run(ctx, in)
}

// answer packs a result and an error, each of which may be nil.
func answer(out any, err error) []byte {
	var b []byte
	if out != nil {
		var bad error
		if b, bad = wire.Append(nil, out); bad != nil {
			err = potok.Permanent(fmt.Errorf("exectest: the result cannot be sent: %w", bad))
		}
	}
	return pack(answerFrame{packError(err)}, b)
}
