package exectest

import (
	"context"

	"github.com/potok-go/potok"
)

var backlogRules = []rule{
	{name: "Submit blocks while the backlog is full and goes on when there is room", run: func(e *env) {
		for _, n := range []int{1, 3} {
			ex, p := e.full(n)
			f, done := e.submits(e.background, ex, 7)
			e.stillBlocked("Submit", done)
			equal(e, "queued", ex.Stats().Queued, n)
			p.open("d")
			e.finishes("Submit", done)
			gives(e, <-f, 7)
		}
	}},
	{name: "no more calls are queued than the backlog has room for", run: func(e *env) {
		ex, p := e.full(2)
		var all []<-chan struct{}
		for range 5 {
			_, done := e.submits(e.background, ex, 1)
			all = append(all, done)
		}
		e.settle()
		s := ex.Stats()
		equal(e, "queued", s.Queued, 2)
		equal(e, "running", s.Running, 1)
		p.open("d")
		for _, done := range all {
			e.finishes("Submit", done)
		}
		equal(e, "succeeded", e.idle(ex).Succeeded, 8)
	}},
	{name: "without a backlog Submit never blocks", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		e.returns("SubmitAll", func() { echoInt.SubmitAll(e.background, ex, make([]int, 1000)) })
		p.open("d")
		equal(e, "succeeded", e.idle(ex).Succeeded, 1001)
	}},
	{name: "a cancelled call gives its room to another", run: func(e *env) {
		ex := e.executor(1, backlog(1))
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		queued := act.Submit(e.background, ex, script{Probe: p.name, Label: "q"})
		f, done := e.submits(e.background, ex, 7)
		e.stillBlocked("Submit", done)
		queued.Cancel()
		e.finishes("Submit", done)
		equal(e, "queued", ex.Stats().Queued, 1)
		p.open("d")
		gives(e, <-f, 7)
		p.never("q")
	}},
	{name: "a ctx that ends while Submit waits for room cancels the call", run: func(e *env) {
		ex, p := e.full(1)
		ctx, cancel := context.WithCancelCause(e.background)
		f, done := e.submits(ctx, ex, 7)
		e.stillBlocked("Submit", done)
		cancel(errUnknown)
		e.finishes("Submit", done)
		cancelled(e, <-f, context.Canceled, errUnknown)
		p.open("d")
		e.idle(ex)
	}},
	{name: "Close and Shutdown refuse a Submit that waits for room", run: func(e *env) {
		for _, shutdown := range []bool{false, true} {
			ex, p := e.full(1)
			f, done := e.submits(e.background, ex, 7)
			e.stillBlocked("Submit", done)
			ending := e.start(func() {
				if shutdown {
					e.shutsDown(ex)
				} else {
					_ = ex.Close()
				}
			})
			e.finishes("Submit", done)
			fails(e, <-f, potok.ErrClosed)
			p.open("d")
			e.finishes("the end", ending)
		}
	}},
	{name: "SubmitAll waits for room", run: func(e *env) {
		ex, p := e.full(2)
		var fs []*potok.Future[int]
		done := e.start(func() { fs = echoInt.SubmitAll(e.background, ex, []int{1, 2, 3, 4, 5}) })
		e.stillBlocked("SubmitAll", done)
		p.open("d")
		e.finishes("SubmitAll", done)
		for i, f := range fs {
			gives(e, f, i+1)
		}
	}},
	{name: "all who wait for room get it", run: func(e *env) {
		ex, p := e.full(1)
		var all []<-chan struct{}
		for range 20 {
			all = append(all, e.start(func() { act.Submit(e.background, ex, script{Probe: p.name, Label: "a"}) }))
		}
		e.settle()
		p.open("d")
		for _, done := range all {
			e.finishes("Submit", done)
		}
		e.idle(ex)
		equal(e, "runs", p.count("-a"), 20)
	}},
	{name: "with a backlog of 0 a call is handed to a free worker or waits", run: func(e *env) {
		ex := e.executor(2, backlog(0))
		p := e.probe()
		for range 2 {
			e.returns("Submit beside a free worker", func() {
				act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
			})
		}
		p.noted(2, "+busy")
		f, done := e.submits(e.background, ex, 7)
		e.stillBlocked("Submit", done)
		equal(e, "queued", ex.Stats().Queued, 0)
		p.open("d")
		e.finishes("Submit", done)
		gives(e, <-f, 7)
	}},
	{name: "an attempt that comes again finds its way past a full backlog", run: func(e *env) {
		ex := e.executor(1, backlog(1))
		var fs []*potok.Future[int]
		p := e.probe()
		e.returns("Submit", func() {
			for i := range 10 {
				fs = append(fs, act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: string(rune('a' + i)), Fail: "unknown", First: 1, Value: i}))
			}
		})
		for i, f := range fs {
			gives(e, f, i)
		}
	}},
	{name: "a call that finds no room is refused at once", needs: refuses, run: func(e *env) {
		ex, p := e.full(1, refuseWhenFull())
		var f *potok.Future[int]
		e.returns("Submit", func() { f = act.Submit(e.background, ex, script{Probe: p.name, Label: "f"}) })
		equal(e, "state at once", f.State(), potok.Failed)
		fails(e, f, potok.ErrFull)
		fs := echoInt.SubmitAll(e.background, ex, []int{1, 2})
		fails(e, fs[0], potok.ErrFull)
		fails(e, fs[1], potok.ErrFull)
		p.open("d")
		s := e.idle(ex)
		equal(e, "failed", s.Failed, 3)
		p.never("f")
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
	}},
}

// full returns an executor whose one worker is busy until door d opens and whose
// backlog of n is full.
func (e *env) full(n int, more ...Setting) (potok.Executor, *probe) {
	e.Helper()
	ex := e.executor(1, append(more, backlog(n))...)
	p := e.probe()
	act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
	p.noted(1, "+busy")
	e.returns("Submit into the backlog", func() { echoInt.SubmitAll(e.background, ex, make([]int, n)) })
	return ex, p
}

// submits submits beside the case.
func (e *env) submits(ctx context.Context, ex potok.Executor, v int) (<-chan *potok.Future[int], <-chan struct{}) {
	f := make(chan *potok.Future[int], 1)
	return f, e.start(func() { f <- echoInt.Submit(ctx, ex, v) })
}
