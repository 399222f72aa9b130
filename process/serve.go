package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// A server is the worker's side. The pool sends one call at a time; the goroutine that reads also hears that a call is to
// end, and that the pool is gone, while another runs the call.
type server struct {
	answers *os.File

	mu  sync.Mutex // guards the fields below; never held while blocking
	id  uint64     // of the call that runs; 0: none
	end func(cause error)
}

// Exit codes of a worker that ends by itself, and Go's own for a panic and a fatal error.
const (
	exitDone     = 0 // the pool is gone, or needs it no more
	goPanic      = 2
	exitProtocol = 3
)

// serve is the life of a worker.
func serve(w wish) {
	// Ctrl-C goes to all processes of a terminal. Here the pool alone decides what it means.
	signal.Ignore(os.Interrupt)
	runtime.GOMAXPROCS(w.processors)
	if w.memory > 0 {
		debug.SetMemoryLimit(w.memory / 10 * 9)
		if err := limitMemory(w.memory); err != nil {
			fatal(err)
		}
	}
	calls, answers := ownFile(callsFD, "calls"), ownFile(answersFD, "answers")
	s := &server{answers: answers}
	ready := newFrame(kindReady, 1)
	ready.head = append(ready.head, protocol)
	s.send(ready)
	err := s.read(bufio.NewReaderSize(calls, 64<<10))
	if errors.Is(err, io.EOF) {
		os.Exit(exitDone)
	}
	fatal(err)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "fatal error:", err)
	os.Exit(exitProtocol)
}

func (s *server) read(r io.Reader) error {
	for {
		kind, body, err := readFrame(r)
		if err != nil {
			return err
		}
		switch kind {
		case kindCall:
			h, in, err := parseCall(body)
			if err != nil {
				return err
			}
			ctx := s.begin(h)
			go s.run(ctx, h, in) // this process ends with it, or after it
		case kindEnd:
			id, why, err := parseEnd(body)
			if err != nil {
				return err
			}
			if err := s.endCall(id, why); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: its kind is %q", errCorrupt, kind)
		}
	}
}

// begin makes the context of a call.
func (s *server) begin(h callHead) context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	if h.remains > 0 {
		deadline, stop := context.WithTimeout(ctx, h.remains)
		outer := cancel
		ctx, cancel = deadline, func(cause error) { outer(cause); stop() }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.end = h.id, cancel
	return ctx
}

// endCall ends the context of the call, if it still runs.
func (s *server) endCall(id uint64, why []byte) error {
	cause, err := wire.DecodeError(why)
	if err != nil {
		return err
	}
	s.mu.Lock()
	end := s.end
	running := s.id == id
	s.mu.Unlock()
	if running {
		end(cause)
	}
	return nil
}

// run is one call. Its answer is sent by a deferred function, as a task may also end its goroutine.
func (s *server) run(ctx context.Context, h callHead, in []byte) {
	var out any
	var err error
	returned := false
	defer func() {
		if !returned {
			out = nil
			if v := recover(); v != nil {
				err = &potok.PanicError{Value: v, Stack: debug.Stack()}
			} else {
				err = potok.ErrGoexit
			}
		}
		s.mu.Lock()
		s.id = 0
		end := s.end
		s.mu.Unlock()
		end(nil)
		s.answer(h, out, err)
	}()
	out, err = call(ctx, h.task, in)
	returned = true
}

func call(ctx context.Context, name string, arg []byte) (out any, err error) {
	task := registry.Lookup(name)
	if task == nil {
		return nil, potok.Permanent(fmt.Errorf("%w %q: define it at package level, before process.Main", ErrUnknownTask, name))
	}
	in := task.NewIn()
	if err := wire.Decode(arg, in); err != nil {
		return nil, potok.Permanent(fmt.Errorf("potok/process: argument of %s: %w", name, err))
	}
	return task.Run(ctx, in)
}

// answer sends what became of a call. What cannot be sent fails it.
func (s *server) answer(h callHead, out any, err error) {
	var failure, result []byte
	if out != nil {
		var bad error
		if result, bad = wire.Append(nil, out); bad != nil {
			result, err = nil, potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", h.task, bad))
		}
	}
	if err != nil {
		failure = wire.AppendError(nil, err)
	}
	f := answerFrame(h.id, failure, result)
	if bad := f.seal(); bad != nil {
		failure = wire.AppendError(nil, potok.Permanent(fmt.Errorf("potok/process: result of %s: %w", h.task, bad)))
		f = answerFrame(h.id, failure, nil)
	}
	s.send(f)
}

// send writes a frame. If the pool is gone there is nobody to tell.
func (s *server) send(f frame) {
	if err := f.seal(); err != nil {
		fatal(err)
	}
	if _, err := f.writeTo(s.answers); err != nil {
		os.Exit(exitDone)
	}
}
