package exectest

import (
	"context"
	"strings"
	"time"

	"github.com/potok-go/potok"
)

var contextRules = []rule{
	{name: "under a ctx that has ended nothing runs", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(ended(errRegistered), ex, script{Probe: p.name, Label: "f"})
		cancelled(e, f, context.Canceled, errRegistered)
		late, cancel := context.WithDeadline(e.background, time.Now().Add(-time.Second))
		defer cancel()
		for _, f := range act.SubmitAll(late, ex, []script{{Probe: p.name, Label: "f"}, {Probe: p.name, Label: "f"}}) {
			cancelled(e, f, context.DeadlineExceeded)
		}
		e.idle(ex)
		p.never("f")
		equal(e, "cancelled", ex.Stats().Cancelled, 3)
	}},
	{name: "a ctx that ends cancels its queued calls at once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		ctx, cancel := context.WithCancelCause(e.background)
		fs := act.SubmitAll(ctx, ex, []script{{Probe: p.name, Label: "f"}, {Probe: p.name, Label: "f"}})
		fs = append(fs, act.Submit(ctx, ex, script{Probe: p.name, Label: "f"}))
		other := echoInt.Submit(e.background, ex, 1)
		cancel(errUnknown)
		for _, f := range fs {
			cancelled(e, f, context.Canceled, errUnknown)
			e.differs(second(result(e, f)), context.DeadlineExceeded)
		}
		p.open("d")
		gives(e, other, 1)
		e.idle(ex)
		p.never("f")
	}},
	{name: "a deadline cancels a queued call", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		ctx, cancel := context.WithTimeout(e.background, 5*time.Millisecond)
		defer cancel()
		f := act.Submit(ctx, ex, script{Probe: p.name, Label: "f"})
		cancelled(e, f, context.DeadlineExceeded)
		e.differs(second(result(e, f)), context.Canceled)
		p.open("d")
		e.idle(ex)
		p.never("f")
	}},
	{name: "a running call sees its ctx end", run: func(e *env) {
		p := e.probe()
		ctx, cancel := context.WithCancelCause(e.background)
		f := act.Submit(ctx, e.executor(1), script{Probe: p.name, Label: "f", Door: "never"})
		p.noted(1, "+f")
		cancel(errRegistered)
		p.sawEnd("f", codeCanceled, "exectest.registered")
		cancelled(e, f, context.Canceled, errRegistered)
	}},
	{name: "a running call that returns the cause of its ctx is cancelled", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		for label, cause := range map[string]error{"registered": errRegistered, "unknown": errUnknown} {
			ctx, cancel := context.WithCancelCause(e.background)
			f := act.Submit(ctx, ex, script{Probe: p.name, Label: label, Door: "never", Ended: "cause"})
			p.noted(1, "+"+label)
			cancel(cause)
			cancelled(e, f, context.Canceled, cause)
		}
	}},
	{name: "a running call sees its deadline", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		for range 5 { // which side's timer is first must not matter
			ctx, cancel := context.WithTimeout(e.background, 20*time.Millisecond)
			f := act.Submit(ctx, ex, script{Probe: p.name, Label: "f", Door: "never"})
			_, err := result(e, f)
			cancelled(e, f, context.DeadlineExceeded)
			e.differs(err, context.Canceled)
			cancel()
		}
		if n := p.count("+f"); n > 0 { // else it was so slow that none got to run
			p.sawEnd("f", codeDeadline, codeDeadline)
		}
	}},
	{name: "a call that ran into its deadline and returns something else is not cancelled", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		ctx, cancel := context.WithCancel(e.background)
		f := act.Submit(ctx, ex, script{Probe: p.name, Label: "f", Door: "never", Ended: "io.EOF"})
		p.noted(1, "+f")
		cancel()
		fails(e, f, known["io.EOF"])
		ctx, cancel = context.WithCancel(e.background)
		f = act.Submit(ctx, ex, script{Probe: p.name, Label: "g", Door: "never", Ended: "nil", Value: 8})
		p.noted(1, "+g")
		cancel()
		gives(e, f, 8)
	}},
	{name: "the deadline of ctx is the call's", run: func(e *env) {
		ex := e.executor(1)
		if d, err := result(e, ctxDeadline.Submit(e.background, ex, struct{}{})); !d.IsZero() || err != nil {
			e.Errorf("without a deadline: %v, %v", d, err)
		}
		want := time.Now().Add(time.Hour)
		ctx, cancel := context.WithDeadline(e.background, want)
		defer cancel()
		if d, err := result(e, ctxDeadline.Submit(ctx, ex, struct{}{})); err != nil || !e.sameDeadline(d, want) {
			e.Errorf("got %v, %v, want %v", d, err, want)
		}
	}},
	{name: "values of ctx reach the call", needs: sharesMemory, run: func(e *env) {
		ctx := context.WithValue(e.background, ctxKey{}, "v")
		gives(e, ctxValue.Submit(ctx, e.executor(1), struct{}{}), "v")
	}},
	{name: "values of ctx do not cross", needs: copies, run: func(e *env) {
		ctx := context.WithValue(e.background, ctxKey{}, "v")
		gives(e, ctxValue.Submit(ctx, e.executor(1), struct{}{}), "")
	}},
	{name: "the context of a call ends when the call has returned", run: func(e *env) {
		p := e.probe()
		ctx, cancel := context.WithTimeout(e.background, time.Hour)
		defer cancel()
		if _, err := result(e, outlive.Submit(ctx, e.executor(1), p.name)); err != nil {
			e.Error(err)
		}
		e.until("what the call left behind sees its context end", func() bool { return len(p.with("outlived saw err "+codeCanceled)) > 0 })
	}},
	{name: "a call without a cancel sees no end", run: func(e *env) {
		p := e.probe()
		ctx, cancel := context.WithCancel(e.background)
		defer cancel()
		f := act.Submit(ctx, e.executor(1), script{Probe: p.name, Label: "f", Door: "d", Value: 2})
		p.noted(1, "+f")
		e.settle()
		p.open("d")
		gives(e, f, 2)
		for _, l := range p.lines() {
			if strings.Contains(l, "saw") {
				e.Errorf("note %q", l)
			}
		}
	}},
	{name: "on a closed executor ErrClosed wins over a ctx that has ended", run: func(e *env) {
		ex := e.executor(1)
		e.returns("Close", func() { _ = ex.Close() })
		f := echoInt.Submit(ended(errRegistered), ex, 1)
		fails(e, f, potok.ErrClosed)
		e.differs(second(result(e, f)), context.Canceled)
	}},
}

// sameDeadline allows for clocks that differ, where there are two.
func (e *env) sameDeadline(got, want time.Time) bool {
	if e.opts.SharesMemory || e.bubble {
		return got.Equal(want)
	}
	return got.Sub(want).Abs() < time.Minute
}
