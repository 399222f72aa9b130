package potok_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// errands gives farTask the numbers of in, with what to make of them.
func errands(in iter.Seq[int], fn func(context.Context, int) (int, error)) iter.Seq[errand] {
	return func(yield func(errand) bool) {
		for i := range in {
			if !yield(errand{i, fn}) {
				return
			}
		}
	}
}

func TestTaskMapInChunksYieldsAllInOrder(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Chunk(7)}, {potok.Lookahead(1)}, {potok.Lookahead(3), potok.Chunk(50)}} {
			for _, n := range []int{0, 1, 500} {
				x := newFar(t, 3, 0)
				got := goodValues(t, collectPairs(doubleTask.Map(t.Context(), x, naturals(n).all, opts...)))
				if len(got) != n || n > 0 && got[n-1] != 2*(n-1) || !slices.IsSorted(got) {
					t.Errorf("%v", got)
				}
				if err := x.check(n); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestAnInputIsHandedOverAlthoughTheNextOneDoesNotCome(t *testing.T) {
	for name, opts := range map[string][]potok.MapOption{"default": nil, "chunks of 10": {potok.Chunk(10)}, "look-ahead 50": {potok.Lookahead(50), potok.Chunk(50)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFar(t, 1, 0)
				next := make(chan int, 1)
				next <- 0
				n := 0
				for v, err := range doubleTask.Map(t.Context(), x, func(yield func(int) bool) {
					for i := range next {
						if !yield(i) {
							return
						}
					}
				}, opts...) {
					if v != 2*n || err != nil {
						t.Errorf("item %d is %d, %v", n, v, err)
					}
					if n++; n < 20 {
						next <- n
					} else if n == 20 {
						close(next)
					}
				}
				if n != 20 {
					t.Errorf("%d items", n)
				}
			})
		})
	}
}

func TestWhatIsCollectedStartsWhenAWorkerIsFreeAlthoughTheNextInputDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 9
		x := newFar(t, 1, 0)
		start := time.Now()
		blocked := make(chan struct{})
		i := 0
		for v, err := range farTask.Map(t.Context(), x, errands(func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
			<-blocked
		}, func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Second)
			return i, nil
		}), potok.Chunk(100)) {
			i++
			if d := time.Since(start); v != i-1 || err != nil || d != time.Duration(i)*time.Second {
				t.Errorf("item %d is %d, %v after %v", i-1, v, err, d)
			}
			if i == n {
				close(blocked)
			}
		}
		// One was handed over while the executor had none, some for the time when it is done, by when who hands over has come
		// to it, and all others together when it was.
		if i != n || x.chunks[0] != 1 || len(x.chunks) > 3 {
			t.Errorf("%d items in chunks of %v", i, x.chunks)
		}
	})
}

func TestResultsAreYieldedBeforeTheirChunkIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFar(t, 1, 0)
		start := time.Now()
		i, large := 0, false
		for _, err := range farTask.Map(t.Context(), x, errands(naturals(30).all, func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Second)
			return i, nil
		}), potok.Lookahead(20), potok.Chunk(10)) {
			i++
			if d := time.Since(start); err != nil || d != time.Duration(i)*time.Second {
				t.Errorf("item %d after %v, %v", i, d, err)
			}
		}
		for _, n := range x.chunks {
			large = large || n == 10
		}
		if !large {
			t.Errorf("chunks of %v", x.chunks)
		}
	})
}

func TestChunksElsewhereStayWithinTheLookahead(t *testing.T) {
	for _, look := range []int{1, 2, 5, 40} {
		synctest.Test(t, func(t *testing.T) {
			x := newFar(t, 2, 0)
			in, n := endless(), 0
			for range doubleTask.Map(t.Context(), x, in.all, potok.Lookahead(look), potok.Chunk(3)) {
				n++
				if synctest.Wait(); in.count() != n+look {
					t.Errorf("look-ahead %d: %d pulled, %d taken", look, in.count(), n)
				}
				if n == 100 {
					break
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // the default: two a worker, and no more than 1,024
		x := newFar(t, 2, 0)
		in, n := endless(), 0
		for range doubleTask.Map(t.Context(), x, in.all) {
			n++
			if synctest.Wait(); n == 1 && in.count() != 1+4 || in.count() > n+1024 {
				t.Errorf("%d pulled, %d taken", in.count(), n)
			}
			if n == 3000 {
				break
			}
		}
		if in.count() < n+1024-16 {
			t.Errorf("the look-ahead has not grown: %d", in.count()-n)
		}
		if largest := slices.Max(x.sizes()); largest > 1+1024/4 || largest < 100 {
			t.Errorf("chunks of up to %d", largest)
		}
	})
}

func TestChunksElsewhereFollowThePaceOfTheItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFar(t, 2, 0)
		var takes atomic.Int64
		n := 0
		for range farTask.Map(t.Context(), x, errands(endless().all, func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Duration(takes.Load()))
			return i, nil
		})) {
			switch n++; n {
			case 5000:
				if largest := slices.Max(x.sizes()); largest < 100 {
					t.Errorf("items that take no time come in chunks of %d", largest)
				}
				takes.Store(int64(time.Millisecond))
			case 15000:
				if largest := slices.Max(x.sizes()[len(x.sizes())-100:]); largest != 1 {
					t.Errorf("items of a millisecond come in chunks of %d", largest)
				}
			case 15001:
				return
			}
		}
	})
}

func TestLeavingAMapInChunksCancelsWhatHasNotRunAndWaitsForWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFar(t, 1, 0)
		var ran, ended atomic.Int64
		start := time.Now()
		in := endless()
		for range farTask.Map(t.Context(), x, errands(in.all, func(ctx context.Context, i int) (int, error) {
			if ran.Add(1) == 1 {
				return i, nil
			}
			<-ctx.Done()
			if ended.Add(1); context.Cause(ctx) != potok.ErrCancelled {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			time.Sleep(time.Hour) // deaf for a while
			return i, nil
		}), potok.Lookahead(10), potok.Chunk(1)) {
			synctest.Wait()
			break
		}
		if ran.Load() != 2 || ended.Load() != 1 || time.Since(start) != time.Hour || !in.ended() {
			t.Errorf("%d ran, %d saw their end, after %v", ran.Load(), ended.Load(), time.Since(start))
		}
		if s := x.Stats(); s.Succeeded != 2 || s.Cancelled != 9 || x.ends == 0 {
			t.Errorf("%+v, told %d times that a context has ended", s, x.ends)
		}
		if err := x.check(11); err != nil {
			t.Error(err)
		}
	})
}

func TestWhenContextEndsTheItemsInChunksThatHaveNotRunAreCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithCancelCause(t.Context())
		x := newFar(t, 1, 0)
		time.AfterFunc(1500*time.Millisecond, func() { cancel(why) })
		pairs := collectPairs(farTask.Map(ctx, x, errands(func(yield func(int) bool) {
			for i := range 7 {
				yield(i)
			}
			<-ctx.Done()
		}, func(ctx context.Context, i int) (int, error) {
			if err := after(ctx, time.Second); err != nil {
				return i, err
			}
			return i, nil
		}), potok.Chunk(4), potok.Lookahead(20)))
		if len(pairs) != 8 || pairs[0].err != nil || pairs[7].value != 0 {
			t.Fatalf("%v", pairs)
		}
		for _, p := range pairs[1:] {
			wantErrors(t, p.err, context.Canceled, why)
		}
		for _, p := range pairs[1:7] {
			wantErrors(t, p.err, potok.ErrCancelled)
		}
		if s := x.Stats(); s.Succeeded != 1 || s.Cancelled != 6 {
			t.Errorf("%+v", s)
		}
		if err := x.check(7); err != nil {
			t.Error(err)
		}
	})
}

// What a refusal looks like does not depend on whether items come in chunks.
func TestAnExecutorThatIsClosedRefusesChunksAsItRefusesCalls(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, end := range map[string]func(*far){
			"before": func(x *far) { x.Close() },
			"shut":   func(x *far) { x.ledger.Shut() },
			"drain":  func(x *far) { x.ledger.BeginDrain() },
		} {
			for _, test := range []struct{ at, look int }{{0, 1}, {1, 1}, {5, 1}, {0, 20}, {1, 20}, {5, 20}} {
				at := test.at
				var both [2][]pair[int]
				var stats [2]potok.Stats
				for i, plain := range []bool{true, false} {
					x := newFar(t, 1, 0)
					x.plain = plain
					calls := 0
					x.hold = func() {
						if calls++; calls > at {
							if err := x.Wait(context.Background()); err != nil { // what was accepted is not our matter here
								t.Error(err)
							}
							end(x)
						}
					}
					both[i] = collectPairs(doubleTask.Map(t.Context(), x, endless().all, potok.Lookahead(test.look), potok.Chunk(1)))
					stats[i] = x.Stats()
				}
				if n := len(both[1]); at > 0 && test.look > 1 && n >= at+2 && n <= at+1+test.look {
					// Several may be collected by then. They look like the one.
					stats[1].Failed -= uint64(n - (at + 2))
					both[1] = append(both[1][:at+1], slices.Compact(both[1][at+1:])...)
				}
				if !slices.Equal(both[0], both[1]) || len(both[0]) != at+2 || stats[0] != stats[1] {
					t.Errorf("%s, %d: %v, in chunks %v; %+v, in chunks %+v", name, at, both[0], both[1], stats[0], stats[1])
				}
			}
		}
	})
}

func TestAnInputThatIsKnownToBeFinishedHasNoLastErrorAlthoughItsChunkIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFar(t, 1, 0)
		in := naturals(8)
		calls := 0
		x.hold = func() {
			if calls++; calls == 2 {
				for !in.ended() {
					runtime.Gosched()
				}
				x.ledger.Shut()
			}
		}
		pairs := collectPairs(doubleTask.Map(t.Context(), x, in.all, potok.Lookahead(20)))
		if len(pairs) != 8 || pairs[0].err != nil {
			t.Fatalf("%v", pairs)
		}
		for _, p := range pairs[1:] {
			wantErrors(t, p.err, potok.ErrClosed)
		}
		if err := x.check(8); err != nil {
			t.Error(err)
		}
	})
}

// A throwing executor is a wrapper of somebody's whose Dispatch does not return.
type throwing struct {
	*far
	left int
	end  func()
}

func (x *throwing) Dispatch(calls registry.Batch) {
	if x.left--; x.left < 0 {
		x.end()
	}
	x.far.Dispatch(calls)
}

func TestADispatchThatPanicsOrExitsEndsTheRange(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, left := range []int{0, 1, 5} {
			for _, chunk := range []int{1, 9} {
				run := func(end func()) (pairs []pair[int], v any) {
					x := &throwing{newFar(t, 2, 0), left, end}
					v = caught(func() {
						for v, err := range doubleTask.Map(t.Context(), x, endless().all, potok.Chunk(chunk)) {
							pairs = append(pairs, pair[int]{v, err})
						}
					})
					if n := x.ledger.Open(); n != 0 {
						t.Errorf("%d items are open", n)
					}
					return pairs, v
				}
				pairs, v := run(func() { panic(errItem) })
				if v != errItem || len(pairs) < left {
					t.Errorf("panic %v after %v", v, pairs)
				}
				goodValues(t, pairs)
				pairs, v = run(runtime.Goexit)
				if v != nil || len(pairs) < left+1 || pairs[len(pairs)-1].err != potok.ErrGoexit {
					t.Errorf("panic %v after %v", v, pairs)
				}
			}
		}
	})
}

func TestAMapInChunksInsideOfACallLendsItsPlace(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p, x := newPool(t, 1), newFar(t, 1, 0)
		inCall(t, p, func(ctx context.Context) error {
			other := make(chan struct{})
			p.Go(t.Context(), func(context.Context) error { close(other); return nil })
			got := goodValues(t, collectPairs(farTask.Map(ctx, x, errands(naturals(20).all, func(_ context.Context, i int) (int, error) {
				<-other // runs on the place that the loop has lent
				return i, nil
			}))))
			if len(got) != 20 {
				t.Errorf("%v", got)
			}
			return nil
		})
	})
}

func TestAChunkKeepsNoInputsOnceItIsOver(t *testing.T) {
	worlds(t, func(t *testing.T) {
		x := newFar(t, 1, 0)
		var mu sync.Mutex
		var all []registry.Chunk
		var arrays [][]errand
		x.before = func(k registry.Chunk) {
			mu.Lock()
			defer mu.Unlock()
			if k.Items() > 2 {
				x.mu.Lock()
				it := new(ticket)
				x.mu.Unlock()
				it.call = k.Split(2, it)
				x.push(it, true)
			}
			all = append(all, k)
			arrays = append(arrays, *k.In().(*[]errand))
		}
		for i, err := range farTask.Map(t.Context(), x, errands(endless().all, double), potok.Chunk(5), potok.Lookahead(20)) {
			if err != nil {
				t.Error(err)
			}
			if i >= 100 {
				break
			}
		}
		for i, k := range all {
			if n := len(*k.In().(*[]errand)); n != 0 {
				t.Errorf("chunk %d keeps %d inputs", i, n)
			}
			for _, e := range arrays[i] {
				if e.fn != nil {
					t.Errorf("chunk %d: an input is kept", i)
				}
			}
		}
		if len(all) < 20 {
			t.Errorf("%d chunks", len(all))
		}
	})
}

func TestStatsCountTheItemsOfAChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFar(t, 1, 0)
		for i, err := range farTask.Map(t.Context(), x, errands(naturals(22).all, func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Second)
			if i%3 == 2 {
				return i, errItem
			}
			return i, nil
		}), potok.Lookahead(20), potok.Chunk(10)) {
			if (err != nil) != (i%3 == 2) {
				t.Errorf("item %d: %v", i, err)
			}
			synctest.Wait()
			s := x.Stats()
			if done := i + 1; int(s.Succeeded) != done-done/3 || int(s.Failed) != done/3 || s.Unread != 0 || s.Running > 1 || done < 22 && s.Running != 1 || s.Queued > 21-i {
				t.Errorf("item %d: %+v", i, s)
			}
		}
		if err := x.check(22); err != nil {
			t.Error(err)
		}
	})
}

func TestOptionsThatChunksCannotHaveGoItemByItem(t *testing.T) {
	worlds(t, func(t *testing.T) {
		x := newFar(t, 2, 0)
		for _, opts := range [][]potok.MapOption{{potok.Unordered()}, {potok.StopOnError()}} {
			if got := goodValues(t, collectPairs(doubleTask.Map(t.Context(), x, naturals(9).all, opts...))); len(got) != 9 {
				t.Errorf("%v", got)
			}
		}
		if got := goodValues(t, collectPairs(doubleTask.With(potok.Timeout(time.Hour)).Map(t.Context(), x, naturals(9).all))); len(got) != 9 {
			t.Errorf("%v", got)
		}
		if len(x.chunks) != 0 {
			t.Errorf("chunks of %v", x.chunks)
		}
	})
}

func TestAnItemInAChunkElsewhereAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	x := newIdle(2)
	defer close(x.queue)
	const n = 100_000
	in := slices.Repeat([]int{1}, n)
	if a := testing.AllocsPerRun(3, func() {
		for _, err := range doubleTask.Map(t.Context(), x, slices.Values(in)) {
			if err != nil {
				t.Error(err)
			}
		}
	}); a > n/5 {
		t.Errorf("%v allocations for %d items", a, n)
	}
}
