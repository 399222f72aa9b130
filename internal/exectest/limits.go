package exectest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
)

var limitRules = []rule{
	{name: "at most so many calls run at once as there are workers, and so many do", run: func(e *env) {
		for _, workers := range []int{1, 3} {
			ex := e.executor(workers)
			p := e.probe()
			fs := act.SubmitAll(e.background, ex, slicesOf(4*workers, script{Probe: p.name, Label: "a", Door: "d"}))
			p.noted(workers, "+a")
			e.settle()
			s := ex.Stats()
			equal(e, "running", s.Running, workers)
			equal(e, "queued", s.Queued, 3*workers)
			equal(e, "idle", s.Idle, 0)
			p.open("d")
			for _, f := range fs {
				gives(e, f, 0)
			}
			equal(e, "at once", p.atOnce(), workers)
		}
	}},
	{name: "the limit holds while attempts, cancels and panics come and go", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		var all []*potok.Future[int]
		for i := range 60 {
			s := script{Probe: p.name, Label: fmt.Sprint(i)}
			switch i % 5 {
			case 1:
				s.Fail, s.First = "unknown", 1
			case 2:
				s.Fail = "panic text"
			case 3:
				s.Fail = "goexit"
			}
			f := act.With(potok.Retry(2, 0, 0)).Submit(e.background, ex, s)
			if i%5 == 4 {
				f.Cancel()
			}
			all = append(all, f)
		}
		for _, f := range all {
			_, _ = result(e, f)
		}
		if n := p.atOnce(); n > 2 {
			e.Errorf("%d at once", n)
		}
	}},
	{name: "one worker starts calls in the order of submission", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		var want []string
		next := func() script {
			want = append(want, fmt.Sprint(len(want)))
			return script{Probe: p.name, Label: want[len(want)-1]}
		}
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		for range 20 {
			act.Submit(e.background, ex, next())
			act.SubmitAll(e.background, ex, []script{next(), next(), next()})
		}
		p.open("d")
		for range 20 {
			act.Submit(e.background, ex, next())
		}
		e.idle(ex)
		if got := strings.Join(p.with("+")[1:], " "); got != strings.Join(want, " ") {
			e.Errorf("order %s", got)
		}
	}},
	{name: "a long call holds up no other while a worker is free", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		_, err := potok.Gather(e.bounded, echoInt.SubmitAll(e.background, ex, make([]int, 300))...) // calls are known to be short by now
		if err != nil {
			e.Error(err)
		}
		in := make([]script, 100)
		in[0] = script{Probe: p.name, Label: "long", Door: "d"}
		fs := act.SubmitAll(e.background, ex, in)
		for _, f := range fs[1:] {
			gives(e, f, 0)
		}
		p.noted(1, "+long") // who took it first may only now have come to run it
		equal(e, "state of the long one", fs[0].State(), potok.Running)
		p.open("d")
		gives(e, fs[0], 0)
	}},
	{name: "two executors do not disturb each other", run: func(e *env) {
		one, other := e.executor(1), e.executor(1)
		p := e.probe()
		act.Submit(e.background, one, script{Probe: p.name, Label: "a", Door: "d"})
		p.noted(1, "+a")
		gives(e, echoInt.Submit(e.background, other, 1), 1)
		e.closes(other)
		equal(e, "running", one.Stats().Running, 1)
		p.open("d")
		gives(e, echoInt.Submit(e.background, one, 1), 1)
	}},
	{name: "goroutines return to the start after Close and after Shutdown", run: func(e *env) {
		// What is left is seen by the clean-up of every case; here it is a lot.
		for _, end := range []func(potok.Executor){e.closes, e.shutsDown} {
			ex := e.executor(8)
			ctx, cancel := context.WithTimeout(e.background, time.Hour)
			echoInt.SubmitAll(ctx, ex, make([]int, 100))
			f := act.With(potok.Timeout(time.Hour), potok.Retry(3, 0, 0)).Submit(ctx, ex, script{Fail: "unknown"})
			fails(e, f)
			end(ex)
			cancel()
		}
	}},
}

var soakRules = []rule{
	{name: "of 200 calls under random cancels none is lost", run: func(e *env) { e.soak(200) }},
	{name: "of thousands of calls under random cancels none is lost", where: outside, run: func(e *env) { e.soak(cmp.Or(e.opts.Calls, 10_000)) }},
}

// soak submits n calls of all kinds, cancels some in every way, and counts.
func (e *env) soak(n int) {
	ex := e.executor(4)
	var settled, twice atomic.Int64
	var all []*potok.Future[int]
	watched := func(f *potok.Future[int]) {
		var once atomic.Bool
		f.OnDone(func(*potok.Future[int]) {
			settled.Add(1)
			if once.Swap(true) {
				twice.Add(1)
			}
		})
		all = append(all, f)
	}
	dice := rand.New(rand.NewPCG(1, uint64(n)))
	for len(all) < n {
		ctx, cancel := context.WithCancel(e.background)
		retrying := act.With(potok.Retry(3, 0, time.Millisecond))
		for range 1 + dice.IntN(20) {
			switch dice.IntN(8) {
			case 0:
				watched(act.Submit(ctx, ex, script{Fail: "panic text"}))
			case 1:
				watched(retrying.Submit(ctx, ex, script{Fail: "unknown"}))
			case 2:
				f := act.Submit(ctx, ex, script{})
				watched(f)
				f.Cancel()
			case 3:
				for _, f := range act.SubmitAll(ctx, ex, slicesOf(1+dice.IntN(10), script{Value: 1})) {
					watched(f)
				}
			default:
				watched(act.Submit(ctx, ex, script{Value: 1}))
			}
		}
		if dice.IntN(2) == 0 {
			e.Cleanup(cancel)
		} else {
			cancel()
		}
		for range dice.IntN(5) {
			all[dice.IntN(len(all))].Cancel()
		}
	}
	e.idle(ex)
	total := int64(len(all))
	equal(e, "settled", settled.Load(), total)
	equal(e, "settled twice", twice.Load(), 0)
	var states [potok.Cancelled + 1]uint64
	for _, f := range all {
		states[f.State()]++
	}
	s := ex.Stats()
	equal(e, "unsettled", states[potok.Pending]+states[potok.Running], 0)
	equal(e, "succeeded", s.Succeeded, states[potok.Succeeded])
	equal(e, "failed", s.Failed, states[potok.Failed])
	equal(e, "cancelled", s.Cancelled, states[potok.Cancelled])
	equal(e, "in flight", s.Queued+s.Running+s.Waiting, 0)
	equal(e, "unread", s.Unread, states[potok.Failed])
	if min(s.Succeeded, s.Failed, s.Cancelled) == 0 {
		e.Errorf("no call of some kind: %+v", s)
	}
}
