package potok

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MapSlice runs fn on p with every element of in and returns the results in
// order, or nil and the first error in order. An item is cancelled only when one
// before it has failed. It blocks until every call that it started has returned,
// lending the place of the call it is called from. When ctx ends or p closes it
// returns that error, unless everything was done. Unordered and StopOnError mean
// nothing here. A nil fn panics. It is safe for concurrent use, as long as nobody
// writes to in.
func MapSlice[In, Out any](ctx context.Context, p *Pool, in []In, fn func(context.Context, In) (Out, error), opts ...MapOption) ([]Out, error) {
	if fn == nil {
		panic("potok: MapSlice: nil function")
	}
	o := newMapOptions(opts)
	if !p.takesChunks() || o.lookahead > 0 {
		return mapOneByOne(ctx, p, in, fn, o)
	}
	m := &sliceMapping[In, Out]{in: in, out: make([]Out, len(in)), fn: fn, pool: p, chunk: o.chunk}
	if len(in) > 0 {
		m.runAll(ctx)
	}
	if m.err != nil {
		return nil, m.err
	}
	return m.out, nil
}

// mapOneByOne is MapSlice where every item needs a look of its own.
func mapOneByOne[In, Out any](ctx context.Context, p *Pool, in []In, fn func(context.Context, In) (Out, error), o mapOptions) ([]Out, error) {
	out := make([]Out, 0, len(in))
	o.unordered, o.stopOnError = false, false
	items := mapSeq(ctx, p, slices.Values(in), o, func(m *mapping[Out], v In) *Future[Out] {
		f := &itemCall[In, Out]{in: v, fn: fn}
		p.accept(m.run, f, true)
		return &f.Future
	})
	for v, err := range items {
		if len(out) == len(in) {
			break // ctx ended, or p closed, when all was done
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// sliceMapping is one MapSlice. All its items are one chunk at first; a worker takes
// a piece of it from the front and leaves the rest in the queue for the next. Who
// has called it waits until all pieces are over.
type sliceMapping[In, Out any] struct {
	in    []In
	out   []Out // an item's result is its worker's to write; read when all is over
	fn    func(context.Context, In) (Out, error)
	pool  *Pool
	scope *scope
	chunk int // wished for; 0: chosen by time

	pace  pace
	open  atomic.Int64 // items of chunks that are not over
	errAt atomic.Int64 // the first item in order that has failed so far

	mu     sync.Mutex // guards the fields below; never held while blocking
	err    error      // of errAt
	news   bool       // something is over that the caller has to look at
	parked *parking   // the caller
}

// runAll starts the items and waits until the last is over.
func (m *sliceMapping[In, Out]) runAll(ctx context.Context) {
	run, cancel := context.WithCancelCause(ctx)
	defer cancel(ErrCancelled)
	m.errAt.Store(math.MaxInt64)
	m.open.Store(int64(len(m.in)))
	m.scope = newScope(run, m.pool)
	if err := m.pool.acceptChunk(ctx, newChunk(m.scope, m, 0, len(m.in))); err != nil {
		m.err = err
		return
	}
	endSweep := m.pool.sweepWhenOver(m.scope)
	defer endSweep()
	consumer := context.WithoutCancel(ctx)
	for m.open.Load() > 0 {
		if at := m.errAt.Load(); at < math.MaxInt64 && m.overUpTo(at) {
			cancel(ErrCancelled) // whatever still runs comes after the error
		}
		p := newParking(consumer)
		m.mu.Lock()
		news := m.news
		m.news = false
		if !news {
			m.parked = p
		}
		m.mu.Unlock()
		if news {
			p.resume()
		} else {
			<-p.ch
		}
	}
}

// overUpTo says whether every item up to at has ended.
func (m *sliceMapping[In, Out]) overUpTo(at int64) bool {
	m.pool.mu.Lock()
	defer m.pool.unlock()
	for k := m.pool.chunks; k != nil; k = k.nextLive {
		if k.scope == m.scope && k.pos.Load() <= min(at, k.shut.Load()-1) {
			return false
		}
	}
	return true
}

func (m *sliceMapping[In, Out]) run(k *chunk) {
	for i := int(k.pos.Load()); k.mine(i) && int64(i) <= m.errAt.Load(); i++ {
		v, err := m.fn(k, m.in[i])
		m.out[i] = v
		if err != nil {
			k.note(i, err)
		}
	}
}

func (m *sliceMapping[In, Out]) piece(left int) int {
	if m.chunk > 0 {
		return m.chunk
	}
	return min(m.pace.items(), 1+left/(2*m.pool.size))
}

func (m *sliceMapping[In, Out]) fail(i int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int64(i) < m.errAt.Load() {
		m.err = err
		m.errAt.Store(int64(i))
	}
}

func (m *sliceMapping[In, Out]) refusal(i int) error {
	if int64(i) > m.errAt.Load() {
		return errCancelledByHand
	}
	return nil
}

func (m *sliceMapping[In, Out]) settled(k *chunk) {
	n := k.shut.Load() - int64(k.lo)
	if k.why != nil {
		m.fail(k.lo, k.why)
	} else {
		m.pace.measure(int(n), time.Since(k.began))
	}
	if m.open.Add(-n) > 0 && m.errAt.Load() == math.MaxInt64 {
		return
	}
	m.mu.Lock()
	m.news = true
	p := m.parked
	m.parked = nil
	m.mu.Unlock()
	if p != nil {
		p.unpark()
	}
}
