package potok_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestMapPullsNothingBeforeTheRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		in := endless()
		seq := potok.Map(t.Context(), p, in.all, double)
		tasks := runTask.Map(t.Context(), p, func(func(body) bool) { t.Error("pulled") })
		synctest.Wait()
		if s := p.Stats(); in.count() != 0 || s.Queued+s.Running != 0 {
			t.Errorf("%d pulled, %+v", in.count(), s)
		}
		_, _ = seq, tasks
	})
}

func TestMapTakesAnInputWithoutEnd(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 3)
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.StopOnError()}, {potok.Lookahead(1)}, {potok.Chunk(7)}} {
			in, n := endless(), 0
			for _, err := range potok.Map(t.Context(), p, in.all, double, opts...) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 150 {
					break
				}
			}
			if !in.ended() || in.count() > 150+1024 {
				t.Errorf("%d pulled, ended %v", in.count(), in.ended())
			}
		}
	})
}

// ahead ranges over an endless Map and, at rest after each of the first results, compares how far the input was pulled
// beyond the last result taken.
func ahead(t *testing.T, workers, results int, want func(taken, ahead int) bool, fn func(context.Context, int) (int, error), opts ...potok.MapOption) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, workers)
		in, taken := endless(), 0
		for _, err := range potok.Map(t.Context(), p, in.all, fn, opts...) {
			if err != nil {
				t.Fatal(err)
			}
			taken++
			synctest.Wait()
			if got := in.count() - taken; !want(taken, got) {
				t.Errorf("%d pulled beyond %d results", got, taken)
			}
			if taken == results {
				break
			}
		}
	})
}

func exactly(n int) func(int, int) bool { return func(_, ahead int) bool { return ahead == n } }

func aSecond(ctx context.Context, i int) (int, error) { return i, after(ctx, time.Second) }

func TestLookaheadIsExact(t *testing.T) {
	for _, n := range []int{1, 2, 3, 40} {
		for _, workers := range []int{1, 4} {
			for name, fn := range map[string]func(context.Context, int) (int, error){"quick": double, "slow": aSecond} {
				for order, opts := range map[string][]potok.MapOption{"ordered": nil, "unordered": {potok.Unordered()}, "stop": {potok.StopOnError()}} {
					t.Run(fmt.Sprintf("n=%d/workers=%d/calls=%s/%s", n, workers, name, order), func(t *testing.T) {
						ahead(t, workers, 6, exactly(n), fn, append(opts, potok.Lookahead(n))...)
					})
				}
			}
		}
	}
}

func TestLookaheadIsTwiceTheWorkersWhileCallsAreSlow(t *testing.T) {
	ahead(t, 3, 20, exactly(6), aSecond)
	ahead(t, 3, 20, exactly(6), aSecond, potok.Unordered())
	ahead(t, 600, 3, exactly(1024), aSecond) // never more
}

func TestLookaheadGrowsWhileCallsAreShortButNeverOver1024(t *testing.T) {
	grown := false
	ahead(t, 2, 4000, func(_, n int) bool {
		grown = grown || n > 64
		return n >= 4 && n <= 1024
	}, double)
	if !grown {
		t.Error("the look-ahead did not grow")
	}
}

func TestLookaheadOfTheDefaultGoesWithTheChunk(t *testing.T) {
	for chunk, want := range map[int]int{1: 6, 5: 30, 1000: 1024, math.MaxInt: 1024} {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 3)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			in := endless()
			time.AfterFunc(time.Second, func() {
				if in.count() != want {
					t.Errorf("chunk %d: %d pulled, want %d", chunk, in.count(), want)
				}
				cancel()
			})
			for range potok.Map(ctx, p, in.all, func(ctx context.Context, _ int) (int, error) { return 0, obedient(ctx) }, potok.Chunk(chunk)) {
			}
		})
	}
}

func TestAChunkIsCutToAGivenLookahead(t *testing.T) {
	ahead(t, 2, 6, exactly(4), aSecond, potok.Lookahead(4), potok.Chunk(100))
	ahead(t, 2, 6, exactly(4), aSecond, potok.Chunk(math.MaxInt), potok.Lookahead(4))
}

func TestBeforeTheFirstResultNoMoreThanTheLookaheadIsPulled(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		in := endless()
		for range potok.Map(t.Context(), p, func(yield func(int) bool) {
			in.all(func(i int) bool {
				if n := in.count(); n > 5+1 { // the first result may have been taken
					t.Errorf("%d pulled", n)
				}
				return yield(i)
			})
		}, double, potok.Lookahead(5)) {
			break
		}
	})
}

func TestAReadyResultDoesNotWaitForTheNextInput(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.Chunk(10)}, {potok.StopOnError()}, {potok.Lookahead(1)}} {
			p := newPool(t, 1)
			more := make(chan int)
			in := func(yield func(int) bool) {
				for v := range more {
					if !yield(v) {
						return
					}
				}
			}
			go func() { more <- 0 }()
			n := 0
			for v, err := range potok.Map(t.Context(), p, in, double, opts...) {
				if v != 2*n || err != nil {
					t.Errorf("%d %v", v, err)
				}
				if n++; n == 5 {
					close(more)
					continue
				}
				more <- n // only now: whoever waited for it before the result would wait for ever
			}
			if n != 5 {
				t.Errorf("%d results", n)
			}
		}
	})
}

func TestAPulledInputDoesNotWaitForTheNextOne(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{{potok.Chunk(10)}, {potok.Chunk(10), potok.Lookahead(10)}, {potok.Unordered(), potok.Chunk(3)}, nil} {
			p := newPool(t, 2)
			started := make(chan struct{})
			in := func(yield func(int) bool) {
				if yield(1) {
					<-started // the input goes on only when the item runs
				}
			}
			got := goodValues(t, collectPairs(potok.Map(t.Context(), p, in, func(context.Context, int) (int, error) {
				close(started)
				return 1, nil
			}, opts...)))
			if len(got) != 1 {
				t.Errorf("%v", got)
			}
		}
	})
}

func TestTheInputIsPulledByOneAtATimeOnAnotherGoroutine(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 4)
		wait := make(chan struct{})
		body := goroutine()
		n := 0 // only the input writes it: the race detector watches
		in := func(yield func(int) bool) {
			if goroutine() == body {
				t.Error("the input is pulled on the loop's own goroutine")
			}
			for n < 100 {
				n++
				if n == 2 {
					<-wait // the loop's body, which frees it, runs meanwhile
				}
				if !yield(n) {
					return
				}
			}
		}
		first := true
		for range potok.Map(t.Context(), p, in, double) {
			if first {
				first = false
				close(wait)
			}
		}
		if n != 100 {
			t.Errorf("%d", n)
		}
	})
}

func TestOptionsOfMapThatMakeNoSensePanic(t *testing.T) {
	for _, n := range []int{0, -1, math.MinInt} {
		mustPanic(t, "Lookahead", func() { potok.Lookahead(n) })
		mustPanic(t, "Chunk", func() { potok.Chunk(n) })
	}
}

func TestMapOfNothingToRunPanicsInTheCall(t *testing.T) {
	p := newPool(t, 1)
	ctx := t.Context()
	mustPanic(t, "Map", func() { potok.Map[int](ctx, p, nil, double) })
	mustPanic(t, "Map", func() { potok.Map[int, int](ctx, p, naturals(1).all, nil) })
	mustPanic(t, "MapSlice", func() { _, _ = potok.MapSlice[int, int](ctx, p, []int{1}, nil) })
	mustPanic(t, "Each", func() { _ = potok.Each(ctx, p, naturals(1).all, nil) })
	mustPanic(t, "Each", func() { _ = potok.Each(ctx, p, nil, func(context.Context, int) error { return nil }) })
	mustPanic(t, "Map", func() { runTask.Map(ctx, p, nil) })
}
