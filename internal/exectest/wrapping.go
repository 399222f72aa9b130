package exectest

import (
	"context"
	"sync/atomic"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// counting is an executor as users make them: by embedding one.
type counting struct {
	potok.Executor
	dispatched atomic.Int64
}

func (c *counting) Dispatch(calls registry.Batch) {
	c.dispatched.Add(int64(calls.Len()))
	c.Executor.Dispatch(calls)
}

// plain redefines nothing.
type plain struct{ potok.Executor }

var wrapperRules = []rule{
	{name: "an executor that embeds one works everywhere and its methods are called", run: func(e *env) {
		ex := &counting{Executor: e.executor(2)}
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		for i, f := range echoInt.SubmitAll(e.background, ex, []int{0, 1, 2}) {
			gives(e, f, i)
		}
		equal(e, "items", len(collect(e, echoInt.Map(e.background, ex, count(5)))), 5)
		equal(e, "calls dispatched", ex.dispatched.Load(), 9)
		equal(e, "succeeded", e.idle(ex).Succeeded, 9)
		e.shutsDown(ex)
		fails(e, echoInt.Submit(e.background, ex, 1), potok.ErrClosed)
		e.closes(ex)
	}},
	{name: "an executor that embeds one twice cancels, retries and refuses", run: func(e *env) {
		ex := plain{plain{e.executor(1, backlog(5))}}
		p := e.probe()
		busy := act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "never"})
		p.noted(1, "+busy")
		queued := act.Submit(e.background, ex, script{Probe: p.name, Label: "q"})
		queued.Cancel()
		cancelled(e, queued)
		busy.Cancel()
		cancelled(e, busy)
		gives(e, act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown", First: 2, Value: 1}), 1)
		cancelled(e, echoInt.Submit(ended(errUnknown), ex, 1), errUnknown)
		p.never("q")
		e.closes(ex)
		fails(e, echoInt.Submit(e.background, ex, 1), potok.ErrClosed)
	}},
	{name: "a call of an executor that embeds one lends its place", needs: lends, run: func(e *env) {
		ex := plain{e.executor(1)}
		var fn int
		depth := 0
		fn = e.share(func(ctx context.Context) (int, error) {
			if depth++; depth > 5 {
				return 0, nil
			}
			v, err := perform.Submit(ctx, ex, fn).Result(ctx)
			return v + 1, err
		})
		gives(e, perform.Submit(e.background, ex, fn), 5)
	}},
}
