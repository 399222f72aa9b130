package potok_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestWhenThePoolClosesEveryPulledInputYieldsItsPairAndThenErrClosed(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}, {potok.Lookahead(3)}} {
			p := potok.NewPool(2)
			in := endless()
			closed := make(chan error, 1)
			four := make(chan struct{}, 4) // items that are done
			pairs := collectPairs(potok.Map(t.Context(), p, in.all, func(ctx context.Context, i int) (int, error) {
				if i < 4 {
					four <- struct{}{}
					return i, nil
				}
				if i == 4 {
					for range 4 {
						<-four
					}
					go func() { closed <- p.Close() }()
				}
				err := obedient(ctx)
				if context.Cause(ctx) != potok.ErrClosed {
					t.Errorf("cause %v", context.Cause(ctx))
				}
				return -1, err
			}, opts...))
			if err := <-closed; err != nil {
				t.Error(err)
			}
			if len(pairs) != in.count()+1 {
				t.Fatalf("%d pairs of %d inputs", len(pairs), in.count())
			}
			good := 0
			for i, p := range pairs {
				switch {
				case p.err == nil:
					good++
				case !errors.Is(p.err, potok.ErrClosed):
					t.Errorf("pair %d: %v", i, p.err)
				}
			}
			if last := pairs[len(pairs)-1]; good != 4 || last.err == nil || last.value != 0 {
				t.Errorf("%d good, last %v", good, last)
			}
		}
	})
}

func TestWhenThePoolShutsDownWhatItAcceptedHasItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 2)
			in := endless()
			done := make(chan error, 1)
			time.AfterFunc(1500*time.Millisecond, func() { done <- p.Shutdown(t.Context()) })
			pairs := collectPairs(potok.Map(t.Context(), p, in.all, aSecond, append(opts, potok.Lookahead(4))...))
			if err := <-done; err != nil {
				t.Error(err)
			}
			last := len(pairs) - 1
			if last != in.count() || !errors.Is(pairs[last].err, potok.ErrClosed) || pairs[last].value != 0 {
				t.Errorf("%d pulled, %v", in.count(), pairs)
			}
			good := 0
			for i, p := range pairs[:last] {
				switch {
				case p.err == nil:
					if good++; opts == nil && p.value != i {
						t.Errorf("pair %d: %v", i, p)
					}
				case !errors.Is(p.err, potok.ErrClosed):
					t.Errorf("pair %d: %v", i, p)
				}
			}
			if good != 6 { // so many were accepted by then
				t.Errorf("%d good: %v", good, pairs)
			}
		}
	})
}

func TestMapOnAClosedPoolSaysSo(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 2, potok.WithBacklog(1))
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		pairs := collectPairs(potok.Map(t.Context(), p, endless().all, double))
		if len(pairs) == 0 || len(pairs) > 2 {
			t.Errorf("%v", pairs)
		}
		for _, p := range pairs {
			if !errors.Is(p.err, potok.ErrClosed) {
				t.Errorf("%v", p)
			}
		}
		if out, err := potok.MapSlice(t.Context(), p, []int{1, 2}, double); out != nil || !errors.Is(err, potok.ErrClosed) {
			t.Errorf("MapSlice: %v %v", out, err)
		}
		if err := potok.Each(t.Context(), p, endless().all, func(context.Context, int) error { return nil }); !errors.Is(err, potok.ErrClosed) {
			t.Errorf("Each: %v", err)
		}
	})
}

func TestShutdownLetsTheMapOfARunningCallFinish(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		begun := make(chan struct{})
		f := potok.Submit(t.Context(), p, func(ctx context.Context) ([]int, error) {
			close(begun)
			var got []int
			for v, err := range potok.Map(ctx, p, naturals(20).all, double, potok.Lookahead(2)) {
				if err != nil {
					return nil, err
				}
				got = append(got, v)
			}
			return got, nil
		})
		<-begun
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got, err := f.Result(t.Context()); len(got) != 20 || err != nil {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestCloseAndShutdownOfThePoolInTheLoopBodyEndTheLoop(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, end := range map[string]func(*potok.Pool) error{
			"Close":    func(p *potok.Pool) error { return p.Close() },
			"Shutdown": func(p *potok.Pool) error { return p.Shutdown(t.Context()) },
		} {
			for _, opts := range [][]potok.PoolOption{nil, {potok.WithBacklog(0)}, {potok.WithBacklog(1), potok.RefuseWhenFull()}} {
				p := newPool(t, 2, opts...)
				in, n, last := endless(), 0, error(nil)
				for _, err := range potok.Map(t.Context(), p, in.all, double, potok.Lookahead(8)) {
					if n++; n == 3 {
						if err := end(p); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
					last = err
				}
				if n != in.count()+1 || !errors.Is(last, potok.ErrClosed) {
					t.Errorf("%s: %d pairs of %d inputs, last %v", name, n, in.count(), last)
				}
			}
		}
	})
}

func TestStopOnErrorYieldsTheFinishedResultsBeforeItItsErrorAndNothingMore(t *testing.T) {
	for name, test := range map[string]struct {
		opts []potok.MapOption
		want []int // values; -1 is the error
	}{
		// Item 3 fails after three seconds, item 4 would after five.
		"ordered":   {nil, []int{0, 1, -1}},
		"unordered": {[]potok.MapOption{potok.Unordered()}, []int{1, 0, 5, -1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				takes := []float64{2, 1, 9, 3, 5, 2.5, 9, 9}
				p := newPool(t, 6)
				in := naturals(len(takes))
				var cancelled logbook[int]
				start := time.Now()
				var got []int
				var last error
				for v, err := range potok.Map(t.Context(), p, in.all, func(ctx context.Context, i int) (int, error) {
					if err := after(ctx, time.Duration(takes[i]*float64(time.Second))); err != nil {
						cancelled.add(i)
						return 0, err
					}
					if i == 3 || i == 4 {
						return -1, errItem
					}
					return i, nil
				}, append(test.opts, potok.StopOnError(), potok.Lookahead(8))...) {
					got, last = append(got, v), err
				}
				if !slices.Equal(got, test.want) || last != errItem {
					t.Errorf("%v, %v; want %v", got, last, test.want)
				}
				if d := time.Since(start); d != 3*time.Second {
					t.Errorf("it took %v", d)
				}
				undone := cancelled.all()
				slices.Sort(undone)
				if len(undone) < 3 || undone[0] != 2 || undone[1] != 4 {
					t.Errorf("cancelled %v", undone)
				}
				if s := p.Stats(); s.Queued+s.Running != 0 || s.Failed != 1 || s.Unread != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestStopOnErrorGivesTheFirstErrorInTimeNotInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 4)
			pairs := collectPairs(potok.Map(t.Context(), p, naturals(4).all, func(ctx context.Context, i int) (int, error) {
				_ = after(context.WithoutCancel(ctx), time.Duration(9-i)*time.Second) // deaf
				return i, errItem
			}, append(opts, potok.StopOnError())...))
			if len(pairs) != 1 || pairs[0].value != 3 || pairs[0].err != errItem {
				t.Errorf("%v", pairs)
			}
		}
	})
}

// However slow the loop is: what was finished when the error came is not lost.
func TestStopOnErrorYieldsWhatWasFinishedBeforeTheErrorToASlowLoopToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, opts := range map[string][]potok.MapOption{"ordered": nil, "unordered": {potok.Unordered()}} {
			p := newPool(t, 5)
			var got []int
			var last error
			for v, err := range potok.Map(t.Context(), p, naturals(5).all, func(ctx context.Context, i int) (int, error) {
				if err := after(ctx, time.Duration([]int{1, 2, 3, 5, 6}[i])*time.Second); err != nil {
					return -2, err
				}
				if i == 3 {
					return -1, errItem
				}
				return i, nil
			}, append(opts, potok.StopOnError())...) {
				if got, last = append(got, v), err; len(got) == 1 {
					_ = after(t.Context(), time.Minute)
				}
			}
			if !slices.Equal(got, []int{0, 1, 2, -1}) || last != errItem {
				t.Errorf("%s: %v %v", name, got, last)
			}
		}
	})
}

func TestStopOnErrorPullsNothingMoreAndStartsNothingMore(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			p := newPool(t, 1)
			in := endless()
			var ran logbook[int]
			pairs := collectPairs(potok.Map(t.Context(), p, in.all, func(_ context.Context, i int) (int, error) {
				ran.add(i)
				if i == 5 {
					return 0, errItem
				}
				return i, nil
			}, append(opts, potok.StopOnError(), potok.Lookahead(20))...))
			if len(pairs) != 6 || pairs[5].err != errItem || !in.ended() || in.count() > 26 {
				t.Errorf("%v, %d pulled", pairs, in.count())
			}
			if got := ran.all(); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
				t.Errorf("ran %v", got)
			}
		}
	})
}

func TestStopOnErrorWithoutAnErrorIsMap(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 3)
		if got := goodValues(t, collectPairs(potok.Map(t.Context(), p, naturals(100).all, double, potok.StopOnError()))); len(got) != 100 {
			t.Errorf("%v", got)
		}
	})
}

func TestStopOnErrorTakesTheEndOfContextForTheError(t *testing.T) {
	worlds(t, func(t *testing.T) {
		why := errors.New("why")
		for _, opts := range [][]potok.MapOption{nil, {potok.Unordered()}} {
			ctx, cancel := context.WithCancelCause(t.Context())
			p := newPool(t, 2)
			pairs := collectPairs(potok.Map(ctx, p, endless().all, func(ctx context.Context, i int) (int, error) {
				if i < 2 {
					return i, nil
				}
				cancel(why)
				return 0, obedient(ctx)
			}, append(opts, potok.StopOnError())...))
			last := len(pairs) - 1
			if last > 2 || last < 0 || !errors.Is(pairs[last].err, why) || !errors.Is(pairs[last].err, context.Canceled) {
				t.Errorf("%v", pairs)
			}
		}
	})
}
