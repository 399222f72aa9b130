package potok_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok"
)

// errand is what farTask is given: a number and how to make what of it.
type errand struct {
	i  int
	fn func(ctx context.Context, i int) (int, error)
}

var farTask = potok.Define("potok_test.far", func(ctx context.Context, e errand) (int, error) { return e.fn(ctx, e.i) })

// outing is one range over a Task's Map on a far executor with everything left to chance.
type outing struct {
	n, leaveAt, cancelAt, panicAt, failEvery, look int // -1: never, or without end
	opts                                           []potok.MapOption
}

func newOuting(r *rand.Rand) *outing {
	c := &outing{n: r.IntN(300), leaveAt: -1, cancelAt: -1, panicAt: -1, failEvery: 1 + r.IntN(30)}
	if r.IntN(2) == 0 {
		c.look = 1 + r.IntN(60)
		c.opts = append(c.opts, potok.Lookahead(c.look))
	}
	if r.IntN(2) == 0 {
		c.opts = append(c.opts, potok.Chunk(1+r.IntN(40)))
	}
	switch r.IntN(5) {
	case 0:
		c.leaveAt = 1 + r.IntN(100)
	case 1:
		c.cancelAt = r.IntN(200)
	case 2:
		c.n, c.leaveAt = -1, 1+r.IntN(100)
	case 3:
		c.panicAt = r.IntN(200)
	}
	return c
}

// run ranges over the Map, checks what it yields, and says how many inputs were pulled.
func (c *outing) run(ctx context.Context, x potok.Executor, closes bool) (items int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := &input{limit: c.n}
	var running, taken, runs atomic.Int64
	ran := make([]atomic.Bool, 500)
	fn := func(ctx context.Context, i int) (int, error) {
		running.Add(1)
		defer running.Add(-1)
		runs.Add(1)
		if i < len(ran) && ran[i].Swap(true) {
			return 0, errors.New("it runs twice")
		}
		if i == c.cancelAt {
			cancel()
		}
		if i%5 == 0 {
			runtime.Gosched()
		}
		if i%c.failEvery == c.failEvery-1 {
			if i%2 == 0 {
				panic(errItem)
			}
			return -i, errItem
		}
		return i, ctx.Err()
	}
	tooFar := 0
	all := func(yield func(errand) bool) {
		in.all(func(i int) bool {
			if c.look > 0 && in.count() > int(taken.Load())+c.look+1 { // the loop notes a result a moment after it was taken
				tooFar++
			}
			if i == c.panicAt {
				panic(errInput)
			}
			return yield(errand{i, fn})
		})
	}
	var pairs []pair[int]
	panicked := caught(func() {
		for v, err := range farTask.Map(ctx, x, all, c.opts...) {
			taken.Add(1)
			pairs = append(pairs, pair[int]{v, err})
			if len(pairs) == c.leaveAt {
				break
			}
		}
	})
	items = in.count()
	if panicked != nil {
		items--
	}
	cancelled, closed := false, false
	for i, p := range pairs {
		fails := i%c.failEvery == c.failEvery-1
		isCancelled := errors.Is(p.err, context.Canceled)
		cancelled, closed = cancelled || isCancelled, closed || errors.Is(p.err, potok.ErrClosed)
		switch {
		case p.err == nil && p.value == i && !fails:
		case errors.Is(p.err, errItem) && fails && (p.value == -i || p.value == 0):
		case errors.Is(p.err, errDied):
		case isCancelled && (c.cancelAt >= 0 || closes):
		case closes && errors.Is(p.err, potok.ErrClosed):
		default:
			return items, fmt.Errorf("pair %d is %v", i, p)
		}
	}
	left := len(pairs) == c.leaveAt
	switch {
	case tooFar > 0:
		return items, fmt.Errorf("%d times too many inputs were pulled", tooFar)
	case running.Load() != 0:
		return items, fmt.Errorf("%d items run on", running.Load())
	case in.pulls.Load() != 0:
		return items, errors.New("the input is still pulled")
	case panicked != nil:
		if panicked != errInput || len(pairs) != items {
			return items, fmt.Errorf("panic %v after %d pairs of %d inputs", panicked, len(pairs), items)
		}
	case left:
	case c.panicAt >= 0 && in.count() > c.panicAt:
		return items, errors.New("the panic of the input is lost")
	case len(pairs) != items && len(pairs) != items+1:
		return items, fmt.Errorf("%d pairs of %d inputs", len(pairs), items)
	case len(pairs) == items+1 && pairs[items].err == nil:
		return items, errors.New("a last pair without an error")
	case items < c.n && len(pairs) != items+1:
		return items, fmt.Errorf("only %d of %d inputs and no last error", items, c.n)
	case !cancelled && !closed && len(pairs) != c.n:
		return items, fmt.Errorf("%d pairs of %d inputs", len(pairs), c.n)
	}
	return items, nil
}

func TestMapsInChunksElsewhereLoseNothing(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	worlds(t, func(t *testing.T) {
		for round := range rounds {
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 2))
			x := newFar(t, 1+r.IntN(4), seed|1)
			closes := r.IntN(5) == 0
			var total atomic.Int64
			var wg sync.WaitGroup
			for range 1 + r.IntN(3) {
				c := newOuting(r)
				wg.Go(func() {
					items, err := c.run(t.Context(), x, closes)
					total.Add(int64(items))
					if err != nil {
						t.Errorf("round %d, seed %d, %+v: %v", round, seed, c, err)
					}
				})
			}
			watched := make(chan struct{})
			over := make(chan struct{})
			go func() {
				defer close(watched)
				for i := 0; ; i++ {
					if s := x.Stats(); s.Running > x.places || s.Running < 0 || s.Queued < 0 {
						t.Errorf("%+v on %d places", s, x.places)
					}
					if closes && i == 20 {
						x.Close()
					}
					select {
					case <-over:
						return
					default:
						runtime.Gosched()
					}
				}
			}()
			wg.Wait()
			close(over)
			<-watched
			if err := x.check(int(total.Load())); err != nil {
				t.Errorf("round %d, seed %d: %v", round, seed, err)
			}
			x.Close()
			if t.Failed() {
				return
			}
		}
	})
}
