package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// A server is the worker's side. One goroutine reads a call, runs it and answers, and then the next: without a switch in
// between, which would cost more than a short call. While it runs one, another listens: the pool rings when a call is to
// end, and what was sent up to there is read then.
type server struct {
	shared *shared
	port   *port
	wake   chan struct{} // capacity 1: whoever reads may go on

	reading sync.Mutex  // held by who reads, also while he waits for more to read
	listens bool        // it is the listener who reads; guarded by reading
	rung    atomic.Bool // the bell was heard, and what it was for may not be read yet
	frames  *frames
	last    *registry.Task // of the call before

	mu    sync.Mutex // guards the fields below; never held while blocking
	jobs  []job      // that were read while a call ran
	id    uint64     // of the last call that has begun
	end   context.CancelCauseFunc
	early map[uint64]error // why calls are to end that have not begun
}

// A job is a call as it came.
type job struct {
	callHead
	known    *registry.Task // nil: there is none of that name
	in       []byte
	own      bool      // in is nobody else's
	deadline time.Time // zero: none
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
	if w.program != program {
		fatal(errors.New("potok/process: the program's file was replaced while it ran: this worker is another version"))
	}
	if w.memory > 0 {
		debug.SetMemoryLimit(w.memory / 10 * 9)
		if err := limitMemory(w.memory); err != nil {
			fatal(err)
		}
	}
	calls, answers := ownFile(callsFD, "calls"), ownFile(answersFD, "answers")
	memory := ownFile(memoryFD, "memory")
	mem, err := mapMemory(memory)
	memory.Close()
	if err != nil {
		fatal(err)
	}
	m := newShared(mem)
	s := &server{shared: m, port: newPort(&m.calls, &m.answers, calls, answers), wake: make(chan struct{}, 1)}
	s.port.nap = s.nap
	s.frames = newFrames(s.port)
	s.send(frame{head: append(newFrame(nil, kindReady).head, protocol)}, false)
	go s.work() // this process ends with it, or after it
	s.leave(s.listen())
}

// leave ends the process, since the pool is gone, or says what makes no sense.
func (s *server) leave(err error) {
	if !errors.Is(err, io.EOF) {
		fatal(err)
	}
	os.Exit(exitDone)
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "fatal error:", err)
	os.Exit(exitProtocol)
}

// nap is how who reads waits for more: for the bell, which the listener hears himself, and for him otherwise.
func (s *server) nap() error {
	if s.listens {
		return s.port.hear()
	}
	<-s.wake
	return nil
}

// listen hears the bell, and wakes who reads. If nobody does, as a call runs, it reads what is there itself.
func (s *server) listen() error {
	for {
		if err := s.port.hear(); err != nil {
			return err
		}
		s.rung.Store(true)
		if !s.reading.TryLock() { // and who reads looks at rung when he has let it go
			select {
			case s.wake <- struct{}{}:
			default:
			}
			continue
		}
		s.listens = true
		err := s.readAll()
		s.listens = false
		s.reading.Unlock()
		if err != nil {
			return err
		}
	}
}

// readRung reads what it was rung for while somebody else read.
func (s *server) readRung() {
	if !s.rung.Load() {
		return
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := s.readAll(); err != nil {
		s.leave(err)
	}
}

// readAll reads what is there, and keeps the calls. The caller holds reading.
func (s *server) readAll() error {
	s.rung.Store(false)
	for s.frames.some() {
		j, err := s.read()
		if err != nil {
			return err
		}
		if j != nil {
			s.mu.Lock()
			s.jobs = append(s.jobs, *j)
			s.mu.Unlock()
		}
	}
	return nil
}

// next returns the next call.
func (s *server) next() *job {
	defer s.readRung()
	if j := s.keptJob(); j != nil {
		return j
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		if j := s.keptJob(); j != nil { // it was read just now
			return j
		}
		j, err := s.read()
		if err != nil {
			s.leave(err)
		}
		if j != nil {
			return j
		}
	}
}

func (s *server) keptJob() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == 0 {
		return nil
	}
	j := s.jobs[0]
	s.jobs = s.jobs[1:]
	return &j
}

// read reads a frame: a call, or what it does itself. The caller holds reading.
func (s *server) read() (*job, error) {
	kind, body, own, err := s.frames.next()
	if err != nil {
		return nil, err
	}
	switch kind {
	case kindCall:
		h, task, in, err := parseCall(body)
		if err != nil {
			return nil, err
		}
		if s.last == nil || string(task) != s.last.Name {
			s.last = registry.Lookup(string(task))
		}
		j := &job{callHead: h, known: s.last, in: in, own: own}
		if j.known == nil {
			j.task = string(task)
		} else {
			j.task = j.known.Name
		}
		if !own {
			j.in = append(make([]byte, 0, len(in)), in...)
		}
		if h.remains > 0 {
			j.deadline = time.Now().Add(h.remains)
		}
		return j, nil
	case kindEnd:
		id, why, err := parseID(body)
		if err != nil {
			return nil, err
		}
		cause, err := wire.DecodeError(why)
		if err != nil {
			return nil, err
		}
		s.endCall(id, cause)
		return nil, nil
	default:
		return nil, fmt.Errorf("%w: its kind is %q", errCorrupt, kind)
	}
}

// begin makes the context of a call.
func (s *server) begin(j *job) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if !j.deadline.IsZero() {
		deadline, stop := context.WithDeadline(ctx, j.deadline)
		outer := cancel
		ctx, cancel = deadline, func(cause error) { outer(cause); stop() }
	}
	s.mu.Lock()
	s.id, s.end = j.id, cancel
	cause, early := s.early[j.id]
	if len(s.early) > 0 { // those before it were passed over
		clear(s.early)
	}
	s.mu.Unlock()
	if early {
		cancel(cause)
	}
	return ctx, cancel
}

// endCall ends the context of a call, if it is not over.
func (s *server) endCall(id uint64, cause error) {
	s.mu.Lock()
	var end context.CancelCauseFunc
	switch {
	case s.id == id:
		end = s.end
	case s.id < id:
		if s.early == nil {
			s.early = make(map[uint64]error)
		}
		s.early[id] = cause
	}
	s.mu.Unlock()
	if end != nil {
		end(cause)
	}
}

// send writes a frame. If the pool is gone there is nobody to tell. more: another one is likely to follow at once.
func (s *server) send(f frame, more bool) {
	if err := f.seal(); err != nil {
		fatal(err)
	}
	var err error
	if more && len(f.payload) == 0 && s.port.tryWrite(f.head) {
		err = s.port.rouseLater()
	} else {
		err = f.writeTo(s.port)
	}
	if err != nil {
		os.Exit(exitDone)
	}
}

// more says whether there is another call to run, as far as is known.
func (s *server) more() bool {
	s.mu.Lock()
	kept := len(s.jobs) > 0
	s.mu.Unlock()
	if kept {
		return true
	}
	if !s.reading.TryLock() {
		return false
	}
	defer s.reading.Unlock()
	return s.frames.some()
}
