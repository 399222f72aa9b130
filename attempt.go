package potok

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// taskOptions are what Timeout and Retry set.
type taskOptions struct {
	timeout  time.Duration
	attempts int
	min, max time.Duration
}

// TaskOption is an option of Define and With.
type TaskOption interface{ apply(*taskOptions) }

type taskOption func(*taskOptions)

func (o taskOption) apply(t *taskOptions) { o(t) }

// Timeout limits the running time of one attempt, from its start: its context
// then ends with DeadlineExceeded. A call that fails so has Failed, not
// Cancelled, with an error that matches context.DeadlineExceeded, and is retried
// if Retry says so. On goroutines a call that ignores its context runs on; on
// processes it is killed after the grace. A duration of 0 or less panics.
func Timeout(d time.Duration) TaskOption {
	if d <= 0 {
		panic("potok: Timeout: not a positive duration")
	}
	return taskOption(func(t *taskOptions) { t.timeout = d })
}

// Retry lets a failed call run again, up to this many attempts in all, after a
// random pause between minWait and a bound that starts at twice minWait (or 2 ms,
// if that is less), doubles with every attempt and ends at maxWait ("full jitter"
// above a floor, after Brooker, Exponential Backoff And Jitter, AWS Architecture
// Blog, 2015). A call fails by its error, a panic or a Goexit alike. During
// the pause the call counts as Waiting and holds no place. Never run again: a
// cancelled call, a Permanent error, ErrClosed, what cannot be sent. Fewer than
// one attempt, a negative pause and maxWait below minWait panic.
func Retry(attempts int, minWait, maxWait time.Duration) TaskOption {
	if attempts < 1 {
		panic("potok: Retry: less than one attempt")
	}
	if minWait < 0 || maxWait < minWait {
		panic("potok: Retry: not 0 <= min <= max")
	}
	return taskOption(func(t *taskOptions) { t.attempts, t.min, t.max = attempts, minWait, maxWait })
}

// pause returns how long to wait after this attempt, counted from 1.
func (t *taskOptions) pause(attempt int) time.Duration {
	bound := t.max
	floor := max(t.min, time.Millisecond)
	if shift := min(attempt, 30); floor < t.max>>shift {
		bound = floor << shift
	}
	if bound <= t.min {
		return t.min
	}
	return t.min + rand.N(bound-t.min+1)
}

// again says whether the call runs once more after this attempt failed with err.
func (t *taskOptions) again(c *call, err error) bool {
	if t == nil || err == nil || c.extend().attempt >= t.attempts || c.endedErr() != nil {
		return false
	}
	return !isPermanent(err) && !matches(err, ErrClosed)
}

// isPermanent looks for the mark with the care of matches.
func isPermanent(err error) (is bool) {
	defer func() { _ = recover() }()
	_, is = errors.AsType[*registry.PermanentError](err)
	return is
}

// begin returns the context of the attempt that starts now. cancel, if not nil,
// ends it.
func beginAttempt(c *call, t *taskOptions, worker string) (ctx context.Context, cancel context.CancelFunc) {
	w := observerOf(c.scope.host)
	if w == nil && t == nil {
		return c, nil
	}
	c.extend().attempt++
	ctx = w.starting(c, c, worker)
	switch {
	case t == nil:
	case t.timeout > 0:
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
	case t.attempts > 1: // what an attempt has started must not outlive it
		ctx, cancel = context.WithCancel(ctx)
	}
	return ctx, cancel
}

// again lets a failed call wait for its next attempt, if it may have one.
func (w *worker) again(c *call, j job, err error) bool {
	t := j.options()
	if !t.again(c, err) {
		return false
	}
	p := w.pool
	x := c.extend()
	p.mu.Lock()
	if p.swept {
		p.unlock()
		return false
	}
	w.tally.Again.Add(1)
	j.reset()
	p.helpers++
	p.waiting[c] = j
	x.retry = time.AfterFunc(t.pause(x.attempt), func() { p.requeue(c, j) })
	c.move(phaseEnding, phaseWaiting)
	p.unlock()
	// Whoever cancelled it before it waited has only ended its context.
	if ctxErr := c.Err(); ctxErr != nil {
		w.expire(c, newCancelledError(ctxErr, context.Cause(c), err))
	}
	return true
}

// requeue queues a call whose pause is over. It may find the backlog full and
// does not wait for room: the call was accepted long ago.
func (p *Pool) requeue(c *call, j job) {
	p.mu.Lock()
	defer p.unlock()
	p.helperGoneLocked()
	if _, waits := p.waiting[c]; !waits {
		return // cancelled in the same moment
	}
	delete(p.waiting, c)
	if !c.move(phaseWaiting, phasePending) {
		return
	}
	p.ledger.Requeued()
	p.placeLocked(j)
}
