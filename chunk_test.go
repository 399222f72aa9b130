package potok_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// What follows is about items that share a chunk: they are short, so that chunks
// grow, until one is not.

// mappings run fn with 0 … n-1 and return its results in order, or the first error.
var mappings = map[string]func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error){
	"MapSlice": func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error) {
		return potok.MapSlice(ctx, p, upTo(n), fn)
	},
	"MapSlice in chunks of 50": func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error) {
		return potok.MapSlice(ctx, p, upTo(n), fn, potok.Chunk(50))
	},
	"Map": func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error) {
		return collected(potok.Map(ctx, p, slices.Values(upTo(n)), fn, potok.Lookahead(n)))
	},
	"Map in chunks of 50": func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error) {
		return collected(potok.Map(ctx, p, slices.Values(upTo(n)), fn, potok.Lookahead(n), potok.Chunk(50)))
	},
}

func upTo(n int) []int {
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	return in
}

// collected is all values, or those before the first error and it.
func collected(items iter.Seq2[int, error]) (values []int, err error) {
	for v, err := range items {
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// chunked runs a test for every mapping in every world.
func chunked(t *testing.T, test func(t *testing.T, run func(ctx context.Context, p *potok.Pool, n int, fn func(context.Context, int) (int, error)) ([]int, error))) {
	t.Helper()
	for name, run := range mappings {
		t.Run(name, func(t *testing.T) {
			worlds(t, func(t *testing.T) { test(t, run) })
		})
	}
}

func TestAnItemThatBlocksHoldsUpNoOther(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		const n = 600
		p := newPool(t, 2)
		for _, slow := range []int{0, 1, 50, 51, 149, 400, n - 2, n - 1} {
			var done atomic.Int32
			all := make(chan struct{})
			got, err := run(t.Context(), p, n, func(_ context.Context, i int) (int, error) {
				if i == slow {
					<-all // the others do not wait for it, so it may wait for them
				} else if done.Add(1) == n-1 {
					close(all)
				}
				return i, nil
			})
			if err != nil || !slices.Equal(got, upTo(n)) {
				t.Errorf("item %d: %d values, %v", slow, len(got), err)
			}
		}
	})
}

func TestAnItemThatWaitsLendsItsPlaceToThoseBehindIt(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		const n = 300
		p := newPool(t, 1)
		for _, slow := range []int{0, 75, n - 1} {
			var done atomic.Int32
			others := potok.NewPromise[int]()
			got, err := run(t.Context(), p, n, func(ctx context.Context, i int) (int, error) {
				if i == slow {
					return others.Future().Result(ctx)
				}
				if done.Add(1) == n-1 {
					others.Resolve(slow)
				}
				return i, nil
			})
			if err != nil || !slices.Equal(got, upTo(n)) {
				t.Errorf("item %d: %d values, %v", slow, len(got), err)
			}
		}
	})
}

func TestItemsOfAChunkNeverExceedTheWorkers(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		for _, workers := range []int{1, 3} {
			p := newPool(t, workers)
			var in highWater
			if _, err := run(t.Context(), p, 1000, func(ctx context.Context, i int) (int, error) {
				in.enter()
				defer in.leave()
				if i%97 == 0 {
					in.leave()
					p.Go(ctx, func(context.Context) error {
						in.enter()
						defer in.leave()
						return nil
					}).Result(ctx)
					in.enter()
				}
				return i, nil
			}); err != nil {
				t.Error(err)
			}
			if most := int(in.most.Load()); most > workers {
				t.Errorf("%d at once on %d workers", most, workers)
			}
		}
	})
}

func TestStatsKnowTheItemsOfAChunk(t *testing.T) {
	for name, run := range mappings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n, blocked = 400, 120
				p := newPool(t, 1)
				hold, release := holding()
				done := potok.Go(t.Context(), func(ctx context.Context) ([]int, error) {
					return run(ctx, p, n, func(ctx context.Context, i int) (int, error) {
						if i == blocked {
							_ = hold(ctx)
						}
						return i, nil
					})
				})
				synctest.Wait()
				want := potok.Stats{Workers: 1, Queued: n - blocked - 1, Running: 1, Succeeded: blocked}
				if s := p.Stats(); s != want {
					t.Errorf("%+v, want %+v", s, want)
				}
				release()
				if _, err := outcome(t, done); err != nil {
					t.Error(err)
				}
				want = potok.Stats{Workers: 1, Idle: 1, Succeeded: n}
				if s := p.Stats(); s != want {
					t.Errorf("%+v, want %+v", s, want)
				}
			})
		})
	}
}

func TestItemsOfAChunkFailEachByItself(t *testing.T) {
	worlds(t, func(t *testing.T) {
		const n = 700
		for _, workers := range []int{1, 3} {
			p := newPool(t, workers)
			i := 0
			for v, err := range potok.Map(t.Context(), p, slices.Values(upTo(n)), func(_ context.Context, i int) (int, error) {
				switch i % 5 {
				case 1:
					panic(fmt.Sprint(i))
				case 2:
					runtime.Goexit()
				case 3:
					return i, fmt.Errorf("item %d: %w", i, errTest)
				}
				return i, nil
			}, potok.Chunk(64), potok.Lookahead(256)) {
				switch i % 5 {
				case 1:
					if e, ok := errors.AsType[*potok.PanicError](err); !ok || e.Value != fmt.Sprint(i) || len(e.Stack) == 0 {
						t.Errorf("item %d: %v", i, err)
					}
				case 2:
					wantErrors(t, err, potok.ErrGoexit)
				case 3:
					if v != i || err == nil || err.Error() != fmt.Sprintf("item %d: test error", i) {
						t.Errorf("item %d: %d %v", i, v, err)
					}
				default:
					if v != i || err != nil {
						t.Errorf("item %d: %d %v", i, v, err)
					}
				}
				i++
			}
			p.Wait(t.Context())
			want := potok.Stats{Workers: workers, Idle: workers, Succeeded: n / 5 * 2, Failed: n / 5 * 3}
			if s := p.Stats(); i != n || s != want {
				t.Errorf("%d items, %+v, want %+v", i, s, want)
			}
		}
	})
}

func TestTheContextOfAnItemEndsWithIt(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		p := newPool(t, 1)
		var before context.Context
		if _, err := run(t.Context(), p, 300, func(ctx context.Context, i int) (int, error) {
			if before != nil && before.Err() == nil {
				return 0, fmt.Errorf("item %d runs, and the context of the one before has not ended", i)
			}
			before = nil
			if i%3 == 0 {
				before = ctx
				return i, context.Cause(within1h(t, ctx))
			}
			return i, ctx.Err()
		}); err != nil {
			t.Error(err)
		}
	})
}

// within1h derives a context, as most functions do that look at theirs.
func within1h(t *testing.T, ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	t.Cleanup(cancel)
	return ctx
}

func TestNoItemStartsOnceItsContextHasEnded(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		for _, kind := range []string{"std", "value", "struct"} { // of the others package context learns on a goroutine
			p := newPool(t, 1)
			ctx, cancel := contexts[kind]()
			last := 0
			_, err := run(ctx, p, 500, func(_ context.Context, i int) (int, error) {
				if last = i; i == 200 {
					cancel()
				}
				return i, nil
			})
			if last != 200 {
				t.Errorf("%s: item %d ran last", kind, last)
			}
			wantErrors(t, err, context.Canceled)
		}
	})
}

func TestCloseTakesTheItemsBehindADeafOne(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		p := newPool(t, 1)
		ran := 0
		_, err := run(t.Context(), p, 500, func(_ context.Context, i int) (int, error) {
			ran++
			if i == 100 {
				return i, p.Close() // of this pool: it waits for all others
			}
			return i, nil
		})
		wantErrors(t, err, potok.ErrClosed)
		p.Close()
		if s := p.Stats(); ran != 101 || s.Succeeded != 101 || s.Queued != 0 || s.Running != 0 {
			t.Errorf("%d ran, %+v", ran, s)
		}
	})
}

func TestAnItemMayWaitForAllTheOthers(t *testing.T) {
	chunked(t, func(t *testing.T, run func(context.Context, *potok.Pool, int, func(context.Context, int) (int, error)) ([]int, error)) {
		const n = 300
		for _, workers := range []int{1, 2} {
			p := newPool(t, workers)
			var done atomic.Int32
			got, err := run(t.Context(), p, n, func(ctx context.Context, i int) (int, error) {
				if i == 150 {
					if err := p.Wait(ctx); err != nil {
						return 0, err
					}
					if done.Load() < 149 {
						return 0, fmt.Errorf("%d others were done", done.Load())
					}
				}
				done.Add(1)
				return i, nil
			})
			if err != nil || len(got) != n {
				t.Errorf("%d values, %v", len(got), err)
			}
		}
	})
}

func TestItemsThatWaitForCallsOfTheirPoolDoNotAllBegin(t *testing.T) {
	const n = 4000
	for name, run := range map[string]func(context.Context, *potok.Pool, func(context.Context, int) (int, error)) ([]int, error){
		"MapSlice": func(ctx context.Context, p *potok.Pool, fn func(context.Context, int) (int, error)) ([]int, error) {
			return potok.MapSlice(ctx, p, upTo(n), fn)
		},
		"Map": func(ctx context.Context, p *potok.Pool, fn func(context.Context, int) (int, error)) ([]int, error) {
			return collected(potok.Map(ctx, p, slices.Values(upTo(n)), fn))
		},
	} {
		t.Run(name, func(t *testing.T) {
			worlds(t, func(t *testing.T) {
				p := newPool(t, 2)
				var waiting highWater
				got, err := run(t.Context(), p, func(ctx context.Context, i int) (int, error) {
					waiting.enter()
					defer waiting.leave()
					return potok.Submit(ctx, p, giving(i, nil)).Result(ctx)
				})
				if err != nil || len(got) != n {
					t.Errorf("%d values, %v", len(got), err)
				}
				if most := waiting.most.Load(); most > 1100 { // the longest look-ahead, and some
					t.Errorf("%d items of %d waited at once", most, n)
				}
			})
		})
	}
}

func TestOneWorkerStartsItemsAndCallsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		p.Go(t.Context(), hold)
		synctest.Wait()
		var order []int
		in := func(yield func(int) bool) {
			for i := range 100 {
				if i%10 == 5 {
					p.Go(t.Context(), func(context.Context) error { order = append(order, 1000+i); return nil })
				}
				if !yield(i) {
					return
				}
			}
		}
		done := potok.Go(t.Context(), func(ctx context.Context) ([]int, error) {
			return collected(potok.Map(ctx, p, in, func(_ context.Context, i int) (int, error) {
				order = append(order, i)
				return i, nil
			}, potok.Lookahead(100), potok.Chunk(100)))
		})
		synctest.Wait()
		release()
		if _, err := outcome(t, done); err != nil {
			t.Error(err)
		}
		p.Wait(t.Context())
		var want []int
		for i := range 100 {
			if i%10 == 5 {
				want = append(want, 1000+i)
			}
			want = append(want, i)
		}
		if !slices.Equal(order, want) {
			t.Errorf("%v", order)
		}
	})
}

func TestAnInputDoesNotWaitForItsChunkToFill(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		next := make(chan int)
		in := func(yield func(int) bool) {
			for i := range next {
				if !yield(i) {
					return
				}
			}
		}
		go func() { next <- 0 }()
		n := 0
		for v, err := range potok.Map(t.Context(), p, in, double, potok.Chunk(100)) {
			if v != 2*n || err != nil {
				t.Errorf("%d %v", v, err)
			}
			if n++; n == 500 {
				close(next)
				continue
			}
			go func() { next <- n }()
		}
		if n != 500 {
			t.Errorf("%d items", n)
		}
	})
}

// Everything at once, in any order: every item has its pair in its place, and the
// pool is empty afterwards.
func TestChunksStandWhatCallsStand(t *testing.T) {
	rounds := 60
	if raceEnabled || testing.Short() {
		rounds = 15
	}
	for range rounds {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		workers := 1 + r.IntN(4)
		p := newPool(t, workers)
		var ranges []*potok.Future[int]
		for range 1 + r.IntN(4) {
			seed, n, opts := r.Uint64(), r.IntN(2000), []potok.MapOption(nil)
			if r.IntN(2) == 0 {
				opts = append(opts, potok.Chunk(1+r.IntN(200)))
			}
			if r.IntN(2) == 0 {
				opts = append(opts, potok.Lookahead(1+r.IntN(500)))
			}
			stop := n + 1
			if r.IntN(3) == 0 {
				stop = r.IntN(n + 1)
			}
			ranges = append(ranges, potok.Go(t.Context(), func(ctx context.Context) (int, error) {
				return stormyRange(ctx, p, seed, n, stop, opts)
			}))
		}
		for _, f := range ranges {
			if _, err := outcome(t, f); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		}
		within(t, "Wait", func() { p.Wait(context.Background()) })
		if s := p.Stats(); s.Queued != 0 || s.Running != 0 || s.Waiting != 0 {
			t.Errorf("seed %d: %+v", seed, s)
		}
		within(t, "Close", func() { p.Close() })
	}
}

func stormyRange(ctx context.Context, p *potok.Pool, seed uint64, n, stop int, opts []potok.MapOption) (int, error) {
	i := 0
	for v, err := range potok.Map(ctx, p, slices.Values(upTo(n)), func(ctx context.Context, i int) (int, error) {
		switch h := (uint64(i)*0x9e3779b97f4a7c15 ^ seed) >> 32 % 64; h {
		case 0:
			panic(i)
		case 1:
			runtime.Goexit()
		case 2:
			return i, errTest
		case 3:
			_, err := p.Go(ctx, succeed).Result(ctx)
			return i, err
		case 4:
			ctx, cancel := context.WithTimeout(ctx, time.Microsecond)
			defer cancel()
			<-ctx.Done()
		case 5:
			runtime.Gosched()
		case 6:
			inner, err := potok.MapSlice(ctx, p, upTo(20), double)
			return i + len(inner) - 20, err
		}
		return i, nil
	}, opts...) {
		if err == nil && v != i {
			return i, fmt.Errorf("item %d has the result %d", i, v)
		}
		if i++; i == stop {
			return i, nil
		}
	}
	if i != n {
		return i, fmt.Errorf("%d items of %d", i, n)
	}
	return i, nil
}
