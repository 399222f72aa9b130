package potok

import (
	"context"
	"fmt"
	"strings"
)

// A Future is the answer of a call that may still be on its way. It is handed
// out by Submit, Go, Then, a Task's Submit and a Promise; the zero value is of
// no use, and a Future must not be copied. All methods are safe for any number
// of concurrent callers.
type Future[T any] struct {
	call  call
	value T // written before the call settles, read after
}

func (f *Future[T]) base() *call { return &f.call }

func (f *Future[T]) reset() {
	var none T
	f.value = none
}

// Result waits for the call to settle and returns what it came to: its value; or
// its error, always the same one, with the value that the function returned
// beside it. It blocks until then or until ctx ends: then it returns an error
// that matches ctx's, and nothing has changed for the call. A settled future
// wins over a ctx that has ended. Inside a call, with its ctx, it lends the
// call's place while it waits.
func (f *Future[T]) Result(ctx context.Context) (T, error) {
	if err := f.call.await(ctx); err != nil {
		var zero T
		return zero, err
	}
	return f.value, f.call.outcome()
}

// Done returns a channel that is closed once the call has settled. It is
// allocated only when asked for. A wait on it lends no place; see Lend.
func (f *Future[T]) Done() <-chan struct{} { return f.call.doneChannel() }

// State says how far the call has come. It never blocks.
func (f *Future[T]) State() State { return stateOf(f.call.state.Load()) }

// Cancel asks the call to stop, and says whether it could be asked. Not started:
// it never runs, and is Cancelled at once with an error that matches ErrCancelled
// and context.Canceled. Running: its context ends with cause ErrCancelled, and it
// settles as what it then returns. Settled: nothing changes, and Cancel returns
// true only if it was Cancelled. Cancel does not wait for the call; it runs the
// callbacks of a call that it settles.
func (f *Future[T]) Cancel() bool { return f.call.cancel(errCancelledByHand) }

// OnDone has fn called once, when the call has settled: on the goroutine that
// settles it, in the order of adding, after those who wait were woken and with
// the worker's place given back, so fn may block and may submit to the same
// pool. If the call has settled already, fn runs before OnDone returns, possibly
// beside earlier callbacks. A panic in fn is logged by slog.Default. A nil fn
// panics.
func (f *Future[T]) OnDone(fn func(*Future[T])) {
	if fn == nil {
		panic("potok: OnDone: nil function")
	}
	f.call.onDone(func() { fn(f) })
}

// String tells the state, and of a success the value's type, but never the
// value. It never blocks.
func (f *Future[T]) String() string {
	if s := f.State(); s != Succeeded {
		return "Future(" + s.String() + ")"
	}
	var zero T
	return "Future(succeeded " + strings.TrimPrefix(fmt.Sprintf("%T", &zero), "*") + ")"
}

// doneChannel is Done: always the same channel, once it was asked for.
func (c *call) doneChannel() <-chan struct{} {
	x := c.more.Load()
	if x == nil || x.done.Load() == nil {
		if c.settled() {
			return settledDone
		}
		x = c.extend()
		made := make(chan struct{})
		if x.done.CompareAndSwap(nil, &made) && !c.push(&waiter{done: made}) {
			close(made)
		}
	}
	done := *x.done.Load()
	if c.settled() {
		<-done // in a moment: State has said that it is
	}
	return done
}

// onDone adds a callback, or runs it now if the call has settled.
func (c *call) onDone(fn func()) {
	w := &waiter{callback: true, wake: fn}
	if c.push(w) {
		return
	}
	if p := c.pool(); p != nil {
		if here := p.carried(); here != nil { // fn may wait for the pool
			defer newParking(context.WithoutCancel(here)).resume()
		}
	}
	runCallbacks(w)
}
