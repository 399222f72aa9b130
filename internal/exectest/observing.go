package exectest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/potok-go/potok"
)

var observerRules = []rule{
	{name: "the observer is told of each call in order and once settled", run: func(e *env) {
		ex, w := e.watched(2)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		fails(e, act.Submit(e.background, ex, script{Fail: "registered"}), errRegistered)
		fails(e, act.Submit(e.background, ex, script{Fail: "panic text"}))
		for _, f := range echoInt.SubmitAll(e.background, ex, []int{1, 2, 3}) {
			gives(e, f, result1(e, f))
		}
		collect(e, echoInt.Map(e.background, ex, count(4)))
		e.idle(ex)
		w.orderly(10)
		equal(e, "of the second", w.life(2), "submitted started1 settled1:failed")
		settled := w.of(2)[2]
		e.matches(settled.Err, errRegistered)
		equal(e, "task", settled.Task, act.Name())
		equal(e, "of the first", w.life(1), "submitted started1 settled1:succeeded")
		if err := w.of(1)[2].Err; err != nil {
			e.Errorf("Err of a success: %v", err)
		}
	}},
	{name: "events carry the executor's name, the task, the worker and a time", run: func(e *env) {
		ex, w := e.watched(1, name("basin"))
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		e.idle(ex)
		for i, ev := range w.of(1) {
			equal(e, "pool", ev.Pool, "basin")
			equal(e, "task", ev.Task, echoInt.Name())
			if ev.At.IsZero() || (ev.Worker == "") != (i == 0) {
				e.Errorf("event %d: %+v", i, ev)
			}
		}
	}},
	{name: "the observer counts attempts", run: func(e *env) {
		ex, w := e.watched(1)
		p := e.probe()
		gives(e, act.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, script{Probe: p.name, Label: "a", Fail: "unknown", First: 2, Value: 1}), 1)
		e.idle(ex)
		equal(e, "events", w.life(1), "submitted started1 started2 started3 settled3:succeeded")
	}},
	{name: "a call that never starts is submitted and settled", run: func(e *env) {
		ex, w := e.watched(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		echoInt.Submit(e.background, ex, 1).Cancel()
		cancelled(e, echoInt.Submit(ended(errUnknown), ex, 1), context.Canceled)
		p.open("d")
		e.idle(ex)
		e.closes(ex)
		fails(e, echoInt.Submit(e.background, ex, 1), potok.ErrClosed)
		w.orderly(4)
		equal(e, "cancelled in the queue", w.life(2), "submitted settled0:cancelled")
		equal(e, "under an ended ctx", w.life(3), "submitted settled0:cancelled")
		equal(e, "after Close", w.life(4), "submitted settled0:failed")
		e.matches(w.of(2)[1].Err, potok.ErrCancelled)
		e.matches(w.of(4)[1].Err, potok.ErrClosed)
	}},
	{name: "a cancelled call that ran is settled once", run: func(e *env) {
		ex, w := e.watched(1)
		p := e.probe()
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "never"})
		p.noted(1, "+a")
		f.Cancel()
		cancelled(e, f, context.Canceled)
		g := act.With(potok.Retry(2, 1<<50, 1<<50)).Submit(e.background, ex, script{Fail: "unknown"})
		e.until("the call waits", func() bool { return ex.Stats().Waiting == 1 })
		g.Cancel()
		e.idle(ex)
		equal(e, "running", w.life(1), "submitted started1 settled1:cancelled")
		equal(e, "between attempts", w.life(2), "submitted started1 settled1:cancelled")
	}},
	{name: "the observer is told before whoever waits", run: func(e *env) {
		var w watcher
		w.e = e
		ex := e.executor(1, observe(w.observer()))
		for i := range 20 {
			gives(e, echoInt.Submit(e.background, ex, i), i)
			equal(e, "last event", w.last(), fmt.Sprintf("%d settled", i+1))
		}
	}},
	{name: "calls are numbered from 1", run: func(e *env) {
		ex, w := e.watched(3)
		for _, f := range echoInt.SubmitAll(e.background, ex, make([]int, 50)) {
			gives(e, f, 0)
		}
		e.idle(ex)
		w.orderly(50)
	}},
	{name: "what Started returns is the call's context and Settled's", needs: sharesMemory, run: func(e *env) {
		var settledWith any
		ex := e.executor(1, observe(potok.Observer{
			Started: func(ctx context.Context, _ potok.Event) context.Context {
				return context.WithValue(ctx, ctxKey{}, "span")
			},
			Settled: func(ctx context.Context, _ potok.Event) { settledWith = ctx.Value(ctxKey{}) },
		}))
		gives(e, ctxValue.Submit(e.background, ex, struct{}{}), "span")
		e.idle(ex)
		equal(e, "in Settled", settledWith, any("span"))
	}},
	{name: "Submitted gets Submit's ctx", run: func(e *env) {
		var with any
		ex := e.executor(1, observe(potok.Observer{Submitted: func(ctx context.Context, _ potok.Event) { with = ctx.Value(ctxKey{}) }}))
		gives(e, echoInt.Submit(context.WithValue(e.background, ctxKey{}, "v"), ex, 1), 1)
		equal(e, "value", with, any("v"))
	}},
	{name: "an observer with nothing in it changes nothing", run: func(e *env) {
		gives(e, echoInt.Submit(e.background, e.executor(1, observe(potok.Observer{})), 1), 1)
	}},
	{name: "an observer that panics is logged and the call goes on", run: func(e *env) {
		logged := e.captureLog()
		ex := e.executor(1, observe(potok.Observer{
			Submitted: func(context.Context, potok.Event) { panic("in Submitted") },
			Started:   func(context.Context, potok.Event) context.Context { panic("in Started") },
			Settled:   func(context.Context, potok.Event) { panic("in Settled") },
		}))
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		logged("in Submitted")
		logged("in Started")
		logged("in Settled")
	}},
	{name: "an observer that ends its goroutine ends nothing else", run: func(e *env) {
		ex := e.executor(1, observe(potok.Observer{
			Started: func(context.Context, potok.Event) context.Context { runtime.Goexit(); return nil },
			Settled: func(context.Context, potok.Event) { runtime.Goexit() },
		}))
		f := echoInt.Submit(e.background, ex, 1)
		_, _ = result(e, f)
		g := act.With(potok.Retry(2, 0, 0)).Submit(e.background, ex, script{Fail: "unknown"})
		_, _ = result(e, g)
		equal(e, "settled", settledCalls(e.idle(ex)), 2)
	}},
	{name: "an observer may use the executor", run: func(e *env) {
		var ex potok.Executor
		var nested atomic.Bool
		use := func() {
			if _ = ex.Stats(); !nested.Swap(true) {
				echoInt.Submit(e.background, ex, 5)
			}
		}
		ready := make(chan struct{})
		ex = e.executor(1, observe(potok.Observer{
			Submitted: func(context.Context, potok.Event) { <-ready; use() },
			Started:   func(ctx context.Context, _ potok.Event) context.Context { use(); return ctx },
			Settled:   func(context.Context, potok.Event) { use() },
		}))
		close(ready)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		equal(e, "succeeded", e.idle(ex).Succeeded, 2)
	}},
	{name: "Close in an observer returns", run: func(e *env) {
		for _, where := range []string{"submitted", "started", "settled"} {
			var ex potok.Executor
			ready := make(chan struct{})
			returned := make(chan struct{})
			var once atomic.Bool
			in := func(here string) {
				<-ready
				if here == where && !once.Swap(true) {
					_ = ex.Close()
					close(returned)
				}
			}
			ex = e.executor(1, observe(potok.Observer{
				Submitted: func(context.Context, potok.Event) { in("submitted") },
				Started:   func(ctx context.Context, _ potok.Event) context.Context { in("started"); return ctx },
				Settled:   func(context.Context, potok.Event) { in("settled") },
			}))
			close(ready)
			f := echoInt.Submit(e.background, ex, 1)
			e.finishes("Close in "+where, returned)
			_, _ = result(e, f)
		}
	}},
}

func result1(e *env, f *potok.Future[int]) int {
	v, _ := result(e, f)
	return v
}

// watcher is an observer that keeps all events.
type watcher struct {
	e *env

	mu     sync.Mutex // guards the fields below
	events map[uint64][]potok.Event
	kinds  map[uint64][]string
	latest string
}

func (e *env) watched(workers int, s ...Setting) (potok.Executor, *watcher) {
	e.Helper()
	w := &watcher{e: e}
	return e.executor(workers, append(s, observe(w.observer()))...), w
}

func (w *watcher) observer() potok.Observer {
	w.events, w.kinds = make(map[uint64][]potok.Event), make(map[uint64][]string)
	return potok.Observer{
		Submitted: func(_ context.Context, ev potok.Event) { w.add("submitted", ev) },
		Started: func(ctx context.Context, ev potok.Event) context.Context {
			w.add("started", ev)
			return ctx
		},
		Settled: func(_ context.Context, ev potok.Event) { w.add("settled", ev) },
	}
}

func (w *watcher) add(kind string, ev potok.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[ev.Call] = append(w.events[ev.Call], ev)
	w.kinds[ev.Call] = append(w.kinds[ev.Call], kind)
	w.latest = fmt.Sprint(ev.Call, " ", kind)
}

func (w *watcher) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest
}

func (w *watcher) of(call uint64) []potok.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events[call])
}

// life tells a call's events in words, with the attempt and how it settled.
func (w *watcher) life(call uint64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var words []string
	for i, ev := range w.events[call] {
		switch word := w.kinds[call][i]; word {
		case "submitted":
			words = append(words, word)
		case "started":
			words = append(words, fmt.Sprint(word, ev.Attempt))
		default:
			words = append(words, fmt.Sprint(word, ev.Attempt, ":", ev.State))
		}
	}
	return strings.Join(words, " ")
}

// orderly checks that calls 1 to n have each been submitted, then perhaps
// started, then settled, once.
func (w *watcher) orderly(n int) {
	w.e.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	equal(w.e, "calls observed", len(w.events), n)
	for call := uint64(1); call <= uint64(n); call++ {
		kinds := w.kinds[call]
		for i, k := range kinds {
			want := "started"
			switch i {
			case 0:
				want = "submitted"
			case len(kinds) - 1:
				want = "settled"
			}
			if k != want || len(kinds) < 2 {
				w.e.Errorf("call %d: %v", call, kinds)
				break
			}
			if i > 0 && w.events[call][i].At.Before(w.events[call][i-1].At) {
				w.e.Errorf("call %d: %v before %v", call, k, kinds[i-1])
			}
		}
	}
}
