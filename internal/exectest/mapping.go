package exectest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok"
)

var mapRules = []rule{
	{name: "Map yields the results in the order of the inputs", run: func(e *env) {
		ex := e.executor(3)
		for _, opts := range [][]potok.MapOption{nil, {potok.Chunk(7)}, {potok.Lookahead(1)}, {potok.Lookahead(3), potok.Chunk(50)}} {
			n := 0
			for v, err := range echoInt.Map(e.background, ex, count(200), opts...) {
				if v != n || err != nil {
					e.Fatalf("item %d is %d, %v", n, v, err)
				}
				n++
			}
			equal(e, "items", n, 200)
		}
	}},
	{name: "Map keeps the order although the first is the slowest", run: func(e *env) {
		p := e.probe()
		in := []script{{Probe: p.name, Label: "slow", Door: "d", Value: 0}, {Value: 1}, {Probe: p.name, Label: "last", Value: 2}}
		go func() { // ends with the case, at the latest
			e.untilNoted(p, "-last")
			p.open("d")
		}()
		got := collect(e, act.Map(e.background, e.executor(2), slices.Values(in)))
		if !slices.Equal(got, []int{0, 1, 2}) {
			e.Errorf("got %v", got)
		}
	}},
	{name: "Map of nothing yields nothing", run: func(e *env) {
		if got := collect(e, echoInt.Map(e.background, e.executor(1), count(0))); len(got) != 0 {
			e.Errorf("got %v", got)
		}
	}},
	{name: "unordered results come as they come", run: func(e *env) {
		p := e.probe()
		in := []script{{Probe: p.name, Label: "slow", Door: "d", Value: 0}, {Value: 1}, {Value: 2}}
		var got []int
		for v, err := range act.Map(e.background, e.executor(2), slices.Values(in), potok.Unordered()) {
			if err != nil {
				e.Fatal(err)
			}
			if got = append(got, v); len(got) == 2 {
				p.open("d")
			}
		}
		if len(got) != 3 || got[2] != 0 {
			e.Errorf("got %v, the slow one should be last", got)
		}
	}},
	{name: "nothing is pulled before the range and it may be ranged over again", run: func(e *env) {
		var pulled atomic.Int32
		seq := echoInt.Map(e.background, e.executor(2), counted(&pulled, count(5)))
		e.settle()
		equal(e, "pulled", pulled.Load(), 0)
		for range 2 {
			equal(e, "items", len(collect(e, seq)), 5)
		}
		equal(e, "pulled", pulled.Load(), 10)
	}},
	{name: "infinite input is fine and the look-ahead is kept", run: lookahead},
	{name: "a look-ahead grows to no more than 1024", where: outside, run: func(e *env) {
		ex := e.executor(2)
		var pulled atomic.Int32
		taken := int32(0)
		for v, err := range echoInt.Map(e.background, ex, counted(&pulled, count(-1)), potok.Chunk(1000)) {
			if err != nil || v != int(taken) {
				e.Fatalf("item %d is %d, %v", taken, v, err)
			}
			taken++
			if ahead := pulled.Load() - taken; ahead > 1024 {
				e.Fatalf("%d inputs pulled ahead", ahead)
			}
			if taken == 1100 {
				break
			}
		}
	}},
	{name: "a ready result is yielded without waiting for the next input", run: func(e *env) {
		ex := e.executor(1)
		for _, opts := range [][]potok.MapOption{nil, {potok.Chunk(10)}, {potok.Unordered()}} {
			next := make(chan int, 3) // all that the case sends
			next <- 0
			in := func(yield func(int) bool) {
				for n := range next {
					if !yield(n) {
						return
					}
				}
			}
			n := 0
			e.returns("Map", func() {
				for v, err := range echoInt.Map(e.background, ex, in, opts...) {
					if v != n || err != nil {
						e.Errorf("item %d is %d, %v", n, v, err)
					}
					if n++; n == 3 {
						close(next)
					} else if n < 3 {
						next <- n
					}
				}
			})
			equal(e, "items", n, 3)
		}
	}},
	{name: "an error stands in its place beside its value and the sequence goes on", run: func(e *env) {
		in := []script{{Value: 1}, {Fail: "registered", Value: 2}, {Fail: "panic text"}, {Value: 4}, {Fail: "goexit"}, {Value: 6}}
		i := 0
		for v, err := range act.Map(e.background, e.executor(2), slices.Values(in)) {
			want := in[i]
			equal(e, "value", v, want.Value)
			if (err != nil) != (want.Fail != "") {
				e.Errorf("item %d: %v", i, err)
			}
			i++
		}
		equal(e, "items", i, len(in))
	}},
	{name: "Map runs as many at once as there are workers", run: func(e *env) {
		ex := e.executor(3)
		p := e.probe()
		in := slices.Repeat([]script{{Probe: p.name, Label: "a", Door: "d"}}, 9)
		go func() { // ends with the case, at the latest
			e.untilTrue(func() bool { return p.count("+a") >= 3 })
			p.open("d")
		}()
		equal(e, "items", len(collect(e, act.Map(e.background, ex, slices.Values(in)))), 9)
		equal(e, "at once", p.atOnce(), 3)
	}},
	{name: "Map waits for room in the backlog and is not refused", run: func(e *env) {
		settings := []Setting{backlog(1)}
		if e.opts.Refuses {
			settings = append(settings, refuseWhenFull())
		}
		got := collect(e, echoInt.Map(e.background, e.executor(1, settings...), count(50)))
		equal(e, "items", len(got), 50)
	}},
	{name: "several Maps share an executor", run: func(e *env) {
		ex := e.executor(2)
		var all []<-chan struct{}
		for range 4 {
			all = append(all, e.start(func() { equal(e, "items", len(collect(e, echoInt.Map(e.background, ex, count(100)))), 100) }))
		}
		for _, done := range all {
			e.finishes("Map", done)
		}
	}},
	{name: "values of Map's ctx reach the calls", needs: sharesMemory, run: func(e *env) {
		ctx := context.WithValue(e.background, ctxKey{}, "v")
		for v, err := range ctxValue.Map(ctx, e.executor(1), slices.Values(make([]struct{}, 3))) {
			if v != "v" || err != nil {
				e.Errorf("got %q, %v", v, err)
			}
		}
	}},
	{name: "items of Map are retried", run: func(e *env) {
		p := e.probe()
		in := []script{{Value: 1}, {Probe: p.name, Label: "a", Fail: "unknown", First: 2, Value: 2}, {Value: 3}}
		if got := collect(e, act.With(potok.Retry(3, 0, 0)).Map(e.background, e.executor(2), slices.Values(in))); !slices.Equal(got, []int{1, 2, 3}) {
			e.Errorf("got %v", got)
		}
	}},
}

func lookahead(e *env) {
	ex := e.executor(2)
	for _, n := range []int32{1, 2, 5} {
		var pulled atomic.Int32
		taken := int32(0)
		for v, err := range echoInt.Map(e.background, ex, counted(&pulled, count(-1)), potok.Lookahead(int(n))) {
			if err != nil || v != int(taken) {
				e.Fatalf("item %d is %d, %v", taken, v, err)
			}
			taken++
			e.settle()
			// The last one taken makes room for one more.
			if ahead := pulled.Load() - taken; ahead > n {
				e.Errorf("%d inputs pulled ahead, %d allowed", ahead, n)
			} else if e.bubble && ahead != n {
				e.Errorf("%d inputs pulled ahead, %d asked for", ahead, n)
			}
			if taken == 10 {
				break
			}
		}
		was := pulled.Load()
		e.settle()
		equal(e, "pulled after the range", pulled.Load(), was)
	}
}

// count yields 0 to n-1; n < 0: for ever.
func count(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i != n; i++ {
			if !yield(i) {
				return
			}
		}
	}
}

// counted counts what is pulled.
func counted[T any](n *atomic.Int32, in iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for v := range in {
			n.Add(1)
			if !yield(v) {
				return
			}
		}
	}
}

// collect returns all values, of which none may have an error.
func collect[T any](e *env, seq iter.Seq2[T, error]) []T {
	e.Helper()
	var all []T
	e.returns("the range", func() {
		for v, err := range seq {
			if err != nil {
				e.Errorf("item %d: %v", len(all), err)
			}
			all = append(all, v)
		}
	})
	return all
}

// untilTrue is until on a goroutine that is not the case's: it cannot fail the
// case, which will miss what comes after.
func (e *env) untilTrue(cond func() bool) {
	for !cond() && e.bounded.Err() == nil {
		e.settleHere()
	}
}

func (e *env) untilNoted(p *probe, line string) {
	e.untilTrue(func() bool { return p.count(line) > 0 })
	if e.opts.MayRunCancelled && strings.HasPrefix(line, "+") {
		news := time.Now().Add(newsTravels)
		e.untilTrue(func() bool { return e.heard(p) || time.Now().After(news) })
	}
}
