package exectest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/potok-go/potok"
)

var shutdownRules = []rule{
	{name: "Shutdown finishes what was accepted and takes no more", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		fs := act.SubmitAll(e.background, ex, []script{{Probe: p.name, Label: "a", Door: "d", Value: 1}, {Value: 2}, {Value: 3}, {Fail: "io.EOF"}})
		p.noted(1, "+a")
		done := e.start(func() { e.shutsDown(ex) })
		early := e.draining(ex)
		e.stillBlocked("Shutdown", done)
		fails(e, echoInt.SubmitAll(e.background, ex, []int{1})[0], potok.ErrClosed)
		p.open("d")
		e.finishes("Shutdown", done)
		for i := range 3 {
			gives(e, fs[i], i+1)
		}
		fails(e, fs[3])
		s := ex.Stats()
		equal(e, "settled", settledCalls(s), 6+early)
		equal(e, "cancelled", s.Cancelled, 0)
	}},
	{name: "Shutdown of an executor that did nothing returns", run: func(e *env) { e.shutsDown(e.executor(2)) }},
	{name: "Shutdown may be called by several at once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d", Value: 1})
		p.noted(1, "+a")
		var all []<-chan struct{}
		for range 4 {
			all = append(all, e.start(func() { e.shutsDown(ex) }))
		}
		e.stillBlocked("Shutdown", all[0])
		p.open("d")
		for _, done := range all {
			e.finishes("Shutdown", done)
		}
		gives(e, f, 1)
	}},
	{name: "Shutdown finishes attempts that are still to come", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.With(potok.Retry(3, 2*time.Millisecond, 5*time.Millisecond)).
			Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown", First: 2, Value: 9})
		p.noted(1, "+a")
		e.shutsDown(ex)
		equal(e, "state after Shutdown", f.State(), potok.Succeeded)
		gives(e, f, 9)
	}},
	{name: "Shutdown lets recursive work finish", needs: sharesMemory, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		var fn int
		levels := 0 // one worker: no two write it at once
		fn = e.share(func(ctx context.Context) (int, error) {
			if levels++; levels == 1 {
				p.note("+began")
				if err := p.pass(ctx, "d"); err != nil {
					return 0, err
				}
			}
			if levels == 5 {
				return 1, nil
			}
			v, err := perform.Submit(ctx, ex, fn).Result(ctx)
			return v + 1, err
		})
		f := perform.Submit(e.background, ex, fn)
		p.noted(1, "+began")
		done := e.start(func() { e.shutsDown(ex) })
		e.stillBlocked("Shutdown", done)
		p.open("d")
		e.finishes("Shutdown", done)
		gives(e, f, 5)
		fails(e, echoInt.Submit(e.background, ex, 1), potok.ErrClosed)
	}},
	{name: "Shutdown cancels the rest when its ctx ends and returns the cause", run: shutdownEnds},
	{name: "Shutdown with a deadline returns DeadlineExceeded", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		ctx, cancel := context.WithTimeout(e.background, time.Millisecond)
		defer cancel()
		e.returns("Shutdown", func() { e.matches(ex.Shutdown(ctx), context.DeadlineExceeded) })
		cancelled(e, f, potok.ErrClosed)
	}},
	{name: "Shutdown under a ctx that has ended does not wait for deaf calls, nor does Close then", run: hurriedShutdown},
	{name: "Shutdown of an idle executor succeeds under a ctx that has ended", run: func(e *env) {
		ex := e.executor(1)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		e.idle(ex)
		e.returns("Shutdown", func() { _ = ex.Shutdown(ended(errUnknown)) })
		fails(e, echoInt.Submit(e.background, ex, 1), potok.ErrClosed)
	}},
	{name: "Close cuts a Shutdown short", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		running := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		queued := echoInt.Submit(e.background, ex, 1)
		done := e.start(func() { e.shutsDown(ex) })
		e.stillBlocked("Shutdown", done)
		e.closes(ex)
		e.finishes("Shutdown", done)
		cancelled(e, running, potok.ErrClosed)
		cancelled(e, queued, potok.ErrClosed)
	}},
	{name: "Shutdown in a callback returns", run: func(e *env) {
		e.inCallback(false, e.shutsDownHere)
		e.inCallback(true, e.shutsDownHere)
	}},
	{name: "Shutdown in a call waits for the others only", needs: sharesMemory, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		other := 0
		f := perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			if err := p.pass(ctx, "d"); err != nil {
				return 0, err
			}
			err := ex.Shutdown(ctx)
			return other, err
		}))
		perform.Submit(e.background, ex, e.share(func(context.Context) (int, error) { other = 7; return 0, nil }))
		p.open("d")
		gives(e, f, 7)
	}},
}

// draining waits until Shutdown has begun, which nothing tells but that a call is
// refused, at once. It returns how many were accepted before.
func (e *env) draining(ex potok.Executor) (early uint64) {
	e.Helper()
	e.until("a call is refused", func() bool {
		f := echoInt.Submit(e.background, ex, 1)
		if f.State() != potok.Failed {
			early++
			return false
		}
		fails(e, f, potok.ErrClosed)
		return true
	})
	return early
}

func shutdownEnds(e *env) {
	ex := e.executor(1)
	p := e.probe()
	running := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
	p.noted(1, "+a")
	queued := act.Submit(e.background, ex, script{Probe: p.name, Label: "q"})
	ctx, cancel := context.WithCancelCause(e.background)
	var err error
	done := e.start(func() { err = ex.Shutdown(ctx) })
	e.stillBlocked("Shutdown", done)
	cancel(errUnknown)
	e.finishes("Shutdown", done)
	e.matches(err, context.Canceled, errUnknown)
	cancelled(e, queued, potok.ErrClosed)
	cancelled(e, running, potok.ErrClosed)
	p.sawEnd("a", codeCanceled, codeClosed)
	p.never("q")
	e.returns("Close", func() { _ = ex.Close() })
}

func hurriedShutdown(e *env) {
	ex := e.executor(2)
	p := e.probe()
	var fs []*potok.Future[int]
	for range 2 {
		fs = append(fs, act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d", Deaf: true, Value: 1}))
	}
	p.noted(2, "+a")
	e.until("it is known that both run", func() bool { return ex.Stats().Running == 2 })
	queued := echoInt.Submit(e.background, ex, 1)
	e.returns("Shutdown", func() { e.matches(ex.Shutdown(ended(errUnknown)), context.Canceled, errUnknown) })
	cancelled(e, queued, potok.ErrClosed)
	var err error
	e.returns("Close", func() { err = ex.Close() })
	if err == nil || !strings.Contains(err.Error(), "2") || errors.Is(err, context.Canceled) {
		e.Errorf("Close with 2 calls still running: %v", err)
	}
	for _, f := range fs {
		equal(e, "state", f.State(), potok.Running)
	}
	p.open("d")
	for _, f := range fs {
		gives(e, f, 1)
	}
	e.until("Close finds nothing running", func() bool { return ex.Close() == nil })
}
