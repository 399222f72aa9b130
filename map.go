package potok

import (
	"context"
	"iter"
)

// Map runs fn on p with every input and yields the results in the order of the
// inputs, each as soon as it and those before it are there: beside the value,
// the item's error, after which the sequence goes on. It is lazy and bounded:
// nothing happens before the range, and inputs are pulled only a look-ahead
// beyond the last result taken, so they may be without end.
//
// in is pulled on a goroutine of its own, by nobody else, and never after the
// range has ended; so it must end when ctx does if it can block. If it panics,
// the good results come first and then the loop panics with the same value.
//
// The range blocks until the next result is there, lending the place of the call
// it stands in, and ends only when every call that it started has returned.
// Leaving it early cancels those that have not run and ends the contexts of
// those that do. When ctx ends or p closes, every pulled input still yields its
// pair, with its result or that error; then, unless the input is known to be
// finished, one last pair has the error alone. A nil in or fn panics. The
// sequence can be ranged over again, if in can.
func Map[In, Out any](ctx context.Context, p *Pool, in iter.Seq[In], fn func(context.Context, In) (Out, error), opts ...MapOption) iter.Seq2[Out, error] {
	if in == nil || fn == nil {
		panic("potok: Map: nil input or function")
	}
	o := newMapOptions(opts)
	if p.takesChunks() && !o.unordered && !o.stopOnError {
		return mapChunks(ctx, p, in, fn, o)
	}
	return mapSeq(ctx, p, in, o, func(m *mapping[Out], v In) *Future[Out] {
		f := &itemCall[In, Out]{in: v, fn: fn}
		p.accept(m.run, f, true)
		return &f.Future
	})
}

// Each runs fn on p with every input. The first error, in time, stops pulling,
// cancels the rest and is returned; so does the end of ctx and the closing of p.
// It blocks until every call that it started has returned, lending the place of
// the call it is called from. in is pulled as Map does. Unordered and
// StopOnError mean nothing here. A nil in or fn panics.
func Each[In any](ctx context.Context, p *Pool, in iter.Seq[In], fn func(context.Context, In) error, opts ...MapOption) error {
	if in == nil || fn == nil {
		panic("potok: Each: nil input or function")
	}
	o := newMapOptions(opts)
	o.unordered, o.stopOnError = true, true
	run := func(ctx context.Context, v In) (struct{}, error) { //nolint:unparam // it has the shape of Map's functions
		return struct{}{}, fn(ctx, v)
	}
	for _, err := range mapSeq(ctx, p, in, o, func(m *mapping[struct{}], v In) *Future[struct{}] {
		f := &itemCall[In, struct{}]{in: v, fn: run}
		p.accept(m.run, f, true)
		return &f.Future
	}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// itemCall is the call of a closure with one input of a Map.
type itemCall[In, Out any] struct {
	Future[Out]
	in In
	fn func(context.Context, In) (Out, error)
}

func (f *itemCall[In, Out]) invoke(ctx context.Context) (err error) {
	f.value, err = f.fn(ctx, f.in)
	return err
}

func (f *itemCall[In, Out]) release() {
	var none In
	f.in, f.fn = none, nil
}

func (f *itemCall[In, Out]) options() *taskOptions { return nil }
func (f *itemCall[In, Out]) name() string          { return "" }
func (f *itemCall[In, Out]) patient() bool         { return true }

// maxLookahead bounds a look-ahead that nobody has set.
const maxLookahead = 1024

type mapOptions struct {
	lookahead   int // 0: default
	chunk       int // 0: default
	unordered   bool
	stopOnError bool
}

// firstLimit is the look-ahead to begin with.
func (o *mapOptions) firstLimit(workers int) int {
	if o.lookahead > 0 {
		return o.lookahead
	}
	chunk := min(max(1, o.chunk), maxLookahead)
	return min(2*min(max(1, workers), maxLookahead)*chunk, maxLookahead)
}

// MapOption is an option of Map, MapSlice, Each and a Task's Map.
type MapOption interface{ apply(*mapOptions) }

type mapOption func(*mapOptions)

func (o mapOption) apply(m *mapOptions) { o(m) }

func newMapOptions(opts []MapOption) mapOptions {
	var o mapOptions
	for _, opt := range opts {
		opt.apply(&o)
	}
	if o.lookahead > 0 {
		o.chunk = min(o.chunk, o.lookahead)
	}
	return o
}

// Lookahead bounds how many inputs are pulled beyond the last result taken. The
// default is twice the workers, times the chunk, and grows to at most 1,024
// while calls are short. Less than 1 panics.
func Lookahead(n int) MapOption {
	if n < 1 {
		panic("potok: Lookahead: less than 1")
	}
	return mapOption(func(m *mapOptions) { m.lookahead = n })
}

// Chunk is how many calls are handed over at once, where that costs something:
// to a process or to the cluster. A Pool's workers choose by themselves, from
// the time that calls take, as do the others by default. A chunk that is not
// full starts when a worker is free. A chunk larger than a given look-ahead is
// cut to it. Less than 1 panics.
func Chunk(n int) MapOption {
	if n < 1 {
		panic("potok: Chunk: less than 1")
	}
	return mapOption(func(m *mapOptions) { m.chunk = n })
}

// Unordered yields results as they come.
func Unordered() MapOption { return mapOption(func(m *mapOptions) { m.unordered = true }) }

// StopOnError ends the sequence at the first error in time: it cancels what is
// unfinished, and yields the finished results that come before, the error, and
// nothing more.
func StopOnError() MapOption { return mapOption(func(m *mapOptions) { m.stopOnError = true }) }
