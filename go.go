package potok

import "context"

// Go runs fn on a goroutine of its own and returns its future: the notebook's
// Thread. It never blocks. fn's ctx is made from ctx, and ends when ctx does, on
// Cancel, and when fn has returned; it hides the call that Go is called from, so
// a wait inside fn lends nobody's place. Under a ctx that has ended fn does not
// run and the future is Cancelled. A nil fn panics. Whoever holds the future
// owns the goroutine: it ends when fn returns. It is safe for concurrent use.
func Go[T any](ctx context.Context, fn func(context.Context) (T, error)) *Future[T] {
	if fn == nil {
		panic("potok: Go: nil function")
	}
	f := new(Future[T])
	f.call.scope = &scope{ctx: ctx}
	if ctx.Err() != nil {
		f.call.withdraw(phasePending, cancelledBy(ctx))
		return f
	}
	f.start(fn)
	return f
}

// start runs fn on a goroutine of its own; the future's scope is set and nobody
// else has it yet, or has moved it out of pending.
func (f *Future[T]) start(fn func(context.Context) (T, error)) {
	if !f.call.move(phasePending, phaseRunning) {
		return
	}
	go f.run(fn)
}

func (f *Future[T]) run(fn func(context.Context) (T, error)) {
	c := &f.call
	var err error
	returned := false
	defer func() {
		if !returned {
			err = unwound(recover())
		}
		c.move(phaseRunning, phaseEnding)
		to, err := c.classify(err)
		c.fail(err)
		runCallbacks(c.publish(to, nil))
	}()
	f.value, err = fn(c)
	returned = true
}

// Then runs fn, on a goroutine of its own, with the value of f once f has
// Succeeded, and returns the future of that. A failure and a cancel of f pass
// through unchanged. Cancelling the new future cancels f too, if that has not
// settled. fn's ctx carries the values of f's, but not its end. Then never
// blocks. A nil fn panics. It is safe for concurrent use.
func Then[A, B any](f *Future[A], fn func(context.Context, A) (B, error)) *Future[B] {
	if fn == nil {
		panic("potok: Then: nil function")
	}
	g := new(Future[B])
	g.call.scope = &scope{ctx: context.WithoutCancel(f.call.scope.ctx)}
	g.call.extend().onUndo = func() { f.Cancel() }
	f.call.onDone(func() {
		err := f.call.outcome()
		if err == nil {
			g.start(func(ctx context.Context) (B, error) { return fn(ctx, f.value) })
			return
		}
		g.call.settleHand(f.call.phase(), func() { g.call.fail(err) })
	})
	return g
}
