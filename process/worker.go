package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// A worker is one process, as its pool sees it. It is the remote.Carrier of its lane.
type worker struct {
	pool    *Pool
	process *os.Process
	output  *output
	shared  *shared
	port    *port
	lane    atomic.Pointer[remote.Lane] // nil until it is ready, and has done what Init says

	ready   chan struct{} // closed when it can take calls
	initial chan answer   // of what Init says; has room for it
	retired chan struct{} // closed when it shall take no more
	doubt   chan struct{} // capacity 1: look whether it is doubtful
	gone    chan struct{} // closed when it is dead and all is known of that:

	state    *os.ProcessState
	protocol error // what it said that makes no sense
	stderr   string

	// The reader's:

	frames *frames
	spoke  bool  // it has said that it is ready
	tasks  int   // calls it has answered
	chunk  tally // of what runs

	mu      sync.Mutex // guards the fields below, and is held to write to the port unless writing; never held while blocking
	closed  bool       // the port is no more
	killed  string     // what it was killed for; "": it was not
	doubts  int        // calls that were to end and have not, and have little time left
	buf     []byte
	backlog []frame // what the port has no room for; writing, or about to
	writing bool    // write is on its way
	writers sync.WaitGroup
	once    sync.Once
}

// newWorker starts a process. Its end is waited for by goroutines that the pool waits for.
func (p *Pool) newWorker(i int) (*worker, error) {
	path, err := self() // first, as it leaves nothing to close
	if err != nil {
		return nil, startError(err)
	}
	var theirs, ours []*os.File
	failed := func(err error) (*worker, error) {
		for _, f := range append(theirs, ours...) {
			f.Close()
		}
		return nil, startError(err)
	}
	memory, err := memoryFile(memorySize)
	if err != nil {
		return nil, startError(err)
	}
	ours = append(ours, memory)
	callsIn, callsOut, err := os.Pipe()
	if err != nil {
		return failed(err)
	}
	theirs, ours = append(theirs, callsIn), append(ours, callsOut)
	answersIn, answersOut, err := os.Pipe()
	if err != nil {
		return failed(err)
	}
	theirs, ours = append(theirs, answersOut), append(ours, answersIn)
	out, stdout, stderr, err := newOutput(&p.printer, p.workerName(i))
	if err != nil {
		return failed(err)
	}
	theirs = append(theirs, stdout, stderr)
	mem, err := mapMemory(memory)
	if err != nil {
		out.close()
		return failed(err)
	}
	cmd := exec.Command(path)
	cmd.Args = os.Args[:1]
	cmd.Env = append(append(os.Environ(), p.options.env...), guard+"="+p.wish.String())
	if raceEnabled {
		cmd.Env = append(cmd.Env, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // else each exit takes a second
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.ExtraFiles = []*os.File{callsIn, answersOut, memory}
	cmd.SysProcAttr = sysProcAttr()
	if err := cmd.Start(); err != nil {
		out.close()
		unmapMemory(mem)
		return failed(err)
	}
	for _, f := range append(theirs, memory) {
		f.Close()
	}
	m := newShared(mem)
	w := &worker{
		pool: p, process: cmd.Process, output: out, shared: m, port: newPort(&m.answers, &m.calls, answersIn, callsOut),
		ready: make(chan struct{}), initial: make(chan answer, 1), retired: make(chan struct{}), doubt: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	w.frames = newFrames(w.port)
	w.frames.large = w.makeRoom
	w.port.lazy = func() bool { return p.near.Busy() > 1 } // other workers could use the processor
	out.begin(cmd.Process.Pid)
	p.keepers.Go(out.drained.Wait)
	p.keepers.Go(w.watch)
	return w, nil
}

func startError(err error) error { return fmt.Errorf("potok/process: start of a worker: %w", err) }

// watch reads what the worker says until it says no more, and sees it die. An unmarshaler of the user's may end this
// goroutine: what is left is done all the same, as the last that it does.
func (w *worker) watch() {
	returned := false
	defer func() {
		if !returned {
			w.watch()
		}
	}()
	w.protocol = w.read()
	returned = true // no more of the user's code
	if w.protocol != nil {
		w.kill() // it may live, and be lost to us; its death is seen below
	}
	w.retire() // the next one is started meanwhile
	w.port.bell.Close()
	// A worker that has closed its pipes and lives is of no use.
	kill := time.AfterFunc(w.pool.options.grace, w.kill)
	w.state, _ = w.process.Wait() // an error would mean that it is no child of ours
	kill.Stop()
	close(w.port.dead)
	w.stderr = w.output.drain()
	w.bury()
	close(w.gone)
}

// bury settles what the worker had begun, and gives back what it had not.
func (w *worker) bury() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	if l := w.lane.Load(); l != nil { // and is not set any more
		for _, it := range l.Close() {
			if it.Chunk != nil {
				w.endChunk(it, w.doneOf(it.Chunk), it.Begun)
			} else {
				w.pool.near.Settle(it, w.deathOf(it))
			}
		}
	}
	w.writers.Wait()
	w.port.ringer.Close()
	unmapMemory(w.shared.mem) // nobody looks at it any more
}

// deathOf is the error of a call that ran. If it was to end it may be killed for that.
func (w *worker) deathOf(it *remote.Item) error {
	died := w.died(it.Call.Task().Name)
	if it.Ctx.Err() != nil {
		return fmt.Errorf("%w: %w", registry.ContextError(it.Ctx), died)
	}
	return died
}

// open lets the worker have calls. False: it is dead.
func (w *worker) open(place int) bool {
	l := w.pool.near.NewLane(place, w, w.pool.options.maxTasks)
	w.mu.Lock()
	closed := w.closed
	if !closed {
		w.lane.Store(l)
	}
	w.mu.Unlock()
	if closed {
		return false
	}
	l.Open()
	return true
}

func (w *worker) alive() bool {
	select {
	case <-w.gone:
		return false
	case <-w.retired:
		return false
	default:
		return true
	}
}

// died is what a worker's death means to the task that ran in it. It may be called once all is known of it.
func (w *worker) died(task string) *WorkerDied {
	e := &WorkerDied{Task: task, PID: w.process.Pid, Stderr: w.stderr}
	if w.state != nil {
		e.ExitCode = w.state.ExitCode()
		e.Signal = signalOf(w.state)
	}
	e.Cause = causeOf(w.stderr, e.ExitCode, e.Signal, w.pool.options.memory > 0)
	w.mu.Lock()
	killed := w.killed
	w.mu.Unlock()
	switch {
	case w.protocol != nil:
		e.Cause = "protocol: " + w.protocol.Error()
	case e.Cause == "" && e.Signal == os.Kill:
		e.Cause = killed
	}
	return e
}

// Send is part of remote.Carrier.
func (w *worker) Send(s *remote.Shipment) {
	it := s.Item
	h := callHead{id: s.ID, slot: s.Slot, task: it.Call.Task().Name}
	if it.Chunk != nil {
		h.items = it.Chunk.Items()
	}
	if !s.Deadline.IsZero() {
		h.remains = max(1, time.Until(s.Deadline))
	}
	w.shared.word(s.Slot).Store(0)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.putLocked(h.frame(w.buf, it.In))
}

// putLocked writes a frame, or keeps it for write. The caller holds mu.
func (w *worker) putLocked(f frame) {
	if w.closed {
		return
	}
	_ = f.seal() // it was looked at when it was encoded
	if !w.writing && len(w.backlog) == 0 && f.size() <= smallFrame {
		w.buf = f.join()
		if w.port.tryWrite(w.buf) {
			return
		}
		f = frame{head: w.buf, rings: f.rings}
	}
	if len(f.head) > 0 {
		f.head = append([]byte(nil), f.head...) // buf is used again
	}
	w.backlog = append(w.backlog, f)
}

// Withdraw is part of remote.Carrier.
func (w *worker) Withdraw(s *remote.Shipment) bool {
	n := stop(w.shared.word(s.Slot))
	s.Item.Begun = n
	return n == 0
}

// Flush is part of remote.Carrier.
func (w *worker) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if len(w.backlog) > 0 && !w.writing {
		w.writing = true
		w.writers.Go(w.write)
	}
	_ = w.port.rouse() // an error: it is dying, and what it was sent is told of then
}

// write writes what the port had no room for.
func (w *worker) write() {
	for {
		w.mu.Lock()
		if len(w.backlog) == 0 || w.closed {
			w.writing, w.backlog = false, nil
			w.mu.Unlock()
			return
		}
		f := w.backlog[0]
		w.backlog = w.backlog[1:]
		w.mu.Unlock()
		if err := f.writeTo(w.port); err != nil {
			<-w.port.dead // nothing more can be written
		}
		if f.rings {
			w.ring()
		}
	}
}

// End is part of remote.Carrier: it asks for the end of a call, and kills the worker after the grace, unless the call has
// been answered then.
func (w *worker) End(ctx context.Context, s *remote.Shipment) {
	// A deadline that the worker was told ends the context there by itself, with the right Err.
	if s.Deadline.IsZero() || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f := endFrame(s.ID, wire.AppendError(nil, registry.ContextError(ctx)))
		w.mu.Lock()
		w.putLocked(f)
		w.mu.Unlock()
		w.Flush()
		w.ring() // also if the frame has to wait: for those before it to be read
	}
	w.pool.keepers.Go(func() { w.await(s.Over) })
}

// ring has the worker read what it was sent, which it does only between two calls by itself.
func (w *worker) ring() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		_ = w.port.ring() // an error: it is dying
	}
}

// A worker that is likely to be killed has its successor started so long before: about what a start takes.
const startAhead = 20 * time.Millisecond

// await kills the worker after the grace, unless over is closed before.
func (w *worker) await(over <-chan struct{}) {
	grace := w.pool.options.grace
	early := min(grace, startAhead)
	if !w.passes(grace-early, over) {
		return
	}
	w.setDoubt(1)
	if !w.passes(early, over) {
		w.setDoubt(-1)
		return
	}
	w.mu.Lock()
	w.killed = fmt.Sprintf("killed, as the call did not end within %v", grace)
	w.mu.Unlock()
	w.kill()
	w.retire() // it may answer just now, and then would get the next call
}

// passes says whether that time has passed before over was closed, or the worker was gone.
func (w *worker) passes(d time.Duration, over <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-over:
	case <-w.gone:
	}
	return false
}

func (w *worker) setDoubt(n int) {
	w.mu.Lock()
	w.doubts += n
	w.mu.Unlock()
	select {
	case w.doubt <- struct{}{}:
	default:
	}
}

// doubtful says whether the worker is likely to be killed.
func (w *worker) doubtful() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doubts > 0
}

func (w *worker) kill() { _ = w.process.Kill() }

// retire lets the worker go: it ends when it has nothing to do, and is killed if it does not. It does not wait for that.
func (w *worker) retire() {
	w.once.Do(func() {
		close(w.retired)
		if l := w.lane.Load(); l != nil {
			l.Stop()
		}
		w.mu.Lock()
		w.port.ringer.Close() // the end of its calls
		w.mu.Unlock()
		w.pool.keepers.Go(func() {
			if w.passes(w.pool.options.grace, nil) {
				w.kill()
			}
		})
	})
}
