package exectest

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
)

var waitRules = []rule{
	{name: "Wait returns when nothing is queued or running and the executor stays usable", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		for round := range 2 {
			door := string(rune('a' + round))
			act.Submit(e.background, ex, script{Probe: p.name, Label: "f", Door: door})
			act.Submit(e.background, ex, script{Probe: p.name, Label: "g"})
			done := e.start(func() {
				if err := ex.Wait(e.bounded); err != nil {
					e.Errorf("Wait: %v", err)
				}
			})
			e.stillBlocked("Wait", done)
			p.open(door)
			e.finishes("Wait", done)
			equal(e, "runs", p.count("-g"), round+1)
		}
	}},
	{name: "Wait of an idle executor returns at once also under a ctx that has ended", run: func(e *env) {
		ex := e.executor(1)
		for range 2 {
			e.returns("Wait", func() {
				if err := ex.Wait(ended(errUnknown)); err != nil {
					e.Errorf("Wait: %v", err)
				}
			})
			gives(e, echoInt.Submit(e.background, ex, 1), 1)
			e.idle(ex)
		}
	}},
	{name: "Wait gives up when its ctx ends and changes nothing", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "f", Door: "d", Value: 1})
		p.noted(1, "+f")
		ctx, cancel := context.WithCancelCause(e.background)
		var err error
		done := e.start(func() { err = ex.Wait(ctx) })
		e.stillBlocked("Wait", done)
		cancel(errUnknown)
		e.finishes("Wait", done)
		e.matches(err, context.Canceled, errUnknown)
		equal(e, "state", f.State(), potok.Running)
		p.open("d")
		gives(e, f, 1)
	}},
	{name: "several Waits end together", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "f", Door: "d"})
		var all []<-chan struct{}
		for range 5 {
			all = append(all, e.start(func() { _ = ex.Wait(e.bounded) }))
		}
		e.stillBlocked("Wait", all[0])
		p.open("d")
		for _, done := range all {
			e.finishes("Wait", done)
		}
	}},
	{name: "Wait waits for a pause between attempts", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.With(potok.Retry(2, 3*time.Millisecond, 3*time.Millisecond)).
			Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown", First: 1})
		p.noted(1, "+a")
		if err := ex.Wait(e.bounded); err != nil {
			e.Errorf("Wait: %v", err)
		}
		equal(e, "state after Wait", f.State(), potok.Succeeded)
	}},
	{name: "Wait waits for callbacks", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
		p.noted(1, "+a")
		var called atomic.Bool
		f.OnDone(func(*potok.Future[int]) { e.settleHere(); called.Store(true) })
		p.open("d")
		if err := ex.Wait(e.bounded); err != nil || !called.Load() {
			e.Errorf("Wait: %v, callback: %t", err, called.Load())
		}
	}},
	{name: "Wait returns after a cancel of all that is queued", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		running := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		queued := echoInt.SubmitAll(e.background, ex, make([]int, 50))
		done := e.start(func() { _ = ex.Wait(e.bounded) })
		for _, f := range queued {
			f.Cancel()
		}
		running.Cancel()
		e.finishes("Wait", done)
	}},
	{name: "Wait in a callback does not wait for itself", run: func(e *env) {
		wait := func(ex potok.Executor) {
			if err := ex.Wait(e.bounded); err != nil {
				e.Errorf("Wait: %v", err)
			}
		}
		e.inCallback(false, wait)
		e.inCallback(true, wait)
	}},
	{name: "Wait in callbacks of calls that Close cancels returns", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "never"})
		p.noted(1, "+busy")
		var called atomic.Int32
		for range 5 {
			echoInt.Submit(e.background, ex, 1).OnDone(func(*potok.Future[int]) {
				if ex.Wait(e.bounded) == nil {
					called.Add(1)
				}
			})
		}
		e.closes(ex)
		equal(e, "callbacks", called.Load(), 5)
	}},
	{name: "Wait in calls does not wait for itself nor for others that wait", needs: sharesMemory, run: func(e *env) {
		ex := e.executor(1)
		fn := e.share(func(ctx context.Context) (int, error) { return 1, ex.Wait(ctx) })
		for _, f := range perform.SubmitAll(e.background, ex, []int{fn, fn, fn}) {
			gives(e, f, 1)
		}
	}},
}

var callbackRules = []rule{
	{name: "callbacks run once each in the order of adding after waiters woke", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d", Value: 1})
		order := make(chan int, 6) // all that are added
		for i := range 5 {
			f.OnDone(func(f *potok.Future[int]) {
				if v, err := f.Result(ended(errUnknown)); v != 1 || err != nil {
					e.Errorf("in a callback: %d, %v", v, err)
				}
				order <- i
			})
		}
		p.open("d")
		gives(e, f, 1)
		e.idle(ex)
		f.OnDone(func(*potok.Future[int]) { order <- 5 })
		equal(e, "callbacks", len(order), 6)
		for i := range 6 {
			if got := <-order; got != i {
				e.Errorf("callback %d came in place %d", got, i)
			}
		}
	}},
	{name: "a callback may block and submit to the same one worker", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
		p.noted(1, "+a")
		called := make(chan struct{})
		f.OnDone(func(*potok.Future[int]) {
			defer close(called)
			gives(e, echoInt.Submit(e.background, ex, 7), 7)
		})
		p.open("d")
		e.finishes("the callback", called)
		e.idle(ex)
	}},
	{name: "a callback that panics is logged and the rest run", run: func(e *env) {
		logged := e.captureLog()
		ex := e.executor(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
		p.noted(1, "+a")
		called := make(chan struct{})
		f.OnDone(func(*potok.Future[int]) { panic("in a callback") })
		f.OnDone(func(*potok.Future[int]) { close(called) })
		p.open("d")
		e.finishes("the second callback", called)
		e.idle(ex)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		logged("in a callback")
	}},
	{name: "a callback that ends its goroutine ends nothing else", run: func(e *env) {
		for _, queued := range []bool{false, true} {
			ex := e.executor(1)
			p := e.probe()
			f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d"})
			p.noted(1, "+a")
			if queued {
				f = echoInt.Submit(e.background, ex, 1)
			}
			called := make(chan struct{})
			f.OnDone(func(*potok.Future[int]) { runtime.Goexit() })
			f.OnDone(func(*potok.Future[int]) { close(called) })
			if queued {
				e.finishes("Cancel", e.start(func() { f.Cancel() }))
			}
			p.open("d")
			e.finishes("the second callback", called)
			gives(e, echoInt.Submit(e.background, ex, 2), 2)
			e.idle(ex)
			e.closes(ex)
		}
	}},
	{name: "a callback of a call cancelled in the queue finds its room free", run: func(e *env) {
		ex := e.executor(1, backlog(1))
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		f := echoInt.Submit(e.background, ex, 1)
		next := make(chan *potok.Future[int], 1)
		f.OnDone(func(*potok.Future[int]) { next <- echoInt.Submit(e.background, ex, 2) })
		e.returns("Cancel, whose callback submits", func() { f.Cancel() })
		p.open("d")
		gives(e, <-next, 2)
	}},
}
