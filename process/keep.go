package process

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second // until a worker is ready, and again for Init
	maxFailures  = 5                // starts in a row that fail, of all workers, until the pool is broken
	firstBackoff = 10 * time.Millisecond
	maxBackoff   = time.Second
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
	var next *worker // is ready, as the one before was about to be killed
	for tries := 0; ; tries++ {
		w, err := next, error(nil)
		if next = nil; w == nil {
			w, err = p.begin(i)
		}
		if err != nil {
			if p.giveUp(err, tries) {
				return
			}
			continue
		}
		tries = 0
		p.ready(i, w)
		if w.open(i) {
			next = p.attend(i, w)
		}
		w.retire()
	}
}

// begin starts a worker and waits until it can take calls.
func (p *Pool) begin(i int) (*worker, error) {
	if p.near.Closed() { // nobody will need it
		<-p.leaving
		return nil, errLeaving
	}
	w, err := p.launch(i)
	if err != nil {
		return nil, err
	}
	if err := p.prepare(w); err != nil {
		w.retire()
		return nil, err
	}
	return w, nil
}

// attend waits until a worker is to go. It returns the next one, if there was reason to start that already.
func (p *Pool) attend(i int, w *worker) (next *worker) {
	for {
		select {
		case <-w.retired:
			return next
		case <-p.leaving:
			if next != nil {
				next.retire()
			}
			return nil
		case <-w.doubt:
		}
		switch doubtful := w.doubtful(); {
		case doubtful && next == nil && !p.near.Closed():
			next, _ = p.begin(i) // an error: when it is needed it is tried again
		case !doubtful && next != nil:
			next.retire()
			next = nil
		}
	}
}

// ready notes who is at a place: a start that did not fail.
func (p *Pool) ready(i int, w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.places[i] = w
	p.failures = 0
}

// giveUp says whether there will be no more workers at a place, because the pool is left or is broken; else it waits for
// a while, the longer the more often a start has failed here.
func (p *Pool) giveUp(err error, tries int) bool {
	if errors.Is(err, errLeaving) {
		return true
	}
	if p.failed(err) >= maxFailures {
		p.near.Break(fmt.Errorf("%w: %d times in a row, the last time: %w", ErrPoolBroken, maxFailures, err))
		return true
	}
	timer := time.NewTimer(min(firstBackoff<<min(tries, 10), maxBackoff))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.leaving:
	}
	return false
}

// failed counts a start that failed, unless that is excused, and returns how many there were in a row.
func (p *Pool) failed(err error) int {
	excused := p.excused(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !excused {
		p.failures++
	}
	return p.failures
}

// excused says whether a failed start is the machine's fault, which passes, and there is somebody to do the work meanwhile.
func (p *Pool) excused(err error) bool {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.ENOMEM) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.places {
		if w != nil && w.alive() {
			return true
		}
	}
	return false
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
	a, err := w.ask(ctx, callHead{task: begin.task}, begin.in)
	died, _ := errors.AsType[*WorkerDied](err)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("potok/process: Init had not ended after %v: %w%s", p.options.start, err, lastWords(died))
	case err != nil:
		return fmt.Errorf("potok/process: Init: %w%s", err, lastWords(died))
	}
	if far := a.err(); far != nil {
		return fmt.Errorf("potok/process: Init: %w", far)
	}
	return nil
}

// ask has a worker that has no lane yet run a task. When ctx ends it is killed.
func (w *worker) ask(ctx context.Context, h callHead, in []byte) (a answer, err error) {
	w.mu.Lock()
	w.putLocked(h.frame(nil, in))
	w.mu.Unlock()
	w.Flush()
	select {
	case a = <-w.initial:
		return a, nil
	case <-w.gone:
	case <-ctx.Done():
		w.kill()
		<-w.gone
	}
	select {
	case a = <-w.initial: // its last word
		return a, nil
	default:
		return a, w.died(h.task)
	}
}

// lastWords are what is worth knowing of a worker's stderr, if its death does not tell it already.
func lastWords(e *WorkerDied) string {
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	if e.Cause != "" || lines[0] == "" {
		return ""
	}
	return fmt.Sprintf(", stderr: %q", strings.Join(lines[max(0, len(lines)-5):], "\n"))
}
