package exectest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok"
)

var statsRules = []rule{
	{name: "a new executor has all its workers idle and nothing else", run: func(e *env) {
		s := e.executor(3).Stats()
		equal(e, "stats", s, potok.Stats{Workers: 3, Idle: 3})
	}},
	{name: "Stats add up", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		fs := act.SubmitAll(e.background, ex, slicesOf(5, script{Probe: p.name, Label: "a", Door: "d"}))
		p.noted(2, "+a")
		e.settle()
		equal(e, "stats", ex.Stats(), potok.Stats{Workers: 2, Queued: 3, Running: 2})
		fs[4].Cancel()
		e.until("the cancelled one is counted", func() bool {
			return ex.Stats() == potok.Stats{Workers: 2, Queued: 2, Running: 2, Cancelled: 1}
		})
		p.open("d")
		equal(e, "stats", e.idle(ex), potok.Stats{Workers: 2, Idle: 2, Succeeded: 4, Cancelled: 1})
	}},
	{name: "a failed call is unread until somebody asks for its outcome", run: func(e *env) {
		ex := e.executor(1)
		fs := act.SubmitAll(e.background, ex, slicesOf(3, script{Fail: "unknown"}))
		good := echoInt.Submit(e.background, ex, 1)
		equal(e, "unread", e.idle(ex).Unread, 3)
		fails(e, fs[0])
		fails(e, fs[0])
		equal(e, "unread after Result", ex.Stats().Unread, 2)
		_, _ = potok.Gather(e.bounded, fs[1])
		equal(e, "unread after Gather", ex.Stats().Unread, 1)
		_ = fs[2].State()
		gives(e, good, 1)
		good.Cancel()
		equal(e, "unread at the end", ex.Stats().Unread, 1)
		equal(e, "failed", ex.Stats().Failed, 3)
	}},
	{name: "a refused call counts as failed and unread", run: func(e *env) {
		ex := e.executor(1)
		e.closes(ex)
		f := echoInt.Submit(e.background, ex, 1)
		equal(e, "stats", ex.Stats().Failed, 1)
		equal(e, "unread", ex.Stats().Unread, 1)
		fails(e, f, potok.ErrClosed)
		equal(e, "unread", ex.Stats().Unread, 0)
	}},
}

// What a wait inside a call of a goroutine pool does with that call's place: the
// waits for any executor from a Pool's call, and those for the executor itself.
var lendingRules = []rule{
	{name: "Result lends the place of the call that waits", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			return second(act.Submit(ctx, ex, s).Result(ctx))
		})
	}},
	{name: "Wait, Gather and AsCompleted lend the place of the call that waits", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			_, _, err := potok.Wait(ctx, potok.AllDone, act.SubmitAll(ctx, ex, []script{s, s})...)
			return err
		})
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			return second(potok.Gather(ctx, act.SubmitAll(ctx, ex, []script{s, s})...))
		})
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			for _, err := range potok.AsCompleted(ctx, act.SubmitAll(ctx, ex, []script{s, s})...) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{name: "Map lends the place of the call that ranges", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			for _, err := range act.Map(ctx, ex, slices.Values([]script{s, s})) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	}},
	{name: "the executor's Wait lends the place of the call that waits", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			act.Submit(ctx, ex, s)
			return ex.Wait(ctx)
		})
	}},
	{name: "the executor's Shutdown lends the place of the call that waits", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			act.Submit(ctx, ex, s)
			return ex.Shutdown(ctx)
		})
	}},
	{name: "a Submit that waits for the backlog lends the place of the call that submits", run: func(e *env) {
		e.lentWhile(func(ctx context.Context, ex potok.Executor, s script) error {
			// One runs, one is queued, the third has to wait.
			for _, f := range act.SubmitAll(ctx, ex, []script{s, s, s}) {
				if _, err := f.Result(ctx); err != nil {
					return err
				}
			}
			return nil
		}, backlog(1))
	}},
	{name: "nested calls never deadlock on one worker", needs: lends, run: func(e *env) {
		ex := e.executor(1)
		var fn int
		depth := 0 // one worker: no two write it at once
		fn = e.share(func(ctx context.Context) (int, error) {
			if depth++; depth > 50 {
				return 0, nil
			}
			v, err := perform.Submit(ctx, ex, fn).Result(ctx)
			return v + 1, err
		})
		gives(e, perform.Submit(e.background, ex, fn), 50)
		equal(e, "succeeded", e.idle(ex).Succeeded, 51)
	}},
	{name: "a call that waits does not count as running", needs: lends, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		outer := perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			return act.Submit(ctx, ex, script{Probe: p.name, Label: "in", Door: "d", Value: 3}).Result(ctx)
		}))
		p.noted(1, "+in")
		s := ex.Stats()
		equal(e, "running", s.Running, 1)
		equal(e, "waiting", s.Waiting, 1)
		equal(e, "idle", s.Idle, 0)
		p.open("d")
		gives(e, outer, 3)
	}},
	{name: "what stands in Lend runs with the place lent", needs: lends, run: func(e *env) {
		ex := e.executor(1)
		gives(e, perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			other := echoInt.Submit(ctx, ex, 4)
			err := potok.Lend(ctx, func() error {
				select {
				case <-other.Done(): // a wait that nobody lends for
				case <-e.bounded.Done():
				}
				return nil
			})
			return result1(e, other), err
		})), 4)
	}},
	{name: "a wait that ends takes its place back before a queued call starts", needs: lends, run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		outer := perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			inner := act.Submit(ctx, ex, script{Probe: p.name, Label: "in", Door: "d"})
			for range 3 {
				act.Submit(e.background, ex, script{Probe: p.name, Label: "queued"})
			}
			_, err := inner.Result(ctx)
			p.note("back")
			return p.count("+queued"), err
		}))
		p.noted(1, "+in")
		p.open("d")
		gives(e, outer, 0)
	}},
	{name: "Map inside a call of the same one worker finishes", needs: lends, run: func(e *env) {
		ex := e.executor(1)
		gives(e, perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			sum := 0
			for v, err := range echoInt.Map(ctx, ex, count(20)) {
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, nil
		})), 190)
	}},
	{name: "the limit holds while calls lend", needs: lends, run: func(e *env) {
		ex := e.executor(2)
		var now, most atomic.Int32
		busy := func() {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}
		leaf := e.share(func(context.Context) (int, error) { busy(); defer now.Add(-1); return 1, nil })
		node := e.share(func(ctx context.Context) (int, error) {
			busy()
			f := perform.Submit(ctx, ex, leaf)
			now.Add(-1) // about to wait
			v, err := f.Result(ctx)
			busy()
			defer now.Add(-1)
			return v, err
		})
		for _, f := range perform.SubmitAll(e.background, ex, slicesOf(100, node)) {
			gives(e, f, 1)
		}
		if n := most.Load(); n > 2 {
			e.Errorf("%d ran at once", n)
		}
	}},
	{name: "a submit to a full backlog of its own executor finishes", needs: lends, run: func(e *env) {
		ex := e.executor(1, backlog(1))
		gives(e, perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			sum := 0
			for _, f := range echoInt.SubmitAll(ctx, ex, []int{1, 2, 3, 4}) {
				v, err := f.Result(ctx)
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, nil
		})), 10)
	}},
	{name: "a call of a call ends with the outer one unless it has the outer ctx", needs: lends, run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		var inner, free *potok.Future[int]
		gives(e, perform.Submit(e.background, ex, e.share(func(ctx context.Context) (int, error) {
			inner = act.Submit(ctx, ex, script{Probe: p.name, Label: "in", Door: "never"})
			e.untilNoted(p, "+in")
			free = act.Submit(e.background, ex, script{Probe: p.name, Label: "free", Door: "d", Value: 2})
			return 1, nil
		})), 1)
		cancelled(e, inner, context.Canceled)
		p.open("d")
		gives(e, free, 2)
	}},
}

// lentWhile runs wait, which waits for calls of the executor that stand at a
// door, in a call of a Pool with one worker, and has another call of that Pool
// open the door: without the place lent it never comes to run.
func (e *env) lentWhile(wait func(context.Context, potok.Executor, script) error, s ...Setting) {
	e.Helper()
	ex := e.executor(1, s...)
	p := e.probe()
	outer := potok.NewPool(1)
	defer outer.Close()
	waiting := potok.Submit(e.background, outer, func(ctx context.Context) (bool, error) {
		return true, wait(ctx, ex, script{Probe: p.name, Label: "in", Door: "d"})
	})
	p.noted(1, "+in")
	opener := potok.Submit(e.background, outer, func(context.Context) (bool, error) {
		p.open("d")
		return true, nil
	})
	gives(e, opener, true)
	gives(e, waiting, true)
}

var _ testing.TB = (*env)(nil)
