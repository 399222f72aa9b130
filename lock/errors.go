package lock

import (
	"context"
	"errors"
	"fmt"
)

// ErrBroken is returned by Barrier.Wait when the barrier is broken or is Reset.
var ErrBroken = errors.New("potok/lock: barrier is broken")

// endedError is what a wait under the ended ctx returns. It matches ctx.Err() and context.Cause(ctx), and is one of the
// two where that one matches the other.
func endedError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	switch {
	case cause == nil: // a hand-made Context may have an Err of its own
		return err
	case errors.Is(cause, err):
		return cause
	default:
		return fmt.Errorf("%w: %w", err, cause)
	}
}
