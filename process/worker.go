package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// A worker is one process, as its pool sees it.
type worker struct {
	pool    *Pool
	process *os.Process
	calls   *os.File // to it
	answers *os.File // from it
	output  *output

	ready   chan struct{} // closed when it can take calls
	retired chan struct{} // closed when it shall take no more
	got     chan answer   // of the call that runs; one at a time, so room for one
	gone    chan struct{} // closed when it is dead and all is known of that:

	state    *os.ProcessState
	protocol error // what it said that makes no sense
	stderr   string
	unread   int // bytes that it was sent and has not read; -1: not known

	write sync.Mutex // one frame after the other: a call, and that it is to end
	sent  int        // bytes that the pipe has taken; guarded by write
	tasks int        // calls it was given; of the keeper and of the call at its place, one after the other
	once  sync.Once
}

// An answer is what a worker says of a call.
type answer struct {
	id           uint64
	failure, out []byte
}

// newWorker starts a process. Its end is waited for by goroutines that the pool waits for.
func (p *Pool) newWorker(i int) (*worker, error) {
	path, err := self() // first, as it leaves nothing to close
	if err != nil {
		return nil, startError(err)
	}
	callsIn, callsOut, err := os.Pipe()
	if err != nil {
		return nil, startError(err)
	}
	answersIn, answersOut, err := os.Pipe()
	if err != nil {
		callsIn.Close()
		callsOut.Close()
		return nil, startError(err)
	}
	out, stdout, stderr, err := newOutput(&p.printer, p.workerName(i))
	if err != nil {
		for _, f := range []*os.File{callsIn, callsOut, answersIn, answersOut} {
			f.Close()
		}
		return nil, startError(err)
	}
	cmd := exec.Command(path)
	cmd.Args = os.Args[:1]
	cmd.Env = append(append(os.Environ(), p.options.env...), guard+"="+p.wish.String())
	if raceEnabled {
		cmd.Env = append(cmd.Env, "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // else each exit takes a second
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.ExtraFiles = []*os.File{callsIn, answersOut}
	cmd.SysProcAttr = sysProcAttr()
	err = cmd.Start()
	for _, f := range []*os.File{callsIn, answersOut, stdout, stderr} {
		f.Close() // the worker's ends
	}
	if err != nil {
		callsOut.Close()
		answersIn.Close()
		out.close()
		return nil, startError(err)
	}
	w := &worker{
		pool: p, process: cmd.Process, calls: callsOut, answers: answersIn, output: out,
		ready: make(chan struct{}), retired: make(chan struct{}), got: make(chan answer, 1), gone: make(chan struct{}),
	}
	out.begin(cmd.Process.Pid)
	p.keepers.Go(w.watch)
	return w, nil
}

func startError(err error) error { return fmt.Errorf("potok/process: start of a worker: %w", err) }

// watch reads what the worker says until it says no more, and sees it die.
func (w *worker) watch() {
	w.protocol = w.read()
	if w.protocol != nil {
		_ = w.process.Kill() // it may live, and be lost to us; its death is seen below
	}
	w.answers.Close()
	// A worker that has closed its pipes and lives is of no use.
	kill := time.AfterFunc(w.pool.options.grace, func() { _ = w.process.Kill() })
	w.state, _ = w.process.Wait() // an error would mean that it is no child of ours
	kill.Stop()
	_ = w.calls.SetWriteDeadline(time.Now()) // nobody writes any more, and write is free
	w.write.Lock()
	w.unread = unreadIn(w.calls)
	w.calls.Close()
	w.write.Unlock()
	w.stderr = w.output.drain()
	close(w.gone)
}

// read reads until the worker says no more. It returns an error if that is because it said what makes no sense.
func (w *worker) read() error {
	r := bufio.NewReaderSize(w.answers, 64<<10)
	ready := false
	for {
		kind, body, err := readFrame(r)
		if err != nil {
			return ifCorrupt(err) // else it is gone, or about to be
		}
		switch {
		case kind == kindReady && !ready:
			if len(body) != 1 || body[0] != protocol {
				return fmt.Errorf("%w: the worker is of another version of the program", errCorrupt)
			}
			ready = true
			close(w.ready)
		case kind == kindAnswer && ready:
			id, failure, out, err := parseAnswer(body)
			if err != nil {
				return err
			}
			select {
			case w.got <- answer{id, failure, out}:
			default:
				return fmt.Errorf("%w: an answer that nobody asked for", errCorrupt)
			}
		default:
			return fmt.Errorf("%w: its kind is %q", errCorrupt, kind)
		}
	}
}

func ifCorrupt(err error) error {
	if errors.Is(err, errCorrupt) {
		return err
	}
	return nil
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

// send writes a frame, and returns how many bytes went before it. An error means that the worker is dying; whoever waits
// for an answer hears of it.
func (w *worker) send(f frame) (before int, err error) {
	if err := f.seal(); err != nil {
		return 0, err
	}
	w.write.Lock()
	defer w.write.Unlock()
	before = w.sent
	n, err := f.writeTo(w.calls)
	w.sent += n
	return before, err
}

// hasRead says whether a worker that is gone may have read a byte of what was sent after so many.
func (w *worker) hasRead(before int) bool {
	w.write.Lock()
	defer w.write.Unlock()
	return w.unread < 0 || w.sent-w.unread > before
}

// died is what a worker's death means to the task that ran in it. It may be called once the worker is gone.
func (w *worker) died(task string) *WorkerDied {
	e := &WorkerDied{Task: task, PID: w.process.Pid, Stderr: w.stderr}
	if w.state != nil {
		e.ExitCode = w.state.ExitCode()
		e.Signal = signalOf(w.state)
	}
	e.Cause = causeOf(w.stderr, e.ExitCode, e.Signal, w.pool.options.memory > 0)
	if w.protocol != nil {
		e.Cause = "protocol: " + w.protocol.Error()
	}
	return e
}

// ask gives the worker a call and waits for the answer. When ctx ends the worker is asked to end the call, and killed if
// it has not after the grace. If it dies before it has read of the call begun is false: nothing of it can have happened.
func (w *worker) ask(ctx context.Context, h callHead, in []byte, grace time.Duration) (a answer, begun bool, err error) {
	sent, answered, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		w.end(ctx, h, grace, sent, answered)
	})
	defer func() {
		close(answered)
		if !stop() {
			<-ended
		}
	}()
	before, _ := w.send(h.frame(in)) // if it fails the worker is dying, and that is told below
	close(sent)
	select {
	case a = <-w.got:
	case <-w.gone:
		select {
		case a = <-w.got: // its last word
		default:
			return a, w.hasRead(before), w.died(h.task)
		}
	}
	a, err = w.check(a, h)
	return a, true, err
}

func (w *worker) check(a answer, h callHead) (answer, error) {
	if a.id == h.id {
		return a, nil
	}
	w.kill()
	<-w.gone
	return answer{}, w.died(h.task)
}

// end asks for the end of a call, and kills the worker after the grace unless it has answered or died.
func (w *worker) end(ctx context.Context, h callHead, grace time.Duration, sent, answered <-chan struct{}) {
	// A deadline that the worker was told ends the context there by itself, with the right Err.
	if h.remains == 0 || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// On a goroutine of its own, since a worker that is stopped does not read; then it ends when the worker is killed.
		w.pool.keepers.Go(func() {
			select {
			case <-sent: // the end of a call that it does not know yet would mean nothing to it
				_, _ = w.send(endFrame(h.id, wire.AppendError(nil, registry.ContextError(ctx))))
			case <-w.gone:
			}
		})
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.kill()
		w.retire() // it may have answered just now, and then would get the next call
	case <-answered:
	case <-w.gone:
	}
}

func (w *worker) kill() { _ = w.process.Kill() }

// retire lets the worker go: it ends when it has nothing to do, and is killed if it does not. It does not wait for that.
func (w *worker) retire() {
	w.once.Do(func() {
		close(w.retired)
		w.pool.keepers.Go(func() {
			w.write.Lock()
			w.calls.Close()
			w.write.Unlock()
			timer := time.NewTimer(w.pool.options.grace)
			defer timer.Stop()
			select {
			case <-timer.C:
				w.kill()
			case <-w.gone:
			}
		})
	})
}
