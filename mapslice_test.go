package potok_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestMapSliceReturnsTheResultsInOrder(t *testing.T) {
	worlds(t, func(t *testing.T) {
		in := make([]int, 120)
		want := make([]int, len(in))
		for i := range in {
			in[i], want[i] = i, 2*i
		}
		for _, workers := range []int{1, 3} {
			p := newPool(t, workers)
			for _, opts := range [][]potok.MapOption{nil, {potok.Lookahead(1)}, {potok.Chunk(9)}, {potok.Unordered()}, {potok.StopOnError()}} {
				got, err := potok.MapSlice(t.Context(), p, in, func(ctx context.Context, i int) (int, error) {
					if i%10 == 0 {
						runtime.Gosched()
					}
					return double(ctx, i)
				}, opts...)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v %v", got, err)
				}
			}
		}
	})
}

func TestMapSliceOfNothingIsNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		for _, in := range [][]int{nil, {}} {
			if out, err := potok.MapSlice(t.Context(), p, in, double); len(out) != 0 || err != nil {
				t.Errorf("%v %v", out, err)
			}
		}
	})
}

// Items take 9, 3, 5 … seconds: the error that is first in time is never the one returned unless it is first in order too.
func TestMapSliceGivesTheErrorThatIsFirstInOrder(t *testing.T) {
	first, later := errors.New("first in order"), errors.New("first in time")
	for name, opts := range map[string][]potok.MapOption{"plain": nil, "unordered": {potok.Unordered()}, "stopOnError": {potok.StopOnError()}, "both": {potok.Unordered(), potok.StopOnError()}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 4)
				start := time.Now()
				var between, after9 atomic.Int64
				out, err := potok.MapSlice(t.Context(), p, []int{0, 1, 2, 3}, func(ctx context.Context, i int) (int, error) {
					switch i {
					case 0:
						return 0, after(ctx, time.Second)
					case 1:
						_ = after(ctx, 5*time.Second)
						return 7, first
					case 2:
						if after(ctx, 4*time.Second) == nil {
							between.Add(1) // not cancelled by the error of an item after it
						}
						return 0, nil
					default:
						_ = after(ctx, time.Second)
						after9.Add(1)
						return 0, later
					}
				}, opts...)
				if out != nil || err != first {
					t.Errorf("%v %v", out, err)
				}
				if between.Load() != 1 || after9.Load() != 1 || time.Since(start) != 5*time.Second {
					t.Errorf("%d %d after %v", between.Load(), after9.Load(), time.Since(start))
				}
			})
		})
	}
}

func TestAnErrorInMapSliceCancelsWhatComesAfterItAndWaitsForIt(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		var running, ran atomic.Int64
		second := make(chan struct{})
		in := slices.Collect(naturals(50).all)
		out, err := potok.MapSlice(t.Context(), p, in, func(ctx context.Context, i int) (int, error) {
			ran.Add(1)
			running.Add(1)
			defer running.Add(-1)
			if i == 0 {
				<-second
				return 0, errItem
			}
			if i == 1 {
				close(second)
			}
			err := obedient(ctx)
			if context.Cause(ctx) != potok.ErrCancelled {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			return 0, err
		}, potok.Lookahead(10))
		if out != nil || err != errItem || running.Load() != 0 || ran.Load() > 3 {
			t.Errorf("%v %v, %d run, %d ran", out, err, running.Load(), ran.Load())
		}
	})
}

func TestMapSliceTurnsPanicAndGoexitIntoErrors(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2)
		_, err := potok.MapSlice(t.Context(), p, []int{1, 2, 3}, func(_ context.Context, i int) (int, error) { panic(i) }, potok.Lookahead(1))
		if e, ok := errors.AsType[*potok.PanicError](err); !ok || e.Value != 1 || len(e.Stack) == 0 {
			t.Errorf("%v", err)
		}
		if _, err := potok.MapSlice(t.Context(), p, []int{1}, func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }); !errors.Is(err, potok.ErrGoexit) {
			t.Errorf("%v", err)
		}
	})
}

func TestMapSliceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("why")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, why)
		defer cancel()
		p := newPool(t, 1)
		start := time.Now()
		out, err := potok.MapSlice(ctx, p, make([]int, 10), aSecond)
		if out != nil || !errors.Is(err, why) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2500*time.Millisecond {
			t.Errorf("%v %v after %v", out, err, time.Since(start))
		}
		if s := p.Stats(); s.Queued+s.Running != 0 || s.Succeeded != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// A slice is known to be finished after its last element: all results are there, so they are returned.
func TestMapSliceWhoseItemsAllSucceededReturnsThemWhateverBecameOfContextAndPool(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, lookahead := range []int{1, 2, 3, 10} {
			ctx, cancel := context.WithCancel(t.Context())
			p := newPool(t, 1)
			in := []int{0, 1, 2}
			out, err := potok.MapSlice(ctx, p, in, func(_ context.Context, i int) (int, error) {
				if i == 2 {
					cancel()
				}
				return i, nil
			}, potok.Lookahead(lookahead))
			if !slices.Equal(out, in) || err != nil {
				t.Errorf("look-ahead %d: %v %v", lookahead, out, err)
			}
			cancel()
			closed := make(chan error)
			out, err = potok.MapSlice(t.Context(), p, in, func(ctx context.Context, i int) (int, error) {
				if i == 2 {
					go func() { closed <- p.Close() }()
					<-ctx.Done()
				}
				return i, nil
			}, potok.Lookahead(lookahead))
			if !slices.Equal(out, in) || err != nil {
				t.Errorf("closed, look-ahead %d: %v %v", lookahead, out, err)
			}
			if err := <-closed; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestMapSliceKeepsToALookahead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 3)
		for lookahead, want := range map[int]int{1: 1, 2: 2, 5: 5, math.MaxInt: 30} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			time.AfterFunc(time.Millisecond, func() {
				if s := p.Stats(); s.Queued+s.Running != want {
					t.Errorf("look-ahead %d: %+v", lookahead, s)
				}
			})
			_, _ = potok.MapSlice(ctx, p, make([]int, 30), func(ctx context.Context, _ int) (int, error) { return 0, obedient(ctx) }, potok.Lookahead(lookahead))
			cancel()
		}
	})
}
