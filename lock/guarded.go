package lock

import "context"

// Guarded is a value that cannot be touched without its lock. It is made by Guard; the zero value is ready too, and
// guards the zero value of T. It must not be copied after first use.
//
// Every method may be called from any number of goroutines at once. What fn keeps of v beyond its return is unguarded.
type Guarded[T any] struct {
	mu Mutex
	v  T
}

// Guard returns v, guarded.
//
// It does not block.
func Guard[T any](v T) *Guarded[T] { return &Guarded[T]{v: v} }

// With calls fn with the value locked, and unlocks it when fn returns, panics or ends its goroutine.
//
// It blocks as Mutex.Lock does. The value must not be locked in fn again: that would wait for ever.
func (g *Guarded[T]) With(fn func(v *T)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fn(&g.v)
}

// WithContext is With, unless ctx ends before the value is locked: fn is not called then. The error is as in
// Mutex.LockContext; once fn was called it is nil, whatever becomes of ctx.
func (g *Guarded[T]) WithContext(ctx context.Context, fn func(v *T)) error {
	if err := g.mu.LockContext(ctx); err != nil {
		return err
	}
	defer g.mu.Unlock()
	fn(&g.v)
	return nil
}
