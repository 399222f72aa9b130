package process

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/potok-go/potok/internal/wire"
)

// A place is where one worker is, and after it the next.
type place struct {
	mu   sync.Mutex
	w    *worker // the last that was ready
	kept bool    // no call may take the place: its keeper gives it free with the next worker
	over error   // why none will come
}

const (
	startTimeout = 30 * time.Second // until a worker is ready, and again for Init
	maxFailures  = 5                // starts in a row that fail, until the pool is broken
	firstBackoff = 10 * time.Millisecond
)

// start starts workers, one after the other, on one thread for as long as the pool lives: the system kills a worker when
// the thread that has started it is gone (golang/go#27505).
func (p *Pool) start() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case f := <-p.starts:
			f()
		case <-p.leaving:
			return
		}
	}
}

// launch starts a worker on that thread.
func (p *Pool) launch(i int) (w *worker, err error) {
	done := make(chan struct{})
	start := func() {
		defer close(done)
		w, err = p.newWorker(i)
	}
	select {
	case <-p.leaving: // also if whoever starts workers is still there
		return nil, errLeaving
	default:
	}
	select {
	case p.starts <- start:
		<-done
		return w, err
	case <-p.leaving:
		return nil, errLeaving
	}
}

var errLeaving = errors.New("potok/process: the pool is closed")

// keep sees to it that there is a worker at a place.
func (p *Pool) keep(i int) {
	for failures := 0; ; {
		w, err := p.launch(i)
		if err == nil {
			err = p.prepare(w)
		}
		if err != nil {
			if w != nil {
				w.retire()
			}
			if !p.excused(err) {
				failures++
			}
			if p.giveUp(i, err, failures) {
				return
			}
			continue
		}
		failures = 0
		if p.offer(i, w, nil) {
			p.near.Free(i)
		}
		select {
		case <-w.gone:
		case <-w.retired:
		case <-p.leaving:
		}
		w.retire()
		if p.near.Lose(i) {
			p.places[i].keep()
		}
	}
}

// giveUp says whether there will be no more workers at a place, because the pool is left or is broken; else it waits for
// a while, the longer the more often a start has failed.
func (p *Pool) giveUp(i int, err error, failures int) bool {
	switch {
	case errors.Is(err, errLeaving):
		p.offer(i, nil, errLeaving)
		return true
	case failures >= maxFailures:
		err = fmt.Errorf("%w: %d times in a row, the last time: %w", ErrPoolBroken, failures, err)
		p.offer(i, nil, err)
		p.near.Break(err)
		return true
	}
	timer := time.NewTimer(firstBackoff << failures)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.leaving:
	}
	return false
}

func (at *place) keep() {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.kept = true
}

// excused says whether a failed start is the machine's fault, which passes, and there is somebody to do the work meanwhile.
func (p *Pool) excused(err error) bool {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.ENOMEM) {
		return false
	}
	for i := range p.places {
		at := &p.places[i]
		at.mu.Lock()
		w := at.w
		at.mu.Unlock()
		if w != nil && w.alive() {
			return true
		}
	}
	return false
}

// offer makes w the worker of a place. It says whether the place is to be given free.
func (p *Pool) offer(i int, w *worker, over error) (free bool) {
	at := &p.places[i]
	at.mu.Lock()
	defer at.mu.Unlock()
	at.w, at.over = w, over
	free = at.kept && over == nil
	at.kept = false
	return free
}

// release says whether the place is free for the next call. If it has no worker its keeper will say when it is.
func (at *place) release() (free bool) {
	at.mu.Lock()
	defer at.mu.Unlock()
	free = at.over == nil && at.w != nil && at.w.alive()
	at.kept = !free
	return free
}

// worker returns the worker of a place, nil if it has none that lives, or why there will be none.
func (at *place) worker() (w *worker, over error) {
	at.mu.Lock()
	defer at.mu.Unlock()
	if at.over != nil || at.w == nil || !at.w.alive() {
		return nil, at.over
	}
	return at.w, nil
}

// prepare waits until a new worker is ready, and lets it begin with what Init says.
func (p *Pool) prepare(w *worker) error {
	timeout := time.NewTimer(p.options.start)
	defer timeout.Stop()
	select {
	case <-w.ready:
	case <-w.gone:
		died := w.died("its start")
		return fmt.Errorf("potok/process: a worker died as it started: %w%s", died, lastWords(died))
	case <-timeout.C:
		w.kill()
		<-w.gone // now all is known of what it had to say
		return fmt.Errorf("potok/process: a worker was not ready after %v%s", p.options.start, lastWords(w.died("")))
	case <-p.leaving:
		return errLeaving
	}
	begin := p.options.init
	if begin == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.options.start)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	p.keepers.Go(func() { // ends with this function
		select {
		case <-p.leaving:
			cancel()
		case <-stop:
		}
	})
	a, _, err := w.ask(ctx, callHead{id: p.calls.Add(1), task: begin.task}, begin.in, 0)
	died, _ := errors.AsType[*WorkerDied](err)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("potok/process: Init had not ended after %v: %w%s", p.options.start, err, lastWords(died))
	case err != nil:
		return fmt.Errorf("potok/process: Init: %w%s", err, lastWords(died))
	}
	if len(a.failure) > 0 {
		far, bad := wire.DecodeError(a.failure)
		if bad != nil {
			return bad
		}
		return fmt.Errorf("potok/process: Init: %w", far)
	}
	return nil
}

// lastWords are what is worth knowing of a worker's stderr, if its death does not tell it already.
func lastWords(e *WorkerDied) string {
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	if e.Cause != "" || lines[0] == "" {
		return ""
	}
	return fmt.Sprintf(", stderr: %q", strings.Join(lines[max(0, len(lines)-5):], "\n"))
}
