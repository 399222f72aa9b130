package registry

import (
	"context"
	"time"
)

// A Batch is what an executor is given at once: one call, or many.
type Batch interface {
	Len() int
	At(i int) Call
}

// A Call is one run of a task as its executor sees it. The executor drives it
// through its life:
//
//	        Accept                Start                     Settle
//	(new) ─────────► queued ───────────────► running ─────────────────► settled
//	  │                │  ▲                     │
//	  │ false          │  └── Requeue ◄─ again ─┘   after the delay that Settle gave
//	  ▼                ▼ false: it was cancelled
//	settled         settled
//
// The call itself watches its context, its Future's Cancel, its time-out, its
// retries and its observer, and keeps the ledger. All methods are safe for
// concurrent use; Start and Settle of one attempt belong to one owner. Both run
// code of the user's, observers and callbacks, which may end the goroutine: what
// must follow stands in a defer, after Start that is Settle(potok.ErrGoexit).
type Call interface {
	Batch

	// Task is what to run, nil for a closure, which cannot leave this process.
	Task() *Task
	// In points to the argument: read it before Accept, or between Start and
	// Settle. In between the call may be cancelled and let go of it. Out points to where the result goes, zero when Start returns:
	// decode into it between Start and Settle.
	In() any
	Out() any
	// Context is the one given to Submit.
	Context() context.Context
	// Chunk is how many calls the caller wants handed over at once; 0: no wish.
	Chunk() int
	// Timeout is how long an attempt may run; 0: for any time.
	Timeout() time.Duration

	// Accept enters the call in h's ledger. False: it was refused, because h
	// takes no calls or Submit's ctx has ended, and is settled already.
	// A queued call that is cancelled settles at once; then h.Withdrawn is told,
	// so that its place in the queue can be given to another. The ticket is what
	// h's functions are given: by it the executor knows the call.
	Accept(h *Host, ticket any) bool
	// Refuse fails a queued call that cannot start. False: it is not queued.
	Refuse(err error) bool
	// Cancel cancels the call for this cause: at once, if it does not run; else
	// by ending its context. False: it has settled otherwise.
	Cancel(cause error) bool
	// Expiring is the call for Ledger.ExpireAll: how Close cancels what is queued.
	Expiring() Expiring
	// Start begins an attempt on the named worker. The context ends when the
	// attempt shall stop; its deadline is the attempt's: what crosses a wire is the
	// time that remains until then, as clocks differ. False: there is nothing to
	// run any more.
	Start(worker string) (context.Context, bool)
	// Plain says whether the call can do without Start: it has no options of a
	// task's, and nobody observes it. Then Began may take the place of Start.
	Plain() bool
	// Began says that a queued call has started, perhaps some time ago. It runs
	// none of the user's code, and does not look whether Submit's ctx has ended.
	// False: it is not queued.
	Began() (context.Context, bool)
	// Settle ends the attempt. With again true the call is not settled: it is
	// between attempts and the executor starts it anew after delay, by Requeue.
	Settle(err error) (delay time.Duration, again bool)
	// Requeue puts a call that was between attempts back among the queued.
	// False: it was cancelled meanwhile.
	Requeue() bool
}

// A Host is what an executor tells the calls it accepts, and what they tell it.
// Its functions may be nil. They are called with no lock held, by any goroutine.
type Host struct {
	Name     string
	Ledger   *Ledger
	Observer any // a potok.Observer, or nil

	// Withdraw is asked before a queued call is cancelled. False: it has begun,
	// and Began or Start has been called. After true neither will be.
	Withdraw func(ticket any) bool
	// Withdrawn is told of a call that was cancelled before it started, or between
	// attempts.
	Withdrawn func(ticket any)
	// Ended is told that the context of a running call has ended, perhaps more
	// than once, and perhaps just after its Settle.
	Ended func(ticket any)
	// Aside runs callbacks of a call that Settle has settled, which may block, on
	// another goroutine; nil: Settle runs them.
	Aside func(callbacks func())
}
