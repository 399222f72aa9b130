package potok_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/potok-go/potok"
)

func TestMapYieldsResultsInTheOrderOfInputs(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, workers := range []int{1, 3, 50} {
			p := newPool(t, workers)
			got := goodValues(t, collectPairs(potok.Map(t.Context(), p, naturals(300).all, func(_ context.Context, i int) (int, error) {
				for range i * 7 % 5 {
					runtime.Gosched() // so that some overtake others
				}
				return 2 * i, nil
			})))
			want := make([]int, 300)
			for i := range want {
				want[i] = 2 * i
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d workers: %v", workers, got)
			}
		}
	})
}

func TestMapIsInOrderAlsoWhenLaterItemsAreDoneFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 4)
		start := time.Now()
		got := goodValues(t, collectPairs(potok.Map(t.Context(), p, naturals(4).all, func(ctx context.Context, i int) (int, error) {
			return i, after(ctx, time.Duration(4-i)*time.Second)
		})))
		if !slices.Equal(got, []int{0, 1, 2, 3}) || time.Since(start) != 4*time.Second {
			t.Errorf("%v after %v", got, time.Since(start))
		}
	})
}

func TestMapUnorderedYieldsResultsAsTheyCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 4)
		start := time.Now()
		var got []string
		for v, err := range potok.Map(t.Context(), p, naturals(4).all, func(ctx context.Context, i int) (int, error) {
			return i, after(ctx, time.Duration(4-i)*time.Second)
		}, potok.Unordered()) {
			got = append(got, fmt.Sprint(v, err, time.Since(start)))
		}
		if want := []string{"3 <nil> 1s", "2 <nil> 2s", "1 <nil> 3s", "0 <nil> 4s"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestMapUnorderedYieldsEveryResultOnce(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, lookahead := range []int{1, 2, 70, 1000} {
			p := newPool(t, 3)
			got := goodValues(t, collectPairs(potok.Map(t.Context(), p, naturals(300).all, double, potok.Unordered(), potok.Lookahead(lookahead))))
			slices.Sort(got)
			for i := range 300 {
				if len(got) != 300 || got[i] != 2*i {
					t.Fatalf("look-ahead %d: %v", lookahead, got)
				}
			}
		}
	})
}

func TestMapYieldsAnItemsErrorBesideItsValueAndGoesOn(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 1) // one worker: unordered is in order too
			pairs := collectPairs(potok.Map(t.Context(), p, naturals(6).all, func(_ context.Context, i int) (int, error) {
				switch i {
				case 1:
					return 10, errItem
				case 3:
					panic(errItem)
				case 4:
					runtime.Goexit()
				}
				return i, nil
			}, opts...))
			if len(pairs) != 6 {
				t.Fatalf("%v", pairs)
			}
			for _, i := range []int{0, 2, 5} {
				if pairs[i].err != nil || pairs[i].value != i {
					t.Errorf("item %d: %v", i, pairs[i])
				}
			}
			if pairs[1].value != 10 || pairs[1].err != errItem {
				t.Errorf("error beside a value: %v", pairs[1])
			}
			if e, ok := errors.AsType[*potok.PanicError](pairs[3].err); !ok || e.Value != errItem || !errors.Is(e, errItem) {
				t.Errorf("panic: %v", pairs[3])
			}
			if !errors.Is(pairs[4].err, potok.ErrGoexit) {
				t.Errorf("Goexit: %v", pairs[4])
			}
		}
	})
}

func TestMapOfNothingYieldsNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}} {
			if pairs := collectPairs(potok.Map(t.Context(), p, naturals(0).all, double, opts...)); len(pairs) != 0 {
				t.Errorf("%v", pairs)
			}
		}
	})
}

func TestMapCanBeRangedOverTwice(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		seq := potok.Map(t.Context(), p, slices.Values([]int{1, 2, 3}), double)
		for range 2 {
			if got := goodValues(t, collectPairs(seq)); !slices.Equal(got, []int{2, 4, 6}) {
				t.Errorf("%v", got)
			}
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if got := goodValues(t, collectPairs(seq)); !slices.Equal(got, []int{2, 4, 6}) {
					t.Errorf("concurrently: %v", got)
				}
			})
		}
		wg.Wait()
	})
}

func TestMapRunsAtMostAsManyItemsAsThereAreWorkers(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 3)
		var h highWater
		seq := func() []pair[int] {
			return collectPairs(potok.Map(t.Context(), p, naturals(200).all, func(context.Context, int) (int, error) {
				h.enter()
				defer h.leave()
				runtime.Gosched()
				return 0, nil
			}))
		}
		var wg sync.WaitGroup
		for range 3 { // several Maps share the places
			wg.Go(func() {
				if n := len(seq()); n != 200 {
					t.Errorf("%d pairs", n)
				}
			})
		}
		wg.Wait()
		if most := h.most.Load(); most > 3 {
			t.Errorf("%d items at once on 3 workers", most)
		}
	})
}

func TestMapInsideACallOnOneWorkerLendsThePlace(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(1)}} {
			p := newPool(t, 1, opts...)
			inCall(t, p, func(ctx context.Context) error {
				for i, seq := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}} {
					if got := goodValues(t, collectPairs(potok.Map(ctx, p, naturals(20).all, double, seq...))); len(got) != 20 {
						t.Errorf("Map %d: %v", i, got)
					}
				}
				if got, err := potok.MapSlice(ctx, p, []int{1, 2}, double); err != nil || !slices.Equal(got, []int{2, 4}) {
					t.Errorf("MapSlice: %v %v", got, err)
				}
				return potok.Each(ctx, p, naturals(20).all, func(context.Context, int) error { return nil })
			})
		}
	})
}

func TestMapInMapFiftyDeepOnOneWorker(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(1), potok.RefuseWhenFull()}} {
			p := newPool(t, 1, opts...)
			var h highWater
			var deep func(ctx context.Context, depth int) (int, error)
			deep = func(ctx context.Context, depth int) (sum int, err error) {
				h.enter()
				h.leave() // it lends now, and does not count
				if depth == 0 {
					return 1, nil
				}
				for v, err := range potok.Map(ctx, p, slices.Values([]int{depth - 1}), deep) {
					if err != nil {
						return 0, err
					}
					sum += v
				}
				return sum + 1, nil
			}
			if got := goodValues(t, collectPairs(potok.Map(t.Context(), p, slices.Values([]int{50, 50}), deep))); !slices.Equal(got, []int{51, 51}) {
				t.Errorf("%v", got)
			}
			if h.most.Load() != 1 {
				t.Errorf("%d items ran at once on one worker", h.most.Load())
			}
		}
	})
}

func TestTheLoopBodyMaySubmitToAPoolOfOneWorker(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		inCall(t, p, func(ctx context.Context) error {
			for v, err := range potok.Map(ctx, p, naturals(10).all, double) {
				if err != nil {
					return err
				}
				if w, err := potok.Submit(ctx, p, func(context.Context) (int, error) { return v, nil }).Result(ctx); w != v || err != nil {
					return fmt.Errorf("%d: %d %w", v, w, err)
				}
			}
			return nil
		})
	})
}

type keyOfMap struct{}

func TestAnItemsContextIsMadeFromMapsAndEndsWithTheItem(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		ctx := context.WithValue(t.Context(), keyOfMap{}, "here")
		var of []context.Context
		for range potok.Map(ctx, p, naturals(3).all, func(ctx context.Context, _ int) (int, error) {
			if ctx.Value(keyOfMap{}) != "here" || ctx.Err() != nil {
				t.Error("the item's context is not Map's")
			}
			of = append(of, ctx)
			return 0, nil
		}) {
		}
		for i, c := range of {
			if c.Err() == nil {
				t.Errorf("the context of item %d goes on after it", i)
			}
		}
	})
}

func TestMapWaitsForRoomInTheBacklogAndIsNeverRefused(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, backlog := range []int{0, 1, 5} {
			p := newPool(t, 2, potok.WithBacklog(backlog), potok.RefuseWhenFull())
			ctx := t.Context()
			if n := len(goodValues(t, collectPairs(potok.Map(ctx, p, naturals(50).all, double, potok.Lookahead(20))))); n != 50 {
				t.Errorf("Map: %d", n)
			}
			if n := len(goodValues(t, collectPairs(runTask.Map(ctx, p, bodies(50), potok.Lookahead(20))))); n != 50 {
				t.Errorf("Task.Map: %d", n)
			}
			if out, err := potok.MapSlice(ctx, p, make([]int, 50), double); len(out) != 50 || err != nil {
				t.Errorf("MapSlice: %d %v", len(out), err)
			}
			if err := potok.Each(ctx, p, naturals(50).all, func(context.Context, int) error { return nil }); err != nil {
				t.Errorf("Each: %v", err)
			}
		}
	})
}

func TestObserversSeeItemsAsCalls(t *testing.T) {
	var started, settled atomic.Int64
	var seen logbook[string]
	observer := potok.Observer{
		Submitted: func(_ context.Context, e potok.Event) { seen.add(fmt.Sprintf("%s submitted %d", e.Pool, e.Call)) },
		Started: func(ctx context.Context, e potok.Event) context.Context {
			started.Add(1)
			return context.WithValue(ctx, keyOfMap{}, e.Call)
		},
		Settled: func(ctx context.Context, e potok.Event) {
			settled.Add(1)
			if ctx.Value(keyOfMap{}) != e.Call {
				t.Error("Settled does not get what Started made")
			}
			seen.add(fmt.Sprintf("%s settled %d %v %v", e.Pool, e.Call, e.State, e.Err))
		},
	}
	worlds(t, func(t *testing.T) {
		seen, started, settled = logbook[string]{}, atomic.Int64{}, atomic.Int64{}
		p := newPool(t, 1, potok.WithObserver(observer), potok.WithName("seen"))
		pairs := collectPairs(potok.Map(t.Context(), p, naturals(3).all, func(ctx context.Context, i int) (int, error) {
			if i == 1 {
				return 0, errItem
			}
			return int(ctx.Value(keyOfMap{}).(uint64)), nil
		}))
		if len(pairs) != 3 || pairs[0].value != 1 || pairs[1].err != errItem || pairs[2].value != 3 {
			t.Errorf("%v", pairs)
		}
		got := seen.all()
		slices.Sort(got)
		want := []string{
			"seen settled 1 succeeded <nil>", "seen settled 2 failed item failed", "seen settled 3 succeeded <nil>",
			"seen submitted 1", "seen submitted 2", "seen submitted 3",
		}
		if !slices.Equal(got, want) || started.Load() != 3 || settled.Load() != 3 {
			t.Errorf("%d started, %d settled:\n%s", started.Load(), settled.Load(), strings.Join(got, "\n"))
		}
	})
}

func TestErrorsThatMapYieldedAreNotUnread(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError(), potok.Lookahead(1)}} {
			collectPairs(potok.Map(t.Context(), p, naturals(5).all, func(context.Context, int) (int, error) { return 0, errItem }, opts...))
		}
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if s := p.Stats(); s.Unread != 0 || s.Failed != 11 || s.Queued != 0 || s.Running != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A value that was yielded is nobody's but the loop's, and an argument nobody's once its item is done.
func TestMapKeepsNoValueAfterItWasYielded(t *testing.T) {
	bounded(t)
	type thing struct{ _ [4096]byte }
	for name, opts := range map[string][]potok.MapOption{
		"ordered":     {potok.Lookahead(8)},
		"unordered":   {potok.Lookahead(8), potok.Unordered()},
		"stopOnError": {potok.Lookahead(8), potok.StopOnError()},
		"default":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 2)
			var args logbook[weak.Pointer[thing]]
			in := func(yield func(*thing) bool) {
				for range 60 {
					v := new(thing)
					args.add(weak.Make(v))
					if !yield(v) {
						return
					}
				}
			}
			var results []weak.Pointer[thing]
			for v, err := range potok.Map(t.Context(), p, in, func(context.Context, *thing) (*thing, error) { return new(thing), nil }, opts...) {
				if err != nil {
					t.Fatal(err)
				}
				results = append(results, weak.Make(v))
				if len(results)%20 != 0 {
					continue
				}
				// A worker may still be on his way from the last calls, and one more may stand in a frame.
				keeps := func(list []weak.Pointer[thing]) (n int) {
					for _, w := range list[:len(list)-2] {
						if w.Value() != nil {
							n++
						}
					}
					return n
				}
				eventually(t, "the values are gone", func() bool {
					runtime.GC()
					return keeps(results) == 0 && keeps(args.all()[:len(results)]) == 0
				})
			}
		})
	}
}
