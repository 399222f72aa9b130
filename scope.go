package potok

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/potok-go/potok/internal/registry"
)

// scope is what the calls share that were submitted to one executor with one
// ctx: so a call needs one word for both, and a ctx that ends is watched once
// however many calls it covers. For a ctx that can end, the scope lists its
// calls from when they are accepted until the worker who ran them gives their
// batch back: those that do not run when ctx ends are cancelled, wherever they
// wait.
type scope struct {
	host *registry.Host  // nil: a goroutine of its own, or a promise
	pool *Pool           // nil: another executor, or none
	ctx  context.Context //nolint:containedctx // it carries the ctx to the worker
	done <-chan struct{} // ctx.Done()

	there atomic.Pointer[scope] // of nowhere: what became of it, see at

	calls callList // with some that have left it
	size  int      // calls in the list, or about to be; guarded by the inbox's mu

	// Guarded by the pool's mu.
	shared bool        // a later Submit with the same ctx finds it
	ended  bool        // ctx has ended and the list was swept
	stop   func() bool // ends the watch
	stale  bool        // it is on its way out
}

// background is the scope of calls without an executor under a context that
// cannot end, a promise's.
var background = &scope{ctx: context.Background()}

// comparableContext says whether ctx can be a map key and be compared without a panic.
func comparableContext(ctx context.Context) bool {
	t := reflect.TypeOf(ctx)
	return t.Kind() == reflect.Pointer || t.Size() == 0
}

// add counts an accepted call and lists it. The caller holds the inbox's mu.
func (s *scope) add(c *call) {
	if s.done != nil {
		s.size++
		s.list(c)
	}
}

// list lists a call that scopeOf has counted. The caller holds the inbox's mu.
func (s *scope) list(c *call) {
	c.place |= isListed
	s.calls.push(c)
}

// listLocked is list for those who hold the pool's mu only.
func (p *Pool) listLocked(c *call) {
	if s := c.scope; s.done != nil {
		p.in.mu.Lock()
		s.list(c)
		p.in.mu.Unlock()
	}
}

// unlistLocked takes out a call that has settled or is about to, if it is in. The
// caller holds the pool's mu.
func (p *Pool) unlistLocked(c *call) {
	if c.delistLocked() {
		p.forgetLocked(c.scope, 1)
	}
}

// delistLocked says whether the call was listed, and that it is not any more. The
// caller holds the pool's mu.
func (c *call) delistLocked() bool {
	listed := c.place&isListed != 0
	c.place &^= isListed
	return listed
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
// call for it, which ends by list and unlist or by forgetLocked. It is
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
	if s.done != nil {
		p.in.mu.Lock()
		s.size++
		p.in.mu.Unlock()
	}
	return s
}

func (p *Pool) findScope(ctx context.Context) *scope {
	shared := comparableContext(ctx)
	if shared {
		if last := p.in.last; last != nil && last.ctx == ctx {
			return last
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

// setLastLocked makes s, or none if nil, the scope that is looked at first. The
// caller holds mu.
func (p *Pool) setLastLocked(s *scope) {
	old := p.in.last
	if old == s {
		return
	}
	p.in.mu.Lock()
	p.in.last = s
	p.in.mu.Unlock()
	if old != nil {
		p.retireLocked(old)
	}
}

// retireLocked forgets a scope without calls. Its watch is ended by
// unlock, as that may run the user's code. The caller holds mu.
func (p *Pool) retireLocked(s *scope) {
	if s.stop == nil || s.ended || s.stale || p.usesLocked(s) {
		return
	}
	s.stale = true
	if s.shared && p.scopes[s.ctx] == s {
		delete(p.scopes, s.ctx)
	}
	p.after = append(p.after, func() {
		if s.stop() { // else its sweep runs or ran, and counts itself out
			p.mu.Lock()
			p.helperGoneLocked()
			p.unlock()
		}
	})
}

// usesLocked says whether a scope has calls; if not, nobody will add one who does not
// hold the pool's mu. The caller does.
func (p *Pool) usesLocked(s *scope) bool {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	if s.size > 0 {
		return true
	}
	if p.in.last == s {
		p.in.last = nil
	}
	return false
}

// forgetLocked counts n calls of the scope less, which are not listed any more. The
// list is cleaned when half as many have left as are in, so that each costs little
// and few are kept. A scope without calls is retired, but for the one used last, which
// is likely to be used next. The caller holds mu.
func (p *Pool) forgetLocked(s *scope, n int) {
	if s.done == nil {
		return
	}
	p.in.mu.Lock()
	s.size -= n
	size, end := s.size, s.calls.end()
	p.in.mu.Unlock()
	s.calls.clean(end, size+size/2)
	if p.in.last != s || p.ledger.Closed() {
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
	p.in.mu.Lock()
	if p.in.last == s {
		p.in.last = nil
	}
	calls := make([]registry.Expiring, 0, s.size)
	s.calls.each(func(c *call) { calls = append(calls, c) })
	p.in.mu.Unlock()
	p.unlock()
	defer func() { // also when a callback ends this goroutine
		p.mu.Lock()
		p.helperGoneLocked()
		p.unlock()
	}()
	p.ledger.ExpireAll(calls, cancelledBy(s.ctx))
}
