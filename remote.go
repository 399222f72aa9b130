package potok

import (
	"context"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// What follows is the life of a call on an executor other than Pool, as the
// registry.Call that the executor drives. The rules are those of a Pool's calls
// and the same code wherever they can be: who cancels, what an outcome means,
// when observers are told, what the ledger counts.

// Len and At make a call a batch of itself.
func (f *taskCall[In, Out]) Len() int                 { return 1 }
func (f *taskCall[In, Out]) At(int) registry.Call     { return f }
func (f *taskCall[In, Out]) Task() *registry.Task     { return f.task.registered }
func (f *taskCall[In, Out]) In() any                  { return &f.in }
func (f *taskCall[In, Out]) Out() any                 { return &f.value }
func (f *taskCall[In, Out]) Context() context.Context { return f.call.scope.ctx }

// Chunk is what the Map of the item wished for.
func (f *taskCall[In, Out]) Chunk() int {
	if x := f.item(); x != nil {
		return x.chunk
	}
	return 0
}

// Timeout is that of an attempt.
func (f *taskCall[In, Out]) Timeout() time.Duration {
	if t := f.task.options; t != nil {
		return t.timeout
	}
	return 0
}

// Accept enters the call in the ledger of its executor.
func (f *taskCall[In, Out]) Accept(h *registry.Host, ticket any) bool {
	return f.call.acceptAt(h, f, ticket)
}

// Plain says whether the call can do without Start.
func (f *taskCall[In, Out]) Plain() bool {
	return f.task.options == nil && f.call.scope.host.Observer == nil
}

// Began says that the call has started.
func (f *taskCall[In, Out]) Began() (context.Context, bool) { return &f.call, f.call.beganAt() }

// Start begins an attempt.
func (f *taskCall[In, Out]) Start(worker string) (context.Context, bool) {
	return f.call.startAt(worker, f.task.options)
}

// Settle ends an attempt.
func (f *taskCall[In, Out]) Settle(err error) (time.Duration, bool) {
	return f.call.settleAt(f, f.task.options, err)
}

// Expiring is the call for Ledger.ExpireAll.
func (f *taskCall[In, Out]) Expiring() registry.Expiring { return &f.call }

// Requeue ends the pause between two attempts.
func (f *taskCall[In, Out]) Requeue() bool {
	if !f.call.move(phaseWaiting, phasePending) {
		return false
	}
	f.call.scope.host.Ledger.Requeued()
	return true
}

// Refuse fails a queued call.
func (f *taskCall[In, Out]) Refuse(err error) bool { return f.call.refuse(err) }

// Cancel cancels the call.
func (f *taskCall[In, Out]) Cancel(cause error) bool {
	if f == nil {
		return false
	}
	return f.call.cancel(newCancelledError(context.Canceled, cause, nil))
}

// remoteJob is a job in the hands of another executor than Pool.
type remoteJob interface {
	registry.Call
	job
}

// A releaser drops the argument of a call that will not run any more.
type releaser interface{ release() }

func (c *call) acceptAt(h *registry.Host, outer remoteJob, ticket any) bool {
	c.scope = c.scope.at(h)
	ctx := c.scope.ctx
	x := c.extend()
	x.outer, x.ticket = outer, ticket
	observerOf(h).submitted(c, outer.name())
	if !h.Ledger.Enter(1, h.Ledger.Draining() && h.Ledger.Encloses(ctx)) {
		turnAway(h, outer, ErrClosed)
		return false
	}
	h.Ledger.Entered(1)
	if c.scope.over() {
		c.withdraw(phasePending, cancelledBy(ctx))
		return false
	}
	c.watch(func() {
		c.expire(cancelledBy(ctx))
		c.tellEnded()
	})
	return true
}

// at returns what the calls share that were submitted with this ctx, once h takes them: most often all of a SubmitAll.
func (s *scope) at(h *registry.Host) *scope {
	if there := s.there.Load(); there != nil && there.host == h {
		return there
	}
	there := &scope{host: h, ctx: s.ctx, done: s.ctx.Done()}
	s.there.Store(there)
	return there
}

// watch has fn called, on a goroutine of its own, when Submit's ctx ends.
func (c *call) watch(fn func()) {
	if c.scope.done == nil {
		return
	}
	stop := context.AfterFunc(c.scope.ctx, fn)
	c.extend().unwatch.Store(&stop)
	if c.settled() { // and the one who settled it did not find stop
		stop()
	}
}

// mayWithdraw asks the executor whether a queued call can still be cancelled without a
// start.
func (c *call) mayWithdraw() bool {
	h := c.scope.host
	if h == nil || h.Withdraw == nil {
		return true
	}
	x := c.extend()
	return x.outer == nil || h.Withdraw(x.ticket)
}

// tellEnded tells the executor that the context of a running call has ended.
func (c *call) tellEnded() {
	if h := c.scope.host; h != nil && h.Ended != nil && c.Running() {
		h.Ended(c.extend().ticket)
	}
}

// unwatch ends the watch of Submit's ctx.
func (c *call) unwatch() {
	if stop := c.extend().unwatch.Load(); stop != nil {
		(*stop)()
	}
}

// withdrawnRemote tells the executor of a call that left its queue, or the wait
// between two attempts, without a start: first, so that its room is free when
// others hear of it.
func (c *call) withdrawnRemote() {
	h, x := c.scope.host, c.extend()
	c.unwatch()
	if h.Withdrawn != nil {
		h.Withdrawn(x.ticket)
		x.outer.release()
	}
}

func (c *call) beganAt() bool {
	h := c.scope.host
	if !c.move(phasePending, phaseRunning) {
		return false
	}
	h.Ledger.Common.Started.Add(1)
	return true
}

func (c *call) startAt(worker string, t *taskOptions) (ctx context.Context, ok bool) {
	if c.scope.over() {
		c.expire(cancelledBy(c.scope.ctx))
	}
	if !c.move(phasePending, phaseRunning) {
		return nil, false
	}
	h := c.scope.host
	h.Ledger.Common.Started.Add(1)
	var cancel context.CancelFunc
	if h.Observer == nil {
		ctx, cancel = beginAttempt(c, t, worker)
	} else {
		h.Ledger.Carry(c, func(*registry.Seat) { ctx, cancel = beginAttempt(c, t, worker) })
	}
	if h.Ended != nil && ctx != context.Context(c) { // it may end by itself
		stop, end := context.AfterFunc(ctx, c.tellEnded), cancel
		cancel = func() {
			stop()
			if end != nil {
				end()
			}
		}
	}
	c.extend().endAttempt = cancel
	return ctx, true
}

func (c *call) settleAt(j job, t *taskOptions, err error) (pause time.Duration, again bool) {
	h, x := c.scope.host, c.extend()
	c.awaitDeadline(err)
	c.move(phaseRunning, phaseEnding)
	h.Ledger.Forget(c)
	again = t.again(c, err)
	if x.endAttempt != nil {
		x.endAttempt()
	}
	tally := &h.Ledger.Common
	if again {
		tally.Again.Add(1)
		j.reset()
		pause = t.pause(x.attempt)
		c.move(phaseEnding, phaseWaiting)
		// Whoever cancelled it before it waited has only ended its context.
		if ctxErr := c.Err(); ctxErr != nil {
			c.expire(newCancelledError(ctxErr, context.Cause(c), err))
		}
		return pause, true
	}
	c.unwatch()
	if callbacks := c.conclude(j, tally, err, c, c); callbacks != nil {
		run := func() {
			defer c.leave() // also when a callback ends the goroutine
			h.Ledger.Carry(c, func(*registry.Seat) { runCallbacks(callbacks) })
		}
		if h.Aside != nil {
			h.Aside(run)
		} else {
			run()
		}
	}
	return 0, false
}

// awaitDeadline waits for the end of Submit's ctx if the other side may have seen its
// deadline first: what it means for the state does not depend on whose clock was
// faster.
func (c *call) awaitDeadline(err error) {
	if at, has := c.scope.ctx.Deadline(); has && !time.Now().Before(at) && matches(err, context.DeadlineExceeded) {
		<-c.Done()
	}
}
