package queue

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrFull is returned by TryPut when the queue holds as many items as its capacity.
	ErrFull = errors.New("potok/queue: full")

	// ErrEmpty is returned by TryGet when the queue holds no item and more may come.
	ErrEmpty = errors.New("potok/queue: empty")

	// ErrClosed is returned by every put after Close, and by every get after Close once the queue is drained.
	// It is a different value from potok.ErrClosed.
	ErrClosed = errors.New("potok/queue: closed")

	errDone = errors.New("potok/queue: Done called more often than items were gotten")
)

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
