package potok

// A Promise is a Future that somebody settles by hand: the bridge from code that
// reports its end in another way. It is made by NewPromise. All methods are safe
// for any number of concurrent callers and never block, but for the callbacks of
// the future, which run on the goroutine that settles it.
type Promise[T any] struct{ future Future[T] }

// NewPromise returns a promise whose future is Pending.
func NewPromise[T any]() *Promise[T] {
	p := new(Promise[T])
	p.future.call.scope = background
	return p
}

// Future returns the future, always the same one. Cancelling it settles it:
// Resolve and Reject then return false.
func (p *Promise[T]) Future() *Future[T] { return &p.future }

// Resolve settles the future with a value. False: it was settled already, and
// nothing has changed.
func (p *Promise[T]) Resolve(v T) bool {
	return p.future.call.settleHand(phaseSucceeded, func() { p.future.value = v })
}

// Reject settles the future as Failed with err, which must not be nil: that
// panics. False: it was settled already, and nothing has changed.
func (p *Promise[T]) Reject(err error) bool {
	if err == nil {
		panic("potok: Promise.Reject: nil error")
	}
	return p.future.call.settleHand(phaseFailed, func() { p.future.call.fail(err) })
}
