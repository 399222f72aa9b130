package exectest

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok"
)

// How a Map ends before its input does.
var mapEndRules = []rule{
	{name: "leaving the range cancels what runs and waits for it", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		in := []script{
			{Value: 1},
			{Probe: p.name, Label: "a", Door: "never"},
			{Probe: p.name, Label: "b", Door: "never"},
			{Probe: p.name, Label: "c", Door: "never"},
		}
		for v, err := range act.Map(e.background, ex, slices.Values(in)) {
			equal(e, "value", v, 1)
			if err != nil {
				e.Error(err)
			}
			p.noted(1, "+a")
			e.until("a, b and c are pulled", func() bool { s := ex.Stats(); return s.Queued+s.Running == 3 })
			break
		}
		for _, label := range []string{"a", "b", "c"} {
			e.hasEnded(p, label)
		}
		p.sawEnd("a", codeCanceled, codeCancelled)
		s := e.idle(ex)
		equal(e, "cancelled", s.Cancelled, 3)
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
	}},
	{name: "leaving the range waits for a call that does not look at its context", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		in := []script{{Value: 1}, {Probe: p.name, Label: "a", Door: "d", Deaf: true}}
		left := make(chan struct{})
		done := e.start(func() {
			for range act.Map(e.background, ex, slices.Values(in)) {
				e.untilNoted(p, "+a")
				close(left)
				break
			}
		})
		e.finishes("the first item", left)
		e.stillBlocked("the range", done)
		p.open("d")
		e.finishes("the range", done)
	}},
	{name: "a panic in the loop body leaves the range", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		in := []script{{Value: 1}, {Probe: p.name, Label: "a", Door: "never"}}
		func() {
			defer func() { equal(e, "recovered", recover() == "body", true) }()
			for range act.Map(e.background, ex, slices.Values(in)) {
				panic("body")
			}
		}()
		e.hasEnded(p, "a")
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
	}},
	{name: "StopOnError yields what is finished before it and the error and nothing more", run: func(e *env) {
		ex := e.executor(2)
		p := e.probe()
		in := func(yield func(script) bool) {
			if !yield(script{Value: 1}) || !yield(script{Probe: p.name, Label: "slow", Door: "never", Value: 2}) {
				return
			}
			e.untilNoted(p, "+slow")
			for yield(script{Fail: "registered", Value: 3}) {
			}
		}
		var values []int
		var errs []error
		e.returns("the range", func() {
			for v, err := range act.Map(e.background, ex, in, potok.StopOnError()) {
				values, errs = append(values, v), append(errs, err)
			}
		})
		if !slices.Equal(values, []int{1, 3}) || errs[0] != nil {
			e.Errorf("got %v, %v", values, errs)
		}
		e.matches(errs[len(errs)-1], errRegistered)
		p.sawEnd("slow", codeCanceled, codeCancelled)
	}},
	{name: "StopOnError without an error changes nothing", run: func(e *env) {
		equal(e, "items", len(collect(e, echoInt.Map(e.background, e.executor(2), count(30), potok.StopOnError()))), 30)
		equal(e, "items", len(collect(e, echoInt.Map(e.background, e.executor(2), count(30), potok.StopOnError(), potok.Unordered()))), 30)
	}},
	{name: "when ctx ends every pulled input yields its pair and then one last comes", run: func(e *env) {
		ctx, cancel := context.WithCancelCause(e.background)
		e.mapEndsEarly(ctx, func(potok.Executor) { cancel(errUnknown) }, context.Canceled, errUnknown)
	}},
	{name: "when the executor closes every pulled input yields its pair and then one last comes", run: func(e *env) {
		e.mapEndsEarly(e.background, func(ex potok.Executor) { e.closes(ex) }, potok.ErrClosed)
	}},
	{name: "under a ctx that has ended Map yields that error alone", run: func(e *env) {
		var pulled atomic.Int32
		pairs := 0
		for _, err := range echoInt.Map(ended(errUnknown), e.executor(1), counted(&pulled, count(-1))) {
			e.matches(err, context.Canceled, errUnknown)
			pairs++
		}
		equal(e, "pairs", pairs, int(pulled.Load())+1)
	}},
	{name: "on a closed executor Map ends with ErrClosed", run: func(e *env) {
		ex := e.executor(1)
		e.closes(ex)
		var pulled atomic.Int32
		pairs := 0
		for _, err := range echoInt.Map(e.background, ex, counted(&pulled, count(-1))) {
			e.matches(err, potok.ErrClosed)
			pairs++
		}
		equal(e, "pairs", pairs, int(pulled.Load())+1)
	}},
	{name: "an input known to be finished has no last pair", run: func(e *env) {
		ctx, cancel := context.WithCancel(e.background)
		p := e.probe()
		in := []script{{Value: 1}, {Probe: p.name, Label: "a", Door: "never"}}
		pulledAll := make(chan struct{})
		seq := func(yield func(script) bool) {
			for _, s := range in {
				if !yield(s) {
					return
				}
			}
			close(pulledAll)
		}
		var errs []error
		e.returns("the range", func() {
			for _, err := range act.Map(ctx, e.executor(2), seq) {
				if errs = append(errs, err); len(errs) == 1 {
					<-pulledAll
					e.untilNoted(p, "+a")
					e.settleHere() // the puller's last step comes after the input's
					cancel()
				}
			}
		})
		cancel()
		// Outside of a bubble the puller may be slower than the cancel.
		if len(errs) != 2 && (e.bubble || len(errs) != 3) || errs[0] != nil {
			e.Fatalf("got %v", errs)
		}
		e.matches(errs[1], potok.ErrCancelled, context.Canceled)
	}},
	{name: "a panic of the input surfaces in the loop after the good items", run: func(e *env) {
		in := func(yield func(int) bool) {
			for i := range 3 {
				yield(i)
			}
			panic("input")
		}
		ex := e.executor(2)
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.Lookahead(1)}} {
			n := 0
			func() {
				defer func() { equal(e, "recovered", recover() == "input", true) }()
				for _, err := range echoInt.Map(e.background, ex, in, opts...) {
					if err != nil {
						e.Error(err)
					}
					n++
				}
			}()
			equal(e, "good items", n, 3)
		}
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
	}},
	{name: "nothing is pulled once the range has ended", run: func(e *env) {
		open := true // read and written by the puller and, after the range, by the case: the race detector looks on
		in := func(yield func(int) bool) {
			defer func() { open = false }()
			for i := 0; yield(i); i++ {
			}
		}
		for range echoInt.Map(e.background, e.executor(2), iter.Seq[int](in)) {
			break
		}
		equal(e, "the input is open", open, false)
	}},
	{name: "an item that is cancelled by the end of ctx never runs", run: func(e *env) {
		ex := e.executor(1)
		p := e.probe()
		act.Submit(e.background, ex, script{Probe: p.name, Label: "busy", Door: "d"})
		p.noted(1, "+busy")
		ctx, cancel := context.WithCancel(e.background)
		in := slices.Repeat([]script{{Probe: p.name, Label: "f"}}, 5)
		done := e.start(func() {
			for _, err := range act.Map(ctx, ex, slices.Values(in)) {
				e.matches(err, context.Canceled)
			}
		})
		e.settle()
		cancel()
		e.finishes("the range, beside a busy worker", done)
		p.open("d")
		e.idle(ex)
		p.never("f")
	}},
}

// mapEndsEarly ends a Map while one item has a result, one runs and one is queued.
func (e *env) mapEndsEarly(ctx context.Context, end func(potok.Executor), matching ...error) {
	e.Helper()
	for _, opts := range [][]potok.MapOption{{potok.Lookahead(3)}, {potok.Lookahead(3), potok.Unordered()}} {
		ex := e.executor(1)
		p := e.probe()
		var pulled atomic.Int32
		in := func(yield func(script) bool) {
			for i := 0; ; i++ {
				s := script{Value: i}
				if i > 0 {
					s = script{Probe: p.name, Label: "a", Door: "never", Ended: "wrapped ctx"}
				}
				pulled.Add(1)
				if !yield(s) {
					return
				}
			}
		}
		pairs := 0
		e.returns("the range", func() {
			for v, err := range act.Map(ctx, ex, in, opts...) {
				switch pairs++; {
				case pairs > 1:
					e.matches(err, matching...)
				case ctx.Err() == nil:
					if v != 0 || err != nil {
						e.Errorf("the first: %d, %v", v, err)
					}
					e.untilNoted(p, "+a")
					end(ex)
				}
			}
		})
		equal(e, "pairs", pairs, int(pulled.Load())+1)
		if ctx.Err() != nil {
			return // for a second round it should not have ended
		}
	}
}

var _ testing.TB = (*env)(nil)
