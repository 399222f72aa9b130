package potok

import (
	"context"
	"reflect"

	"github.com/potok-go/potok/internal/registry"
)

// scope is what the calls share that were submitted to one executor with one
// ctx: so a call needs one word for both, and a ctx that ends is watched once
// however many calls it covers. For a ctx that can end, the scope is a list of
// its queued calls; its fields but the first four are guarded by the pool's mu.
type scope struct {
	host *registry.Host  // nil: a goroutine of its own, or a promise
	pool *Pool           // nil: another executor, or none
	ctx  context.Context //nolint:containedctx // it carries the ctx to the worker
	done <-chan struct{} // ctx.Done()

	head   *call // of the queued calls, linked by next and prev; in no order
	size   int
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

// linkLocked adds a queued call. The caller holds the pool's mu.
func (s *scope) linkLocked(c *call) {
	c.next = s.head
	if s.head != nil {
		s.head.prev = c
	}
	s.head = c
	s.size++
}

// unlinkLocked takes a call out, if it is in. The caller holds the pool's mu.
func (s *scope) unlinkLocked(c *call) {
	if s.done == nil || c.prev == nil && s.head != c {
		return
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.head = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	s.size--
	if s.pool.last != s {
		s.pool.retireLocked(s)
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

// scopeOf returns the scope of ctx, a new one if need be. It is called with mu
// held and returns with mu held, but may have let it go meanwhile: to watch a
// ctx of the user's own kind runs his code.
func (p *Pool) scopeOf(ctx context.Context) *scope {
	if ctx == context.Background() {
		return p.plain
	}
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

// retireLocked forgets a scope without queued calls. Its watch is ended by
// unlock, as that may run the user's code. The caller holds mu.
func (p *Pool) retireLocked(s *scope) {
	if s.size > 0 || s.stop == nil || s.ended || s.stale {
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

// sweep cancels the queued calls of a scope whose ctx has ended. It runs on the
// goroutine of context.AfterFunc, one of the helpers that Close waits for.
func (p *Pool) sweep(s *scope) {
	p.mu.Lock()
	s.ended = true
	if s.shared && p.scopes[s.ctx] == s {
		delete(p.scopes, s.ctx)
	}
	if p.last == s {
		p.last = nil
	}
	calls := make([]*call, 0, s.size)
	for c := s.head; c != nil; c = c.next {
		calls = append(calls, c)
	}
	for w := p.batched; w != nil; w = w.nextBatched {
		rest, _ := w.restLocked()
		for _, j := range rest {
			if c := j.base(); c.scope == s {
				calls = append(calls, c)
			}
		}
	}
	p.unlock()
	p.cancelAll(calls, cancelledBy(s.ctx))
	p.mu.Lock()
	p.helperGoneLocked()
	p.unlock()
}
