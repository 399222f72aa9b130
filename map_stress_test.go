package potok_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potok-go/potok"
)

var errInput = errors.New("input failed")

// tallies counts the calls of a pool as its observer sees them.
type tallies struct{ submitted, settled atomic.Uint64 }

func (c *tallies) observer() potok.Observer {
	return potok.Observer{
		Submitted: func(context.Context, potok.Event) { c.submitted.Add(1) },
		Settled:   func(context.Context, potok.Event) { c.settled.Add(1) },
	}
}

// check compares them with the pool's own when nothing moves.
func (c *tallies) check(t *testing.T, p *potok.Pool) {
	t.Helper()
	s := p.Stats()
	if ended := s.Succeeded + s.Failed + s.Cancelled; s.Queued+s.Running+s.Waiting != 0 || c.submitted.Load() != ended || c.settled.Load() != ended {
		t.Errorf("%d submitted, %d settled, %+v", c.submitted.Load(), c.settled.Load(), s)
	}
}

// chaos is one range over a Map with everything left to chance, and what must hold all the same.
type chaos struct {
	n         int // inputs; -1: without end
	leaveAt   int // pairs after which the loop is left; -1: never
	cancelAt  int // the item that ends ctx; -1: none
	panicAt   int // the input panics instead of giving this; -1: it does not
	failEvery int
	unordered bool
	stop      bool
	opts      []potok.MapOption
}

func newChaos(r *rand.Rand) *chaos {
	c := &chaos{n: r.IntN(60), leaveAt: -1, cancelAt: -1, panicAt: -1, failEvery: 1 + r.IntN(30)}
	if c.unordered = r.IntN(3) == 0; c.unordered {
		c.opts = append(c.opts, potok.Unordered())
	}
	if c.stop = r.IntN(3) == 0; c.stop {
		c.opts = append(c.opts, potok.StopOnError())
	}
	if r.IntN(2) == 0 {
		c.opts = append(c.opts, potok.Lookahead(1+r.IntN(20)))
	}
	switch r.IntN(5) {
	case 4:
		c.panicAt = r.IntN(40)
	case 0:
		c.leaveAt = 1 + r.IntN(40)
	case 1:
		c.cancelAt = r.IntN(40)
	case 2:
		c.n, c.leaveAt = -1, 1+r.IntN(60)
	}
	return c
}

func (c *chaos) String() string {
	return fmt.Sprintf("n %d, leave at %d, cancel at %d, panic at %d, fail every %d, unordered %v, stop %v, %d options", c.n, c.leaveAt, c.cancelAt, c.panicAt, c.failEvery, c.unordered, c.stop, len(c.opts))
}

func (c *chaos) fails(i int) bool { return i%c.failEvery == c.failEvery-1 }

// run ranges over the Map and checks what it yields.
func (c *chaos) run(ctx context.Context, p *potok.Pool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := &input{limit: c.n}
	var running atomic.Int64
	fn := func(ctx context.Context, i int) (int, error) {
		running.Add(1)
		defer running.Add(-1)
		if i == c.cancelAt {
			cancel()
		}
		if i%5 == 0 {
			runtime.Gosched()
		}
		switch {
		case !c.fails(i):
			return i, ctx.Err()
		case i%3 == 0:
			panic(errItem)
		case i%3 == 1:
			runtime.Goexit()
		}
		return -i, errItem
	}
	all := func(yield func(int) bool) {
		in.all(func(i int) bool {
			if i == c.panicAt {
				panic(errInput)
			}
			return yield(i)
		})
	}
	seq := potok.Map(ctx, p, all, fn, c.opts...)
	if c.leaveAt%2 == 0 { // as a task, with a second attempt for what fails
		task := runTask.With(potok.Retry(2, 0, time.Microsecond))
		seq = task.Map(ctx, p, func(yield func(body) bool) {
			all(func(i int) bool { return yield(func(ctx context.Context) (int, error) { return fn(ctx, i) }) })
		}, c.opts...)
	}
	var pairs []pair[int]
	panicked := caught(func() {
		for v, err := range seq {
			pairs = append(pairs, pair[int]{v, err})
			if len(pairs) == c.leaveAt {
				break
			}
		}
	})
	left, closed := len(pairs) == c.leaveAt, false
	for i, p := range pairs {
		closed = closed || errors.Is(p.err, potok.ErrClosed)
		if !c.unordered && p.err == nil && p.value != i && !(c.stop && p.value > i) {
			return fmt.Errorf("pair %d is %v", i, p)
		}
	}
	errorAt := slices.IndexFunc(pairs, func(p pair[int]) bool { return p.err != nil })
	switch {
	case running.Load() != 0:
		return fmt.Errorf("%d items run on", running.Load())
	case in.pulls.Load() != 0:
		return errors.New("the input is still pulled")
	case c.stop && errorAt >= 0 && errorAt != len(pairs)-1:
		return fmt.Errorf("StopOnError: pairs after the error: %v", pairs)
	case panicked != nil:
		if panicked != errInput || len(pairs) != in.count()-1 {
			return fmt.Errorf("panic %v after %d pairs of %d inputs", panicked, len(pairs), in.count())
		}
		return nil
	case c.stop || left:
		return nil
	case c.panicAt >= 0 && in.count() > c.panicAt:
		return errors.New("the panic of the input is lost")
	case len(pairs) != in.count() && len(pairs) != in.count()+1:
		return fmt.Errorf("%d pairs of %d inputs", len(pairs), in.count())
	case c.n >= 0 && in.count() < c.n && pairs[len(pairs)-1].err == nil:
		return fmt.Errorf("only %d of %d inputs and no error at the end", in.count(), c.n)
	case c.cancelAt < 0 && !closed && (in.count() != c.n || len(pairs) != c.n):
		return fmt.Errorf("%d pairs of %d inputs", len(pairs), in.count())
	}
	return nil
}

// storm runs many of them at once, some inside calls of the same pool, and says when all are done.
func storm(t *testing.T, p *potok.Pool, goroutines, rounds int) {
	t.Helper()
	seed := rand.Uint64()
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range rounds {
				c := newChaos(r)
				run := func(ctx context.Context) error { return c.run(ctx, p) }
				var err error
				if r.IntN(3) == 0 {
					_, err = p.Go(t.Context(), run).Result(t.Context())
				} else {
					err = run(t.Context())
				}
				if err != nil && !errors.Is(err, potok.ErrClosed) && !errors.Is(err, potok.ErrFull) {
					t.Errorf("seed %d: %v: %v", seed, c, err)
				}
			}
		})
	}
	wg.Wait()
}

var stormyPools = map[string][]potok.PoolOption{
	"unbounded": nil,
	"backlog 0": {potok.WithBacklog(0)},
	"backlog 3": {potok.WithBacklog(3)},
	"refusing":  {potok.WithBacklog(1), potok.RefuseWhenFull()},
}

func TestManyMapsOnOnePoolLoseNothing(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, opts := range stormyPools {
			for _, workers := range []int{1, 3} {
				var c tallies
				p := newPool(t, workers, append(opts, potok.WithObserver(c.observer()))...)
				storm(t, p, 4, 2)
				if err := p.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if c.check(t, p); t.Failed() {
					t.Fatalf("%s, %d workers", name, workers)
				}
			}
		}
	})
}

func TestMapsOnAPoolThatEndsUnderThemEndToo(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, opts := range stormyPools {
			for _, end := range []func(*potok.Pool) error{
				func(p *potok.Pool) error { return p.Close() },
				func(p *potok.Pool) error { return p.Shutdown(t.Context()) },
				func(p *potok.Pool) error {
					ctx, cancel := context.WithCancel(t.Context())
					cancel()
					if err := p.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
						return err
					}
					return nil
				},
			} {
				var c tallies
				p := potok.NewPool(2, append(opts, potok.WithObserver(c.observer()))...)
				ended := make(chan error, 1)
				p.Go(t.Context(), func(context.Context) error {
					go func() {
						for range 50 {
							runtime.Gosched()
						}
						ended <- end(p)
					}()
					return nil
				})
				storm(t, p, 3, 2)
				if err := <-ended; err != nil {
					t.Errorf("%s: %v", name, err)
				}
				_ = p.Close()
				if err := p.Wait(t.Context()); err != nil { // after a Shutdown in a hurry Close does not wait
					t.Errorf("%s: %v", name, err)
				}
				if c.check(t, p); t.Failed() {
					t.FailNow()
				}
			}
		}
	})
}
