package potok_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// fakeRows is what database/sql.Rows looks like from outside, without locks: the race detector watches who touches it.
type fakeRows struct {
	n, at  int
	err    error
	closed bool
}

func (r *fakeRows) all(yield func(int) bool) {
	defer func() { r.closed = true }()
	for r.at < r.n {
		r.at++
		if !yield(r.at) {
			return
		}
	}
	r.err = errItem
}

func TestBreakingAtAnyPositionWaitsForWhatRunsAndLeavesNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(2)}} {
			for at := 1; at <= 13; at++ { // at 13 the range has ended by itself
				p := newPool(t, 3)
				rows := &fakeRows{n: 12}
				var running, ran atomic.Int64
				n := 0
				for _, err := range potok.Map(t.Context(), p, rows.all, func(ctx context.Context, _ int) (int, error) {
					ran.Add(1)
					running.Add(1)
					defer running.Add(-1)
					for range 5 {
						runtime.Gosched()
					}
					return 0, ctx.Err()
				}, opts...) {
					if err != nil {
						t.Fatal(err)
					}
					if n++; n == at {
						break
					}
				}
				if !rows.closed || rows.at < min(at, 12) || at == 13 && rows.err != errItem {
					t.Errorf("at %d: rows %+v", at, *rows) // read without a race
				}
				if running.Load() != 0 {
					t.Errorf("at %d: %d items run after the range", at, running.Load())
				}
				s, before := p.Stats(), ran.Load()
				if s.Queued+s.Running+s.Waiting != 0 || ran.Load() > int64(rows.at) {
					t.Errorf("at %d: %+v, %d ran of %d", at, s, ran.Load(), rows.at)
				}
				if err := p.Wait(t.Context()); err != nil || ran.Load() != before {
					t.Errorf("at %d: %d ran after the range", at, ran.Load()-before)
				}
			}
		}
	})
}

func TestLeavingTheRangeCancelsWhatHasNotRunAndInterruptsWhatRuns(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}} {
			p := newPool(t, 2)
			second := make(chan struct{})
			var causes logbook[error]
			var ran atomic.Int64
			in := endless()
			for range potok.Map(t.Context(), p, in.all, func(ctx context.Context, i int) (int, error) {
				if ran.Add(1); i == 0 {
					<-second // both workers are busy from here on
					return 0, nil
				}
				if i == 1 {
					close(second)
				}
				err := obedient(ctx)
				causes.add(context.Cause(ctx))
				return 0, err
			}, append(opts, potok.Lookahead(9))...) {
				break
			}
			for _, cause := range causes.all() {
				if cause != potok.ErrCancelled {
					t.Errorf("cause %v", cause)
				}
			}
			s := p.Stats()
			if ran.Load() > 3 || s.Succeeded != 1 || s.Cancelled != uint64(in.count()-1) || s.Failed != 0 {
				t.Errorf("%d pulled, %d ran, %+v", in.count(), ran.Load(), s)
			}
		}
	})
}

func TestRangesLeftEarlyLeakNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 4)
		round := func() {
			for at := range 5 {
				n := 0
				for range potok.Map(t.Context(), p, endless().all, aSecond) {
					if n++; n > at {
						break
					}
				}
			}
			_ = potok.Each(t.Context(), p, naturals(10).all, func(_ context.Context, i int) error { return errItem })
			_, _ = potok.MapSlice(t.Context(), p, make([]int, 10), func(context.Context, int) (int, error) { return 0, errItem })
			synctest.Wait()
		}
		_ = potok.Each(t.Context(), p, naturals(4).all, func(ctx context.Context, _ int) error { return after(ctx, time.Second) }) // all four workers are there now, and stay
		round()
		before := ourGoroutines()
		for range 5 {
			round()
		}
		if now := ourGoroutines(); now > before {
			t.Errorf("%d goroutines before, %d after", before, now)
		}
	})
}

// ourGoroutines counts those that have a function of ours on their stack; the runtime starts some of its own.
func ourGoroutines() (n int) {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "potok-go/potok.") {
			n++
		}
	}
	return n
}

func TestABodyThatPanicsOrExitsLeavesNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		for name, leave := range map[string]func(){"panic": func() { panic(errItem) }, "Goexit": runtime.Goexit} {
			rows, gone := &fakeRows{n: 1 << 30}, make(chan any)
			go func() {
				finished := false
				defer func() {
					if v := recover(); v != nil || !finished {
						gone <- v
					}
				}()
				for range potok.Map(t.Context(), p, rows.all, func(ctx context.Context, i int) (int, error) {
					if i == 1 {
						return 0, nil
					}
					return 0, obedient(ctx)
				}) {
					leave()
				}
				finished = true
				gone <- "the loop went on"
			}()
			if v := <-gone; name == "panic" && v != errItem || name == "Goexit" && v != nil {
				t.Errorf("%s: %v", name, v)
			}
			if s := p.Stats(); !rows.closed || s.Queued+s.Running != 0 {
				t.Errorf("%s: %+v", name, s)
			}
		}
	})
}

func TestAnInputThatPanicsPanicsInTheLoopAfterTheGoodItems(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}} {
			p := newPool(t, 2)
			in := func(yield func(int) bool) {
				naturals(5).all(yield)
				panic(errItem)
			}
			var got []int
			v := caught(func() {
				for v, err := range potok.Map(t.Context(), p, in, double, opts...) {
					if err != nil {
						t.Errorf("%v", err)
					}
					got = append(got, v)
				}
			})
			slices.Sort(got)
			if v != errItem || !slices.Equal(got, []int{0, 2, 4, 6, 8}) {
				t.Errorf("panic %v after %v", v, got)
			}
			if v := caught(func() {
				_ = potok.Each(t.Context(), p, in, func(context.Context, int) error { return nil })
			}); v != errItem {
				t.Errorf("Each: panic %v", v)
			}
			if s := p.Stats(); s.Queued+s.Running != 0 || s.Succeeded != 10 {
				t.Errorf("%+v", s)
			}
		}
	})
}

// Left early, the input is told so, as in a plain loop; what it panics with then is the loop's, as in a plain loop.
func TestAnInputThatPanicsWhenItIsLeftPanicsInTheLoop(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		in := func(yield func(int) bool) {
			defer func() { panic("on the way out") }()
			endless().all(yield)
		}
		if v := caught(func() {
			for range potok.Map(t.Context(), p, in, double, potok.Lookahead(1)) {
				break
			}
		}); v != "on the way out" {
			t.Errorf("break: panic %v", v)
		}
		if v := caught(func() { _ = potok.Each(t.Context(), p, in, func(context.Context, int) error { return errItem }) }); v != "on the way out" {
			t.Errorf("Each: panic %v", v)
		}
		if v := caught(func() {
			for range potok.Map(t.Context(), p, in, double, potok.Lookahead(1)) {
				panic("the body's")
			}
		}); v != "the body's" && v != "on the way out" {
			t.Errorf("body: panic %v", v)
		}
	})
}

func TestAnInputThatExitsEndsTheSequenceWithErrGoexit(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		in := func(yield func(int) bool) {
			naturals(3).all(yield)
			runtime.Goexit()
		}
		pairs := collectPairs(potok.Map(t.Context(), p, in, double))
		if len(pairs) != 4 || !errors.Is(pairs[3].err, potok.ErrGoexit) || pairs[2] != (pair[int]{value: 4}) {
			t.Errorf("%v", pairs)
		}
		if err := potok.Each(t.Context(), p, in, func(context.Context, int) error { return nil }); !errors.Is(err, potok.ErrGoexit) {
			t.Errorf("Each: %v", err)
		}
	})
}

func TestMapUnderAContextThatHasEndedPullsNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		p := newPool(t, 1)
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}} {
			in := naturals(5)
			pairs := collectPairs(potok.Map(ctx, p, in.all, double, opts...))
			if len(pairs) != 1 || !errors.Is(pairs[0].err, why) || !errors.Is(pairs[0].err, context.Canceled) || in.count() != 0 {
				t.Errorf("%v, %d pulled", pairs, in.count())
			}
			if out, err := potok.MapSlice(ctx, p, []int{1}, double, opts...); out != nil || !errors.Is(err, why) {
				t.Errorf("MapSlice: %v %v", out, err)
			}
			if err := potok.Each(ctx, p, in.all, func(context.Context, int) error { return nil }, opts...); !errors.Is(err, why) || in.count() != 0 {
				t.Errorf("Each: %v", err)
			}
		}
		if s := p.Stats(); s.Succeeded+s.Failed+s.Cancelled > 3 { // MapSlice may look at its items
			t.Errorf("%+v", s)
		}
	})
}

func TestWhenContextEndsEveryPulledInputYieldsItsPairAndThenTheError(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.Lookahead(3)}} {
			why := errors.New("why")
			ctx, cancel := context.WithCancelCause(t.Context())
			p := newPool(t, 2)
			in := endless()
			four := make(chan struct{}, 4) // items that are done
			pairs := collectPairs(potok.Map(ctx, p, in.all, func(ctx context.Context, i int) (int, error) {
				switch {
				case i < 4:
					four <- struct{}{}
					return i, nil
				case i == 4:
					for range 4 {
						<-four
					}
					cancel(why)
					return i, nil // it has a result
				}
				return -1, obedient(ctx)
			}, opts...))
			if len(pairs) != in.count()+1 {
				t.Fatalf("%d pairs of %d inputs", len(pairs), in.count())
			}
			good := 0
			for i, p := range pairs {
				switch {
				case p.err == nil:
					good++
					if opts == nil && p.value != i {
						t.Errorf("pair %d: %v", i, p)
					}
				case i < len(pairs)-1:
					if err := cancelledFor(p.err, why, context.Canceled); err != nil {
						t.Errorf("pair %d: %v", i, err)
					}
				default:
					if !errors.Is(p.err, why) || !errors.Is(p.err, context.Canceled) || p.value != 0 {
						t.Errorf("last pair: %v", p)
					}
				}
			}
			if good != 5 || pairs[len(pairs)-1].err == nil {
				t.Errorf("%d good of %v", good, pairs)
			}
		}
	})
}

// lateContext ends right after somebody has looked at it for the nth time and found it going on.
type lateContext struct {
	context.Context
	left atomic.Int64
	end  context.CancelFunc
}

func (c *lateContext) Err() error {
	err := c.Context.Err()
	if c.left.Add(-1) == 0 {
		c.end()
	}
	return err
}

func TestInWhateverMomentContextEndsTheLastPairSaysSo(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}} {
			p := newPool(t, 1)
			for looks := range int64(25) {
				inner, end := context.WithCancel(t.Context())
				ctx := &lateContext{Context: inner, end: end}
				ctx.left.Store(looks + 1)
				pairs := collectPairs(potok.Map(ctx, p, naturals(30).all, double, append(opts, potok.Lookahead(2))...))
				if n := len(pairs); n == 0 || n < 30 && !errors.Is(pairs[n-1].err, context.Canceled) {
					t.Errorf("after %d looks: %v", looks, pairs)
				}
				end()
			}
		}
	})
}

func TestMapSaysThatItsDeadlineIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		in := endless()
		start := time.Now()
		pairs := collectPairs(potok.Map(ctx, p, in.all, aSecond))
		last := len(pairs) - 1
		if time.Since(start) != 2500*time.Millisecond || last != in.count() || !errors.Is(pairs[last].err, context.DeadlineExceeded) {
			t.Errorf("%v after %v", pairs, time.Since(start))
		}
		for i, p := range pairs[:last] {
			if err := cancelledFor(p.err, context.DeadlineExceeded); (i < 4) != (p.err == nil) || i >= 4 && err != nil {
				t.Errorf("pair %d: %v, %v", i, p, err)
			}
		}
	})
}

func TestWhenTheInputIsKnownToBeFinishedThereIsNoLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 1)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			in := naturals(2) // both fit into the look-ahead, and the end is seen at once
			pairs := collectPairs(potok.Map(ctx, p, in.all, func(ctx context.Context, _ int) (int, error) { return 0, obedient(ctx) }, append(opts, potok.Lookahead(5))...))
			if len(pairs) != 2 || pairs[0].err == nil || pairs[1].err == nil {
				t.Errorf("%v", pairs)
			}
		}
	})
}

func TestAnInputThatEndedWithContextIsNotKnownToBeFinished(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}} {
			p := newPool(t, 1)
			ctx, cancel := context.WithCancel(t.Context())
			in := func(yield func(int) bool) { // as queue.All: it ends in silence
				if yield(1) {
					<-ctx.Done()
				}
			}
			n, last := 0, error(nil)
			for _, err := range potok.Map(ctx, p, in, double, opts...) {
				if n++; err == nil {
					cancel()
				}
				last = err
			}
			if n != 2 || !errors.Is(last, context.Canceled) {
				t.Errorf("%d pairs, the last error %v: the loop takes what it got for all there is", n, last)
			}
			ctx, cancel = context.WithCancel(t.Context())
			if err := potok.Each(ctx, p, in, func(context.Context, int) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
				t.Errorf("Each: %v", err)
			}
		}
	})
}
