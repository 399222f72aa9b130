package potok

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// What follows is how calls run here that somebody has submitted elsewhere: a worker of a cluster finds the task by its
// name, and has an executor of its own run it, whichever that is.

// servedCall is such a call. It says when it begins: a Pool invokes it, other executors say Start or Began.
type servedCall[In, Out any] struct {
	taskCall[In, Out]

	from  *registry.Served
	index int
}

// At makes a call a batch of itself.
func (f *servedCall[In, Out]) At(int) registry.Call { return f }

// Start begins an attempt.
func (f *servedCall[In, Out]) Start(worker string) (context.Context, bool) {
	ctx, ok := f.taskCall.Start(worker)
	if ok {
		f.from.Begun(f.index)
	}
	return ctx, ok
}

// Began says that the call has started.
func (f *servedCall[In, Out]) Began() (context.Context, bool) {
	ctx, ok := f.taskCall.Began()
	if ok {
		f.from.Begun(f.index)
	}
	return ctx, ok
}

func (f *servedCall[In, Out]) invoke(ctx context.Context) error {
	f.from.Begun(f.index)
	return f.taskCall.invoke(ctx)
}

// servedBatch is calls that came together.
type servedBatch[In, Out any] struct{ calls []servedCall[In, Out] }

func (b *servedBatch[In, Out]) Len() int               { return len(b.calls) }
func (b *servedBatch[In, Out]) At(i int) registry.Call { return &b.calls[i] }
func (b *servedBatch[In, Out]) job(i int) job          { return &b.calls[i] }

// serve is registry.Task.Submit.
func (t *Task[In, Out]) serve(ctx context.Context, ex Executor, ins []In, timeout time.Duration, from *registry.Served) (cancel func(i int, cause error)) {
	if timeout > 0 {
		t = t.With(Timeout(timeout))
	}
	b := &servedBatch[In, Out]{calls: make([]servedCall[In, Out], len(ins))}
	outside := &scope{ctx: ctx}
	for i := range ins {
		f := &b.calls[i]
		f.task, f.in, f.from, f.index = t, ins[i], from, i
		f.call.scope = outside
		f.OnDone(func(f *Future[Out]) {
			err := f.call.outcome()
			if closedFor(err) || f.call.state.Load()&phaseRefused != 0 {
				from.Closed()
			}
			from.Done(i, &f.value, err)
		})
	}
	if p, ok := ex.(*Pool); ok {
		p.acceptAll(ctx, b)
	} else {
		ex.Dispatch(b)
	}
	return func(i int, cause error) { b.calls[i].Cancel(cause) }
}

// serveMap is registry.Task.Map.
func (t *Task[In, Out]) serveMap(ctx context.Context, ex Executor, ins []In, more func() bool, from *registry.Served) {
	var pulled atomic.Int64
	items := func(yield func(In) bool) {
		for i := range ins {
			if i > 0 && !more() {
				return
			}
			pulled.Add(1)
			if !yield(ins[i]) {
				return
			}
		}
	}
	if _, ok := ex.(*Pool); ok { // only there does the function run here
		t = t.telling(func() { from.Begun(0) })
	} else {
		from.Begun(0)
	}
	done := 0
	for out, err := range t.Map(ctx, ex, items) {
		if closedFor(err) || done == int(pulled.Load()) && matches(err, ErrClosed) {
			from.Closed()
		}
		if done == int(pulled.Load()) { // an error without an item
			break
		}
		from.Done(done, &out, err)
		done++
	}
}

// telling returns the task with a function that says when it first begins.
func (t *Task[In, Out]) telling(begun func()) *Task[In, Out] {
	var told atomic.Bool
	other := *t
	other.fn = func(ctx context.Context, in In) (Out, error) {
		if !told.Load() && told.CompareAndSwap(false, true) {
			begun()
		}
		return t.fn(ctx, in)
	}
	return &other
}

// closedFor says whether a call was cancelled because its executor was closed.
func closedFor(err error) bool {
	c, ok := err.(*cancelledError)    //nolint:errorlint // as it was made here, not what a task returns
	return ok && c.cause == ErrClosed //nolint:errorlint // the same value is meant
}
