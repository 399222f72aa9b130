package potok

import (
	"context"
	"reflect"
	"slices"

	"github.com/potok-go/potok/internal/registry"
)

// scope is what the calls share that were submitted to one executor with one
// ctx: so a call needs one word for both, and a ctx that ends is watched once
// however many calls it covers. For a ctx that can end, the scope lists its
// calls from when they are accepted until the worker who ran them gives their
// batch back: those that do not run when ctx ends are cancelled, wherever they
// wait. The fields but the first four are guarded by the pool's mu.
type scope struct {
	host *registry.Host  // nil: a goroutine of its own, or a promise
	pool *Pool           // nil: another executor, or none
	ctx  context.Context //nolint:containedctx // it carries the ctx to the worker
	done <-chan struct{} // ctx.Done()

	calls  []*call     // the list, with some that have left it
	size   int         // calls in the list, or about to be
	shared bool        // a later Submit with the same ctx finds it
	ended  bool        // ctx has ended and the list was swept
	stop   func() bool // ends the watch
	stale  bool        // it is on its way out
}

// keptCalls is how long a list may be whose memory is kept when it is empty.
const keptCalls = 256

// background is the scope of calls without an executor under a context that
// cannot end, a promise's.
var background = &scope{ctx: context.Background()}

// comparableContext says whether ctx can be a map key and be compared without a panic.
func comparableContext(ctx context.Context) bool {
	t := reflect.TypeOf(ctx)
	return t.Kind() == reflect.Pointer || t.Size() == 0
}

// listLocked adds an accepted call. The caller holds the pool's mu.
func (s *scope) listLocked(c *call) {
	if s.done == nil {
		return
	}
	c.place |= isListed
	s.calls = append(s.calls, c)
}

// unlistLocked takes out a call that has settled or is about to, if it is in. The
// list itself is cleaned when half as many have left as are in, so that each costs
// little and few are kept. The caller holds the pool's mu.
func (s *scope) unlistLocked(c *call) {
	if c.place&isListed == 0 {
		return
	}
	c.place &^= isListed
	s.pool.forgetLocked(s)
	if len(s.calls) > s.size+s.size/2 {
		s.calls = slices.DeleteFunc(s.calls, func(c *call) bool { return c.phase() >= phaseSettling })
	}
	if len(s.calls) == 0 && cap(s.calls) > keptCalls {
		s.calls = nil
	}
}

// over says whether ctx has ended: two loads while it has not.
func (s *scope) over() bool {
	if s.done == nil {
		return false
	}
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// scopeOf returns the scope of ctx, a new one if need be, and counts one more
// call for it, which ends by listLocked and unlistLocked or by forgetLocked. It is
// called with mu held and returns with mu held, but may have let it go meanwhile:
// to watch a ctx of the user's own kind runs his code.
func (p *Pool) scopeOf(ctx context.Context) *scope {
	if ctx == context.Background() {
		return p.plain
	}
	if p.ledger.Closed() { // nothing will run, so nothing need be watched
		return &scope{host: &p.host, pool: p, ctx: ctx}
	}
	s := p.findScope(ctx)
	s.size++
	return s
}

func (p *Pool) findScope(ctx context.Context) *scope {
	shared := comparableContext(ctx)
	if shared {
		if p.last != nil && p.last.ctx == ctx {
			return p.last
		}
		if s := p.scopes[ctx]; s != nil {
			p.setLastLocked(s)
			return s
		}
	}
	p.helpers++ // the watch that may be made
	p.mu.Unlock()
	s := &scope{host: &p.host, pool: p, ctx: ctx, done: ctx.Done(), shared: shared}
	if s.done != nil {
		s.stop = context.AfterFunc(ctx, func() { p.sweep(s) })
	}
	p.mu.Lock()
	switch {
	case s.done == nil:
		p.helperGoneLocked()
	case !shared || s.ended:
		return s // lives as long as its calls
	default:
		if other := p.scopes[ctx]; other != nil { // somebody was faster
			p.retireLocked(s)
			return other
		}
		p.scopes[ctx] = s
	}
	if shared {
		p.setLastLocked(s)
	}
	return s
}

// setLastLocked makes s the scope that is looked at first. The caller holds mu.
func (p *Pool) setLastLocked(s *scope) {
	old := p.last
	p.last = s
	if old != nil && old != s {
		p.retireLocked(old)
	}
}

// retireLocked forgets a scope without calls. Its watch is ended by
// unlock, as that may run the user's code. The caller holds mu.
func (p *Pool) retireLocked(s *scope) {
	if s.size > 0 || s.stop == nil || s.ended || s.stale {
		return
	}
	s.stale = true
	if s.shared && p.scopes[s.ctx] == s {
		delete(p.scopes, s.ctx)
	}
	if p.last == s {
		p.last = nil
	}
	p.after = append(p.after, func() {
		if s.stop() { // else its sweep runs or ran, and counts itself out
			p.mu.Lock()
			p.helperGoneLocked()
			p.unlock()
		}
	})
}

// forgetLocked counts a call of the scope less. A scope without calls is retired,
// but for the one used last, which is likely to be used next. The caller holds
// mu.
func (p *Pool) forgetLocked(s *scope) {
	if s.done == nil {
		return
	}
	s.size--
	if p.last != s || p.ledger.Closed() {
		p.retireLocked(s)
	}
}

// sweep cancels the calls of a scope whose ctx has ended, but those that run and
// see it by themselves. It runs on the goroutine of context.AfterFunc, one of the
// helpers that Close waits for.
func (p *Pool) sweep(s *scope) {
	p.mu.Lock()
	s.ended = true
	if s.shared && p.scopes[s.ctx] == s {
		delete(p.scopes, s.ctx)
	}
	if p.last == s {
		p.last = nil
	}
	calls := make([]registry.Expiring, 0, s.size)
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	p.unlock()
	defer func() { // also when a callback ends this goroutine
		p.mu.Lock()
		p.helperGoneLocked()
		p.unlock()
	}()
	p.ledger.ExpireAll(calls, cancelledBy(s.ctx))
}
