package exectest

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
)

var closeRules = []rule{
	{name: "after Close a call has failed with ErrClosed and nothing runs", run: func(e *env) {
		ex := e.executor(1)
		e.closes(ex)
		p := e.probe()
		s := script{Probe: p.name, Label: "f"}
		fs := append(act.SubmitAll(e.background, ex, []script{s, s}), act.Submit(e.background, ex, s))
		for _, f := range fs {
			equal(e, "state at once", f.State(), potok.Failed)
			fails(e, f, potok.ErrClosed)
		}
		p.never("f")
		equal(e, "failed", ex.Stats().Failed, 3)
	}},
	{name: "Close cancels what is queued and what runs", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		running := act.SubmitAll(e.background, ex, []script{
			{Probe: p.name, Label: "a", Door: "never"},
			{Probe: p.name, Label: "b", Door: "never", Ended: "cause"},
		})
		p.noted(1, "+a")
		p.noted(1, "+b")
		queued := act.SubmitAll(e.background, ex, []script{{Probe: p.name, Label: "q"}, {Probe: p.name, Label: "q"}})
		e.closes(ex)
		for _, f := range queued {
			cancelled(e, f, potok.ErrClosed, context.Canceled)
		}
		for _, f := range running {
			cancelled(e, f, potok.ErrClosed, context.Canceled)
		}
		p.sawEnd("a", codeCanceled, codeClosed)
		p.never("q")
		s := ex.Stats()
		equal(e, "cancelled", s.Cancelled, 4)
		equal(e, "unfinished", s.Queued+s.Running+s.Waiting, 0)
	}},
	{name: "Close waits for a call that does not look at its context", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d", Deaf: true, Value: 4})
		p.noted(1, "+a")
		queued := echoInt.Submit(e.background, ex, 1)
		done := e.start(func() { _ = ex.Close() })
		cancelled(e, queued, potok.ErrClosed)
		e.stillBlocked("Close", done)
		p.open("d")
		e.finishes("Close", done)
		gives(e, f, 4)
	}},
	{name: "a call that Close interrupts may still succeed", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never", Ended: "nil", Value: 6})
		p.noted(1, "+a")
		e.closes(ex)
		gives(e, f, 6)
	}},
	{name: "Close of an executor that did nothing returns", run: func(e *env) {
		e.closes(e.executor(3))
	}},
	{name: "Close may be called any number of times by ten goroutines", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		fs := act.SubmitAll(e.background, ex, make([]script, 20))
		fs = append(fs, act.Submit(e.background, ex, script{Probe: p.name, Door: "never"}))
		var all []<-chan struct{}
		for range 10 {
			all = append(all, e.start(func() {
				if err := ex.Close(); err != nil {
					e.Errorf("Close: %v", err)
				}
			}))
		}
		for _, done := range all {
			e.finishes("Close", done)
		}
		e.closes(ex)
		for _, f := range fs {
			equal(e, "settled", f.State() >= potok.Succeeded, true)
		}
	}},
	{name: "Close while others submit settles every call", run: closeWhileSubmitting},
	{name: "Close waits for callbacks", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		running := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		var called atomic.Int32
		running.OnDone(func(*potok.Future[int]) { e.settleHere(); called.Add(1) })
		echoInt.Submit(e.background, ex, 1).OnDone(func(*potok.Future[int]) { e.settleHere(); called.Add(1) })
		e.closes(ex)
		equal(e, "callbacks", called.Load(), 2)
	}},
	{name: "Close and Wait wait for the callback of a call that somebody else cancels", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		f := echoInt.Submit(e.background, ex, 1)
		goOn := make(chan struct{})
		f.OnDone(func(*potok.Future[int]) { <-goOn })
		cancelling := e.start(func() { f.Cancel() })
		e.until("the call is cancelled", func() bool { return f.State() == potok.Cancelled })
		p.open("d")
		waiting := e.start(func() { _ = ex.Wait(e.bounded) })
		e.stillBlocked("Wait", waiting)
		closing := e.start(func() { e.closesHere(ex) })
		e.stillBlocked("Close", closing)
		close(goOn)
		e.finishes("Cancel", cancelling)
		e.finishes("Wait", waiting)
		e.finishes("Close", closing)
	}},
	{name: "no queued call runs in the place of one that Close interrupts", where: outside, run: func(e *env) {
		for range cmp.Or(e.opts.Calls, 10_000) / 200 {
			ex := e.executor(1)
			p := e.probe()
			act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "never"})
			p.noted(1, "+busy")
			fs := act.SubmitAll(e.background, ex, slicesOf(50, script{}))
			e.closes(ex)
			for _, f := range fs {
				if f.State() != potok.Cancelled {
					e.Errorf("state %v", f.State())
				}
			}
		}
	}},
	{name: "Close in the callback of a call that ran returns", run: func(e *env) {
		e.inCallback(false, e.closesHere)
	}},
	{name: "Close in the callback of a call that was cancelled in the queue returns", run: func(e *env) {
		e.inCallback(true, e.closesHere)
	}},
	{name: "Close in callbacks of calls that Close cancels returns", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "never"})
		p.noted(1, "+busy")
		var called atomic.Int32
		for range 5 {
			echoInt.Submit(e.background, ex, 1).OnDone(func(*potok.Future[int]) {
				_ = ex.Close()
				called.Add(1)
			})
		}
		e.closes(ex)
		equal(e, "callbacks", called.Load(), 5)
	}},
	{name: "Close in a call returns", needs: sharesMemory, run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		other := act.Submit(e.background, ex, script{Probe: p.name, Label: "other", Door: "never"})
		p.noted(1, "+other")
		closer := perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			err := ex.Close()
			equal(e, "the other's state after Close", other.State(), potok.Cancelled)
			return 3, err
		}))
		gives(e, closer, 3)
		cancelled(e, other, potok.ErrClosed)
	}},
	{name: "Close in two calls at once returns", needs: sharesMemory, run: func(e *env) {
		ex := e.executor(2)
		both := make(chan struct{}, 2) // both arrive before either closes
		fn := e.share(func(context.Context) (int, error) {
			both <- struct{}{}
			for len(both) < 2 {
				e.settleHere()
			}
			return 1, ex.Close()
		})
		for _, f := range perform.SubmitAll(e.background, ex, []int{fn, fn}) {
			gives(e, f, 1)
		}
		e.closes(ex)
	}},
	{name: "Close cancels a pause between attempts at once", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.With(potok.Retry(2, time.Hour, time.Hour)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown"})
		e.until("the call waits", func() bool { return ex.Stats().Waiting == 1 })
		e.closes(ex)
		cancelled(e, f, potok.ErrClosed)
		equal(e, "attempts", p.count("+a"), 1)
	}},
	{name: "Close after Shutdown and Shutdown after Close return", run: func(e *env) {
		ex := e.executor(1)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		e.shutsDown(ex)
		e.closes(ex)
		e.shutsDown(ex)
	}},
	{name: "a closed executor still tells its numbers", run: func(e *env) {
		ex := e.executor(3)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		e.closes(ex)
		s := ex.Stats()
		equal(e, "succeeded", s.Succeeded, 1)
		equal(e, "in flight", s.Queued+s.Running+s.Waiting, 0)
		if err := ex.Wait(e.bounded); err != nil {
			e.Errorf("Wait: %v", err)
		}
	}},
}

func (e *env) closes(ex potok.Executor) {
	e.Helper()
	e.returns("Close", func() { e.closesHere(ex) })
}

func (e *env) shutsDown(ex potok.Executor) {
	e.Helper()
	e.returns("Shutdown", func() { e.shutsDownHere(ex) })
}

// closesHere and shutsDownHere run on the caller's goroutine, by which a callback
// is recognised.
func (e *env) closesHere(ex potok.Executor) {
	if err := ex.Close(); err != nil {
		e.Errorf("Close: %v", err)
	}
}

func (e *env) shutsDownHere(ex potok.Executor) {
	if err := ex.Shutdown(e.bounded); err != nil {
		e.Errorf("Shutdown: %v", err)
	}
}

// settleHere is a pause of a goroutine that is not the case's: synctest.Wait may
// be called by one at a time only.
func (e *env) settleHere() {
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	<-timer.C
}

// inCallback runs fn in an OnDone callback, of a call that is cancelled in the
// queue or of one that has run.
func (e *env) inCallback(queued bool, fn func(potok.Executor)) {
	e.Helper()
	ex := e.executor(1)
	p := e.probe()
	f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
	p.noted(1, "+a")
	called := make(chan struct{})
	target := f
	if queued {
		target = echoInt.Submit(e.background, ex, 1)
	}
	target.OnDone(func(*potok.Future[int]) {
		defer close(called)
		fn(ex)
	})
	if queued {
		cancelling := e.start(func() { target.Cancel() })
		e.until("the call is cancelled", func() bool { return target.State() == potok.Cancelled })
		defer e.finishes("Cancel", cancelling)
	}
	p.open("d") // fn may wait for the one that runs
	e.finishes("the callback", called)
}

func closeWhileSubmitting(e *env) {
	for range 5 {
		ex := e.executor(2)
		const submitters = 4
		var fs [submitters][]*potok.Future[int]
		var all []<-chan struct{}
		for i := range submitters {
			all = append(all, e.start(func() {
				ctx, cancel := context.WithCancel(e.background)
				defer cancel()
				for n := range 30 {
					fs[i] = append(fs[i], echoInt.Submit(ctx, ex, n))
				}
				fs[i] = append(fs[i], echoInt.SubmitAll(ctx, ex, make([]int, 10))...)
			}))
		}
		e.closes(ex)
		for _, done := range all {
			e.finishes("Submit", done)
		}
		for i := range fs {
			for _, f := range fs[i] {
				_, _ = result(e, f)
				switch _, err := result(e, f); f.State() {
				case potok.Succeeded:
				case potok.Failed:
					e.matches(err, potok.ErrClosed)
				case potok.Cancelled:
					e.matches(err, potok.ErrCancelled)
				default:
					e.Errorf("state %v", f.State())
				}
			}
		}
		equal(e, "settled", settledCalls(ex.Stats()), submitters*40)
	}
}
