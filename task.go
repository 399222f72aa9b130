package potok

import (
	"context"
	"iter"
	"reflect"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// A Task is a function with a name: what can be sent to where a closure cannot
// go. It is made by Define. On a Pool the argument and the result are shared
// with the caller; on other executors they are copied, and of the ctx only its
// end, its deadline and its trace header cross. All methods are safe for
// concurrent use.
type Task[In, Out any] struct {
	registered *registry.Task
	fn         func(context.Context, In) (Out, error)
	options    *taskOptions // nil: none
}

// Define makes fn a task of that name. Call it for a package-level variable, so
// that a worker process, which is the same program, knows the task too. An empty
// name, a nil fn and a second use of a name panic. It never blocks and is safe
// for concurrent use.
func Define[In, Out any](name string, fn func(context.Context, In) (Out, error), opts ...TaskOption) *Task[In, Out] {
	if fn == nil {
		panic("potok: Define: nil function")
	}
	t := &Task[In, Out]{fn: fn}
	t.registered = &registry.Task{
		Name: name,
		In:   reflect.TypeFor[In](),
		Out:  reflect.TypeFor[Out](),
		Run: func(ctx context.Context, in any) (any, error) {
			out, err := fn(ctx, *in.(*In))
			return &out, err
		},
		Submit: func(ctx context.Context, ex, ins any, timeout time.Duration, from *registry.Served) func(int, error) {
			return t.serve(ctx, ex.(Executor), *ins.(*[]In), timeout, from)
		},
		Map: func(ctx context.Context, ex, ins any, more func() bool, from *registry.Served) {
			t.serveMap(ctx, ex.(Executor), *ins.(*[]In), more, from)
		},
	}
	registry.Add(t.registered)
	return t.With(opts...)
}

// Name returns the name given to Define. It never blocks.
func (t *Task[In, Out]) Name() string { return t.registered.Name }

// With returns the same task with these options beside, or in place of, those
// that it has. It never blocks.
func (t *Task[In, Out]) With(opts ...TaskOption) *Task[In, Out] {
	other := *t
	if len(opts) == 0 {
		return &other
	}
	var o taskOptions
	if t.options != nil {
		o = *t.options
	}
	for _, opt := range opts {
		opt.apply(&o)
	}
	other.options = &o
	return &other
}

// Call runs the function here and now, on this goroutine and with this ctx: no
// executor, no future, no options, and a panic stays a panic. It blocks for as
// long as the function does.
func (t *Task[In, Out]) Call(ctx context.Context, in In) (Out, error) { return t.fn(ctx, in) }

// Submit has ex run the task with in and returns the future, as the function
// Submit does for a closure on a Pool.
func (t *Task[In, Out]) Submit(ctx context.Context, ex Executor, in In) *Future[Out] {
	f := &taskCall[In, Out]{task: t, in: in}
	f.dispatch(ctx, ex)
	return &f.Future
}

// SubmitAll is Submit for every argument, cheaper a call. The futures are in the
// order of the arguments. With a backlog that is full it waits for room, or each
// call is refused, as with Submit.
func (t *Task[In, Out]) SubmitAll(ctx context.Context, ex Executor, in []In) []*Future[Out] {
	b := &taskBatch[In, Out]{calls: make([]taskCall[In, Out], len(in))}
	futures := make([]*Future[Out], len(in))
	for i := range in {
		f := &b.calls[i]
		f.task, f.in = t, in[i]
		futures[i] = &f.Future
	}
	if p, ok := ex.(*Pool); ok {
		p.acceptAll(ctx, b)
		return futures
	}
	outside := &scope{ctx: ctx}
	for i := range b.calls {
		b.calls[i].call.scope = outside
	}
	ex.Dispatch(b)
	return futures
}

// Map is the function Map, for this task and on any executor.
func (t *Task[In, Out]) Map(ctx context.Context, ex Executor, in iter.Seq[In], opts ...MapOption) iter.Seq2[Out, error] {
	if in == nil {
		panic("potok: Task.Map: nil input")
	}
	o := newMapOptions(opts)
	if p, ok := ex.(*Pool); ok && t.options == nil && p.takesChunks() && !o.unordered && !o.stopOnError {
		return mapChunks(ctx, p, in, t.fn, o)
	}
	if ct, ok := ex.(registry.ChunkTaker); ok && t.options == nil && !o.unordered && !o.stopOnError && ct.TakesChunks() {
		return mapRemote[In, Out](ctx, ex, t.registered, in, o, ct.ChunkTime())
	}
	return mapSeq(ctx, ex, in, o, func(m *mapping[Out], v In) *Future[Out] {
		f := &taskCall[In, Out]{task: t, in: v}
		f.dispatchItem(m.run, ex, o.chunk)
		return &f.Future
	})
}

// taskCall is a call of a task: for a Pool a job like any other, for other
// executors a registry.Call.
type taskCall[In, Out any] struct {
	Future[Out]
	task *Task[In, Out]
	in   In
}

// dispatch gives the call to ex. A Pool takes it as it is; another executor, or
// a wrapper around a Pool, finds Submit's ctx in a scope of nowhere.
func (f *taskCall[In, Out]) dispatch(ctx context.Context, ex Executor) {
	if p, ok := ex.(*Pool); ok {
		p.accept(ctx, f, !p.refuse)
		return
	}
	f.call.scope = &scope{ctx: ctx}
	ex.Dispatch(f)
}

// dispatchItem is dispatch for an item of a Map.
func (f *taskCall[In, Out]) dispatchItem(ctx context.Context, ex Executor, chunk int) {
	if p, ok := ex.(*Pool); ok {
		p.accept(ctx, f, true)
		return
	}
	f.call.scope = &scope{ctx: ctx}
	x := f.call.extend()
	x.item, x.chunk = true, chunk
	ex.Dispatch(f)
}

func (f *taskCall[In, Out]) invoke(ctx context.Context) (err error) {
	f.value, err = f.task.fn(ctx, f.in)
	return err
}

func (f *taskCall[In, Out]) release() {
	var none In
	f.in = none
}

func (f *taskCall[In, Out]) options() *taskOptions { return f.task.options }
func (f *taskCall[In, Out]) name() string          { return f.task.Name() }
func (f *taskCall[In, Out]) patient() bool         { return f.item() != nil }

// item returns the extension of an item of a Map that is not on a Pool, else nil.
func (f *taskCall[In, Out]) item() *extension {
	if x := f.call.more.Load(); x != nil && x.item {
		return x
	}
	return nil
}

// taskBatch is many calls made at once.
type taskBatch[In, Out any] struct{ calls []taskCall[In, Out] }

func (b *taskBatch[In, Out]) Len() int               { return len(b.calls) }
func (b *taskBatch[In, Out]) At(i int) registry.Call { return &b.calls[i] }
func (b *taskBatch[In, Out]) job(i int) job          { return &b.calls[i] }

// Dispatch accepts the calls of a Task, for Task's methods and for wrappers
// around the pool.
func (p *Pool) Dispatch(calls registry.Batch) {
	for i := range calls.Len() {
		j := calls.At(i).(job)
		p.accept(j.base().scope.ctx, j, j.patient() || !p.refuse)
	}
}
