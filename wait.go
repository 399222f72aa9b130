package potok

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/potok-go/potok/internal/registry"
)

// Until says what Wait waits for.
type Until uint8

// What Wait waits for. A cancelled future is done, and counts as an error.
const (
	AllDone    Until = iota // every future has settled
	FirstDone               // at least one has
	FirstError              // at least one has Failed or was Cancelled, or all have settled
)

// Awaitable is any *Future[T], and any struct that embeds one: so futures of
// different types can be waited for together, and a future can carry what it
// belongs to.
type Awaitable interface {
	// Done returns a channel that is closed once the call has settled.
	Done() <-chan struct{}
	// State says how far the call has come. It never blocks.
	State() State
	// Cancel asks the call to stop; see Future.Cancel.
	Cancel() bool
	base() *call
}

// Wait blocks until as many of the futures have settled as until asks for, and
// returns those that have and those that have not, each in the order given. A
// future given twice counts once. When ctx ends first, err matches ctx's, and
// done and pending tell what is so by then; what is settled wins over a ctx that
// has ended. It cancels nothing. Inside a call, with its ctx, it lends the
// call's place. No futures: it returns at once. A nil future and an unknown
// until panic. It is safe for concurrent use, and takes O(n).
func Wait[F Awaitable](ctx context.Context, until Until, fs ...F) (done, pending []F, err error) {
	if until > FirstError {
		panic(fmt.Sprintf("potok: Wait: unknown Until %d", until))
	}
	fs = unique("Wait", fs)
	g := gather(fs)
	defer g.leave()
	for !g.enough(until, len(fs)) {
		if _, err = g.await(ctx); err != nil {
			break
		}
	}
	failed := false
	for _, f := range fs {
		switch f.State() {
		case Pending, Running:
			pending = append(pending, f)
			continue
		case Failed, Cancelled:
			failed = true
		case Succeeded:
		}
		done = append(done, f)
	}
	if len(pending) == 0 || until == FirstDone && len(done) > 0 || until == FirstError && failed {
		err = nil // if ctx has ended, so has what was waited for
	}
	return done, pending, err
}

// AsCompleted yields every future once it has settled: first those that have,
// in the order given, then the others as they settle. A future given twice is
// yielded once. The error beside a future is nil, however the future ended. When
// ctx ends while some are missing, one last pair has no future and an error that
// says how many and matches ctx's; what is settled is yielded before. It blocks
// between two futures only, and then, inside a call, lends the call's place.
// Leaving the range early leaves nothing behind. A nil future panics. It is safe
// for concurrent use, and takes O(n).
func AsCompleted[F Awaitable](ctx context.Context, fs ...F) iter.Seq2[F, error] {
	fs = unique("AsCompleted", fs)
	return func(yield func(F, error) bool) {
		g := gather(fs)
		defer g.leave()
		for n := range fs {
			i, err := g.await(ctx)
			if err != nil {
				var none F
				yield(none, fmt.Errorf("potok: %d of %d futures unfinished: %w", len(fs)-n, len(fs), err))
				return
			}
			if !yield(fs[i], nil) {
				return
			}
		}
	}
}

// Gather waits for all the futures and returns their values in the order given,
// or, as soon as one has not Succeeded, the error of the first that did not, in
// time, and no values. It cancels nothing. When ctx ends first, the error
// matches ctx's. Inside a call, with its ctx, it lends the call's place. A nil
// future panics. It is safe for concurrent use.
func Gather[T any](ctx context.Context, fs ...*Future[T]) ([]T, error) {
	distinct := unique("Gather", fs)
	g := gather(distinct)
	defer g.leave()
	for range distinct {
		i, err := g.await(ctx)
		if err != nil {
			return nil, err
		}
		if f := distinct[i]; f.State() != Succeeded {
			return nil, f.call.outcome()
		}
	}
	values := make([]T, len(fs))
	for i, f := range fs {
		values[i] = f.value
	}
	return values, nil
}

// unique returns the futures without those that came before.
func unique[F Awaitable](caller string, fs []F) []F {
	seen := make(map[*call]struct{}, len(fs))
	distinct := make([]F, 0, len(fs))
	for i, f := range fs {
		c := callOf(f)
		if c == nil {
			panic(fmt.Sprintf("potok: %s: future %d is nil", caller, i))
		}
		if _, again := seen[c]; !again {
			seen[c] = struct{}{}
			distinct = append(distinct, f)
		}
	}
	return distinct
}

// callOf returns the future's call, nil for a nil future of any kind.
func callOf(f Awaitable) (c *call) {
	if f == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			c = nil // a nil pointer to a struct that embeds a future
		}
	}()
	return f.base()
}

// gathering collects futures as they settle. Its waiters stay on futures that
// never settle, so after leave it holds nothing but itself.
type gathering struct {
	waiters []*waiter // the waiting goroutine's alone

	mu     sync.Mutex // guards the fields below; never held while blocking
	calls  []*call    // nil once settled
	ready  []int      // settled, not yet taken by await
	failed int        // how many of all did not succeed
	done   int        // how many have settled
	parked *parking   // the goroutine in await
	left   bool
}

// gather begins to watch the futures; those that have settled are ready, in
// order.
func gather[F Awaitable](fs []F) *gathering {
	g := &gathering{calls: make([]*call, len(fs)), waiters: make([]*waiter, len(fs))}
	for i, f := range fs {
		g.calls[i] = f.base()
	}
	for i, f := range fs {
		if f.base().settled() {
			g.settled(i)
		}
	}
	nodes := make([]waiter, len(fs))
	for i, f := range fs {
		if g.counted(i) {
			continue
		}
		// The node may outlive the wait on a future that never settles, and with it
		// all of nodes: so it knows its future by number only.
		nodes[i].wake = func() { g.settled(i) }
		if g.waiters[i] = f.base().arm(&nodes[i]); g.waiters[i] == nil {
			g.settled(i)
		}
	}
	return g
}

// counted says whether the future was ready before any waiter was armed. The
// ready list is in order then, and nobody else has it.
func (g *gathering) counted(i int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls[i] == nil
}

// settled notes that a future has settled and wakes who waits for it.
func (g *gathering) settled(i int) {
	g.mu.Lock()
	if g.left {
		g.mu.Unlock()
		return
	}
	c := g.calls[i]
	g.calls[i] = nil
	g.done++
	if c.phase() != phaseSucceeded {
		g.failed++
	}
	g.ready = append(g.ready, i)
	parked := g.parked
	g.parked = nil
	g.mu.Unlock()
	if parked != nil {
		parked.unpark()
	}
}

// await returns a future that has settled and was not returned before.
func (g *gathering) await(ctx context.Context) (int, error) {
	for {
		if i, ok := g.take(); ok {
			return i, nil
		}
		if ctx.Err() != nil {
			return 0, registry.ContextError(ctx)
		}
		p := newParking(ctx)
		if !g.park(p) {
			p.resume()
			continue
		}
		select {
		case <-p.ch:
		case <-ctx.Done():
			if g.unpark(p) {
				p.resume()
			} else {
				<-p.ch
			}
		}
	}
}

func (g *gathering) take() (int, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ready) == 0 {
		return 0, false
	}
	i := g.ready[0]
	g.ready = g.ready[1:]
	return i, true
}

// park makes p the one to wake. False: there is something to take.
func (g *gathering) park(p *parking) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ready) > 0 {
		return false
	}
	g.parked = p
	return true
}

// unpark takes p back. False: it was woken, or is about to be.
func (g *gathering) unpark(p *parking) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	mine := g.parked == p
	g.parked = nil
	return mine
}

// enough says whether Wait may return.
func (g *gathering) enough(until Until, n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.done == n:
		return true
	case until == FirstDone:
		return g.done > 0
	case until == FirstError:
		return g.failed > 0
	}
	return false
}

// leave ends the watch.
func (g *gathering) leave() {
	g.mu.Lock()
	calls, waiters := g.calls, g.waiters
	g.left, g.calls, g.waiters, g.ready = true, nil, nil, nil
	g.mu.Unlock()
	for i, c := range calls {
		if c != nil && waiters[i] != nil {
			c.disarm(waiters[i])
		}
	}
}
