package exectest

import (
	"context"
	"sync/atomic"

	"github.com/potok-go/potok"
)

var cancelRules = []rule{
	{name: "a queued call that is cancelled never runs and wakes its waiters at once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		busy := act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "f"})
		waiter := e.start(func() { cancelled(e, f, context.Canceled) })
		e.settle()
		equal(e, "Cancel", f.Cancel(), true)
		e.finishes("Result of the cancelled call, beside a busy worker", waiter)
		equal(e, "Cancel again", f.Cancel(), true)
		e.differs(second(result(e, f)), context.DeadlineExceeded, potok.ErrClosed)
		p.open("d")
		gives(e, busy, 0)
		e.idle(ex)
		p.never("f")
	}},
	{name: "a running call that is cancelled sees its context end with cause ErrCancelled", run: func(e *env) {
		p := e.probe()
		f := act.Submit(e.background, e.executor(1), script{Probe: p.name, Label: "f", Door: "d", Value: 3})
		p.noted(1, "+f")
		equal(e, "Cancel", f.Cancel(), true)
		p.sawEnd("f", codeCanceled, codeCancelled)
		cancelled(e, f, context.Canceled)
		equal(e, "Cancel again", f.Cancel(), true)
	}},
	{name: "a cancelled call settles as what it then returns", run: afterCancel},
	{name: "a call that does not look at its context runs on after Cancel", run: func(e *env) {
		p := e.probe()
		f := act.Submit(e.background, e.executor(1), script{Probe: p.name, Label: "f", Door: "d", Deaf: true, Value: 3})
		p.noted(1, "+f")
		equal(e, "Cancel", f.Cancel(), true)
		e.settle()
		equal(e, "state", f.State(), potok.Running)
		equal(e, "Cancel again", f.Cancel(), true)
		p.open("d")
		gives(e, f, 3)
	}},
	{name: "Cancel of a settled call changes nothing", run: func(e *env) {
		ex := e.executor(1)
		good := act.Submit(e.background, ex, script{Value: 3})
		gives(e, good, 3)
		equal(e, "Cancel", good.Cancel(), false)
		gives(e, good, 3)
		bad := act.Submit(e.background, ex, script{Fail: "io.EOF"})
		_, err := result(e, bad)
		equal(e, "Cancel", bad.Cancel(), false)
		fails(e, bad, err)
	}},
	{name: "ten goroutines cancel a call and it settles once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		for range 20 {
			f := act.Submit(e.background, ex, script{Probe: p.name, Label: "f"})
			var settled, yes atomic.Int32
			f.OnDone(func(*potok.Future[int]) { settled.Add(1) })
			all := make([]<-chan struct{}, 10)
			for i := range all {
				all[i] = e.start(func() {
					if f.Cancel() {
						yes.Add(1)
					}
				})
			}
			for _, done := range all {
				e.finishes("Cancel", done)
			}
			cancelled(e, f, context.Canceled)
			equal(e, "true of ten", yes.Load(), 10)
			equal(e, "settled", settled.Load(), 1)
		}
		p.open("d")
		equal(e, "cancelled", e.idle(ex).Cancelled, 20)
		p.never("f")
	}},
	{name: "cancelling the middle of a queue leaves the rest in order", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		var fs []*potok.Future[int]
		for i := range 9 {
			fs = append(fs, act.Submit(e.background, ex, script{Probe: p.name, Label: string(rune('a' + i))}))
		}
		for i, f := range fs {
			if i%3 == 1 {
				f.Cancel()
			}
		}
		p.open("d")
		e.idle(ex)
		order := ""
		for _, l := range p.with("+") {
			order += l
		}
		if !e.opts.MayRunCancelled {
			equal(e, "order", order, "busyacdfgi")
		}
	}},
}

func afterCancel(e *env) {
	ex := e.executor(1)
	p := e.probe()
	run := func(label, returns string) *potok.Future[int] {
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: label, Door: "never", Ended: returns, Value: 5})
		p.noted(1, "+"+label)
		f.Cancel()
		_, _ = result(e, f)
		return f
	}
	cancelled(e, run("ctx", "ctx"), context.Canceled)
	cancelled(e, run("cause", "cause"), context.Canceled)
	cancelled(e, run("wrapped", "wrapped ctx"), context.Canceled)
	gives(e, run("nil", "nil"), 5)
	fails(e, run("unknown", "unknown"))
	fails(e, run("registered", "registered"), errRegistered)
	fails(e, run("deadline", "context.Deadline"), context.DeadlineExceeded)
	fails(e, run("panic", "panic text"))
	fails(e, run("goexit", "goexit"), potok.ErrGoexit)
	// The error of a cancelled call wraps what the call returned.
	cancelled(e, run("both", "ctx and registered"), context.Canceled, errRegistered)
	s := e.idle(ex)
	equal(e, "succeeded", s.Succeeded, 1)
	equal(e, "failed", s.Failed, 5)
	equal(e, "cancelled", s.Cancelled, 4)
}
