package exectest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/potok-go/potok"
)

var retryRules = []rule{
	{name: "a failed call runs again until it succeeds", run: func(e *env) {
		ex := e.executor(1)
		for _, kind := range []string{"unknown", "io.EOF", "panic text", "goexit", "context.Canceled", "nil pointer"} {
			p := e.probe()
			f := act.With(potok.Retry(5, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: kind, First: 2, Value: 7})
			gives(e, f, 7)
			equal(e, "attempts after "+kind, p.count("+a"), 3)
		}
		s := e.idle(ex)
		equal(e, "succeeded", s.Succeeded, 6)
		equal(e, "failed", s.Failed, 0)
	}},
	{name: "the last attempt's failure is the call's", run: func(e *env) {
		p := e.probe()
		f := act.With(potok.Retry(3, 0, 0)).Submit(e.background, e.executor(1), script{Probe: p.name, Label: "a", Fail: "registered", Value: 4})
		fails(e, f, errRegistered)
		v, _ := result(e, f)
		equal(e, "value", v, 4)
		equal(e, "attempts", p.count("+a"), 3)
	}},
	{name: "a panic in the last attempt leaves no value of the one before", run: func(e *env) {
		p := e.probe()
		f := act.With(potok.Retry(2, 0, 0)).Submit(e.background, e.executor(1), script{Probe: p.name, Label: "a", Fail: "fails, then panics", Value: 4})
		fails(e, f)
		v, err := result(e, f)
		if _, ok := errors.AsType[*potok.PanicError](err); !ok || v != 0 {
			e.Errorf("got %d, %v", v, err)
		}
	}},
	{name: "without Retry a call runs once", run: func(e *env) {
		p := e.probe()
		ex := e.executor(1)
		retrying := act.With(potok.Retry(3, 0, 0))
		s := script{Probe: p.name, Label: "a", Fail: "unknown"}
		fails(e, act.Submit(e.background, ex, s))
		equal(e, "attempts", p.count("+a"), 1)
		fails(e, retrying.With(potok.Retry(1, 0, 0)).Submit(e.background, ex, s))
		equal(e, "attempts", p.count("+a"), 2)
	}},
	{name: "never again after Permanent or ErrClosed", run: func(e *env) {
		ex := e.executor(1)
		for kind, target := range map[string]error{"permanent": errRegistered, "permanent inside": io.EOF, "potok.ErrClosed": potok.ErrClosed} {
			p := e.probe()
			fails(e, act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: kind}), target)
			equal(e, "attempts after "+kind, p.count("+a"), 1)
		}
	}},
	{name: "never again after a cancel, whatever the call returns", run: func(e *env) {
		ex := e.executor(1)
		for _, kind := range []string{"ctx", "unknown", "panic text", "goexit"} {
			p := e.probe()
			f := act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never", Ended: kind})
			p.noted(1, "+a")
			f.Cancel()
			if kind == "ctx" {
				cancelled(e, f, context.Canceled)
			} else {
				fails(e, f)
			}
			e.idle(ex)
			equal(e, "attempts after "+kind, p.count("+a"), 1)
		}
	}},
	{name: "never again after the end of Submit's ctx", run: func(e *env) {
		p := e.probe()
		ex := e.executor(1)
		ctx, cancel := context.WithTimeout(e.background, 10*time.Millisecond)
		defer cancel()
		f := act.With(potok.Retry(3, 0, 0)).Submit(ctx, ex, script{Probe: p.name, Label: "a", Door: "never"})
		cancelled(e, f, context.DeadlineExceeded)
		e.idle(ex)
		if n := p.count("+a"); n > 1 {
			e.Errorf("%d attempts", n)
		}
	}},
	{name: "between attempts a call waits and its place is free", run: func(e *env) {
		ex := e.executor(1)
		f, p := e.resting(ex)
		s := ex.Stats()
		equal(e, "queued", s.Queued, 0)
		equal(e, "running", s.Running, 0)
		equal(e, "waiting", s.Waiting, 1)
		equal(e, "state", f.State(), potok.Pending)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		done := e.start(func() { _ = ex.Wait(e.bounded) })
		if !e.bubble { // there time would pass, and the second attempt come
			e.stillBlocked("Wait", done)
		}
		f.Cancel()
		e.finishes("Wait", done)
		equal(e, "attempts", p.count("+a"), 1)
	}},
	{name: "Cancel between attempts settles the call at once", run: func(e *env) {
		ex := e.executor(1)
		f, p := e.resting(ex)
		equal(e, "Cancel", f.Cancel(), true)
		equal(e, "state", f.State(), potok.Cancelled)
		cancelled(e, f, context.Canceled)
		s := e.idle(ex)
		equal(e, "waiting", s.Waiting, 0)
		equal(e, "cancelled", s.Cancelled, 1)
		equal(e, "attempts", p.count("+a"), 1)
	}},
	{name: "the end of ctx between attempts cancels the call at once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		ctx, cancel := context.WithCancelCause(e.background)
		f := act.With(potok.Retry(2, time.Hour, time.Hour)).Submit(ctx, ex, script{Probe: p.name, Label: "a", Fail: "unknown"})
		e.until("the call waits", func() bool { return ex.Stats().Waiting == 1 })
		cancel(errUnknown)
		cancelled(e, f, context.Canceled, errUnknown)
		e.idle(ex)
		equal(e, "attempts", p.count("+a"), 1)
	}},
	{name: "a cancel while attempts come and go settles the call once", run: func(e *env) {
		ex := e.executor(2)
		for i := range 30 {
			f := act.With(potok.Retry(1000, 0, 0)).Submit(e.background, ex, script{Fail: "unknown"})
			for range i % 5 { // somewhere in its attempts; no wait could say where
				runtime.Gosched()
			}
			f.Cancel()
			_, err := result(e, f)
			if f.State() == potok.Failed { // the attempt that ran then failed by itself
				equal(e, "text", err.Error(), errUnknown.Error())
			} else {
				cancelled(e, f, context.Canceled)
			}
		}
		equal(e, "settled", settledCalls(e.idle(ex)), 30)
	}},
	{name: "Retry does not hold up the calls behind", run: func(e *env) {
		ex := e.executor(1)
		var fs []*potok.Future[int]
		p := e.probe()
		for i := range 10 {
			label := fmt.Sprint(i)
			fs = append(fs, act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: label, Fail: "unknown", First: 2, Value: i}))
		}
		for i, f := range fs {
			gives(e, f, i)
		}
		equal(e, "at once", p.atOnce(), 1)
	}},
	{name: "pauses lie between the bounds", where: inBubbles, run: func(e *env) {
		ex := e.executor(1)
		const least, most = time.Minute, 10 * time.Minute
		for range 20 {
			began := time.Now()
			fails(e, act.With(potok.Retry(5, least, most)).Submit(e.background, ex, script{Fail: "unknown"}))
			if took := time.Since(began); took < 4*least || took > 4*most {
				e.Errorf("4 pauses took %v", took)
			}
		}
		began := time.Now()
		fails(e, act.With(potok.Retry(4, time.Hour, time.Hour)).Submit(e.background, ex, script{Fail: "unknown"}))
		equal(e, "3 pauses of an hour", time.Since(began), 3*time.Hour)
	}},
	{name: "calls pause side by side", where: inBubbles, run: func(e *env) {
		ex := e.executor(1)
		began := time.Now()
		fs := act.With(potok.Retry(2, time.Hour, time.Hour)).SubmitAll(e.background, ex, slicesOf(50, script{Fail: "unknown"}))
		e.settle()
		equal(e, "waiting", ex.Stats().Waiting, 50)
		for _, f := range fs {
			fails(e, f)
		}
		equal(e, "all pauses", time.Since(began), time.Hour)
	}},
}

// resting returns a call whose first attempt has failed and whose second is far.
func (e *env) resting(ex potok.Executor) (*potok.Future[int], *probe) {
	e.Helper()
	p := e.probe()
	f := act.With(potok.Retry(2, time.Hour, time.Hour)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown"})
	p.noted(1, "-a")
	e.until("the call waits", func() bool { s := ex.Stats(); return s.Waiting == 1 && s.Idle == s.Workers })
	return f, p
}

func slicesOf[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

var timeoutRules = []rule{
	{name: "an attempt that runs into its Timeout has failed, not cancelled", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		for label, kind := range map[string]string{"a": "ctx", "b": "cause", "c": "wrapped ctx"} {
			f := act.With(potok.Timeout(5*time.Millisecond)).Submit(e.background, ex, script{Probe: p.name, Label: label, Door: "never", Ended: kind})
			fails(e, f, context.DeadlineExceeded)
			e.differs(second(result(e, f)), potok.ErrCancelled, context.Canceled)
			p.sawEnd(label, codeDeadline, codeDeadline)
		}
		equal(e, "failed", e.idle(ex).Failed, 3)
	}},
	{name: "an attempt that runs into its Timeout is retried", run: func(e *env) {
		p := e.probe()
		f := act.With(potok.Timeout(5*time.Millisecond), potok.Retry(3, 0, 0)).
			Submit(e.background, e.executor(1), script{Probe: p.name, Label: "a", Door: "never"})
		fails(e, f, context.DeadlineExceeded)
		equal(e, "attempts", p.count("+a"), 3)
	}},
	{name: "a call that beats its Timeout succeeds", run: func(e *env) {
		gives(e, echoInt.With(potok.Timeout(time.Hour)).Submit(e.background, e.executor(1), 1), 1)
	}},
	{name: "the Timeout is the call's deadline unless ctx has an earlier one", run: func(e *env) {
		ex := e.executor(1)
		before := time.Now()
		d, err := result(e, ctxDeadline.With(potok.Timeout(time.Hour)).Submit(e.background, ex, struct{}{}))
		if err != nil || d.Before(before.Add(59*time.Minute)) || d.After(time.Now().Add(61*time.Minute)) {
			e.Errorf("deadline %v from %v, %v", d, before, err)
		}
		sooner := before.Add(10 * time.Minute)
		ctx, cancel := context.WithDeadline(e.background, sooner)
		defer cancel()
		d, err = result(e, ctxDeadline.With(potok.Timeout(time.Hour)).Submit(ctx, ex, struct{}{}))
		if err != nil || !e.sameDeadline(d, sooner) {
			e.Errorf("deadline %v, want %v, %v", d, sooner, err)
		}
	}},
	{name: "Submit's deadline before the Timeout cancels", run: func(e *env) {
		p := e.probe()
		ctx, cancel := context.WithTimeout(e.background, 10*time.Millisecond)
		defer cancel()
		f := act.With(potok.Timeout(time.Hour), potok.Retry(3, 0, 0)).Submit(ctx, e.executor(1), script{Probe: p.name, Label: "a", Door: "never"})
		cancelled(e, f, context.DeadlineExceeded)
	}},
	{name: "a call under a Timeout can be cancelled", run: func(e *env) {
		p := e.probe()
		f := act.With(potok.Timeout(time.Hour)).Submit(e.background, e.executor(1), script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		f.Cancel()
		p.sawEnd("a", codeCanceled, codeCancelled)
		cancelled(e, f, context.Canceled)
	}},
	{name: "the Timeout counts from the start of the attempt", where: inBubbles, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		f := act.With(potok.Timeout(time.Minute)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "e", Value: 5})
		e.later(time.Hour)
		p.open("d")
		e.later(time.Minute - time.Nanosecond)
		p.open("e")
		gives(e, f, 5)
	}},
	{name: "each attempt has the whole Timeout", where: inBubbles, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		began := time.Now()
		f := act.With(potok.Timeout(time.Minute), potok.Retry(3, time.Hour, time.Hour)).
			Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		fails(e, f, context.DeadlineExceeded)
		equal(e, "3 attempts and 2 pauses", time.Since(began), 3*time.Minute+2*time.Hour)
	}},
}
