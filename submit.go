package potok

import "context"

// funcCall is a call of a closure.
type funcCall[T any] struct {
	Future[T]
	fn func(context.Context) (T, error)
}

func (f *funcCall[T]) invoke(ctx context.Context) (err error) {
	f.value, err = f.fn(ctx)
	return err
}

func (f *funcCall[T]) release()              { f.fn = nil }
func (f *funcCall[T]) options() *taskOptions { return nil }
func (f *funcCall[T]) name() string          { return "" }
func (f *funcCall[T]) patient() bool         { return false }

// Submit has p run fn and returns its future at once, unless a backlog is full:
// then it blocks until there is room, lending the place of the call it is called
// from. ctx covers queueing and running: when it ends the queued call is
// Cancelled at once and the running one sees its context end. Under a ctx that
// has ended nothing runs. After Shutdown or Close began the future has Failed
// with ErrClosed; a call that still runs may go on to submit during Shutdown. A
// nil fn panics. It is safe for concurrent use.
func Submit[T any](ctx context.Context, p *Pool, fn func(context.Context) (T, error)) *Future[T] {
	if fn == nil {
		panic("potok: Submit: nil function")
	}
	f := &funcCall[T]{fn: fn}
	p.accept(ctx, f, !p.refuse)
	return &f.Future
}

// plainCall is a call without a result.
type plainCall struct {
	Future[struct{}]
	fn func(context.Context) error
}

func (f *plainCall) invoke(ctx context.Context) error { return f.fn(ctx) }
func (f *plainCall) release()                         { f.fn = nil }
func (f *plainCall) options() *taskOptions            { return nil }
func (f *plainCall) name() string                     { return "" }
func (f *plainCall) patient() bool                    { return false }

// Go is Submit of a function that has no result but its error.
func (p *Pool) Go(ctx context.Context, fn func(context.Context) error) *Future[struct{}] {
	if fn == nil {
		panic("potok: Pool.Go: nil function")
	}
	f := &plainCall{fn: fn}
	p.accept(ctx, f, !p.refuse)
	return &f.Future
}

// accept takes a call, or settles it if it cannot be taken. mayBlock says what
// to do when the backlog is full: wait for room, or refuse.
func (p *Pool) accept(ctx context.Context, j job, mayBlock bool) {
	c := j.base()
	if p.quick && !p.in.hungry.Load() && p.acceptQuickly(ctx, c, j) {
		return
	}
	inside := (p.backlog >= 0 || p.ledger.Draining()) && p.runsHere(ctx)

	p.mu.Lock()
	p.starveLocked()
	c.scope = p.scopeOf(ctx)
	if w := observerOf(&p.host); w != nil {
		p.unlock()
		w.submitted(c, j.name())
		p.mu.Lock()
	}
	switch {
	case p.roomLocked() || p.ledger.Closed() || c.scope.over():
		p.enterLocked(ctx, c, j, inside)
	case mayBlock:
		p.unlock()
		p.awaitRoom(ctx, &blockedCall{job: j, inside: inside})
	case p.roomSoonLocked():
		// It does not lend its place: it waits for nobody's code but ours.
		p.awaitRoomLocked(ctx, &blockedCall{job: j, inside: inside, hasty: true, park: newParking(context.Background())})
	default:
		p.forgetLocked(c.scope, 1)
		p.unlock()
		turnAway(&p.host, j, ErrFull)
	}
}

// jobs are calls that are submitted together, under one ctx.
type jobs interface {
	Len() int
	job(i int) job
}

// acceptAll is accept for many calls. Where none of them needs a look of its own
// it takes the lock once for a segment's worth of them; workers begin meanwhile.
func (p *Pool) acceptAll(ctx context.Context, b jobs) {
	for i, n := 0, b.Len(); i < n; {
		if to := min(n, i+segmentSize); p.quick && p.acceptSome(ctx, b, i, to) {
			i = to
			continue
		}
		p.accept(ctx, b.job(i), !p.refuse)
		i++
	}
}

// enterLocked takes a call for which there is room. The caller holds mu, which
// is given up.
func (p *Pool) enterLocked(ctx context.Context, c *call, j job, inside bool) {
	if !p.creditLocked(inside) {
		p.unlock()
		// Shutdown may have begun just now: look where the call comes from.
		inside = !inside && !p.ledger.Closed() && p.runsHere(ctx)
		p.mu.Lock()
		if inside {
			p.enterLocked(ctx, c, j, true)
			return
		}
		p.forgetLocked(c.scope, 1)
		p.unlock()
		turnAway(&p.host, j, ErrClosed)
		return
	}
	p.entered++
	if p.size == 1 {
		p.submits.Add(1)
	}
	why := errCancelledByClose
	switch {
	case p.swept:
	case c.scope.over():
		why = cancelledBy(ctx)
	default:
		p.listLocked(c)
		p.placeLocked(j)
		p.unlock()
		return
	}
	// It stands in no list: a sweep that found it could be about to cancel it when
	// Submit returns, and the future would not be Cancelled yet.
	p.forgetLocked(c.scope, 1)
	p.unlock()
	c.cancel(why)
	discard(j)
}

// placeLocked gives an accepted call to a free worker, or queues it. The caller
// holds mu.
func (p *Pool) placeLocked(j job) {
	if p.handsOverLocked() {
		p.free--
		p.waking = true
		if w := p.popIdleLocked(); w != nil {
			w.hand, w.placed, w.called = j, true, true
			w.wake <- struct{}{} // capacity 1, and it is parked: never blocks
		} else {
			p.startLocked().hand = j
		}
		return
	}
	p.queueLocked(j, false)
	p.kickLocked()
}

// queueLocked puts a call that is accepted into the queue. The caller holds mu.
func (p *Pool) queueLocked(j job, atHead bool) {
	if p.backlog >= 0 {
		p.queued++
	}
	if atHead {
		p.queue.pushFront([]job{j})
		return
	}
	p.in.mu.Lock()
	p.in.leave(j)
	p.in.mu.Unlock()
}

// handsOverLocked says whether a call need not go through the queue: a place is
// free and nobody is before it. While a worker is on his way the call is queued
// for him, as waking costs more than waiting for him does; with a backlog, which
// may be 0, the call must not be queued. The caller holds mu.
func (p *Pool) handsOverLocked() bool {
	if p.free == 0 {
		return false
	}
	if p.backlog >= 0 {
		return p.queued == 0
	}
	return !p.waking && !p.workLocked()
}

// runsHere says whether ctx belongs to a call of this pool that still runs, or to
// one that such a call has submitted elsewhere.
func (p *Pool) runsHere(ctx context.Context) bool { return p.ledger.Encloses(ctx) }
