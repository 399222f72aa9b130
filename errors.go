package potok

import (
	"context"
	"errors"
	"fmt"

	"github.com/potok-go/potok/internal/registry"
)

// The errors that futures and executors give. Match them with errors.Is: they
// still match when the error has crossed a process or the cluster.
var (
	// ErrCancelled is matched by the error of every future in state Cancelled,
	// and is the cause of a call's context after Cancel.
	ErrCancelled = errors.New("potok: cancelled")
	// ErrClosed is given by an executor that takes no more calls, and is the
	// cause of a call's context after Close.
	ErrClosed = errors.New("potok: executor closed")
	// ErrFull is the failure of a call that found no room in the backlog of a
	// pool made with RefuseWhenFull.
	ErrFull = errors.New("potok: backlog full")
	// ErrGoexit is the failure of a call that ended its goroutine by
	// runtime.Goexit, as t.FailNow does.
	ErrGoexit = errors.New("potok: call ended by runtime.Goexit")
)

func init() {
	RegisterError("potok.ErrCancelled", ErrCancelled)
	RegisterError("potok.ErrClosed", ErrClosed)
	RegisterError("potok.ErrFull", ErrFull)
	RegisterError("potok.ErrGoexit", ErrGoexit)
	registry.AddErrorType("potok.PanicError",
		func(e *PanicError) sentPanic { return sentPanic{fmt.Sprint(e.Value), e.Stack} },
		func(p sentPanic) *PanicError { return &PanicError{Value: p.Text, Stack: p.Stack} })
}

// sentPanic is what of a PanicError crosses a wire.
type sentPanic struct {
	Text  string
	Stack []byte
}

// RegisterError lets err, a sentinel, still match errors.Is after it crossed a
// process or the cluster: it travels as code, which both sides must know. Call
// it where err is declared, before any executor starts.
//
// It never blocks. An empty code, a nil error, and a code that stands for
// another error already panic. It is safe for concurrent use.
func RegisterError(code string, err error) { registry.AddError(code, err) }

// Permanent marks err as final: Retry makes no further attempt. The mark
// survives a wire, and errors.Is and errors.As see err through it. Permanent of
// nil is nil. It never blocks and is safe for concurrent use.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &registry.PermanentError{Err: err}
}

// A PanicError is the failure of a call that panicked. The panic goes nowhere
// else: the worker lives on and nothing panics again.
type PanicError struct {
	Value any    // what panic was given; its text, if it crossed a wire
	Stack []byte // of the goroutine that panicked, as debug.Stack prints it
}

// Error says that the call panicked and with what; the stack is left to those
// who ask for it. It never blocks and is safe for concurrent use.
func (e *PanicError) Error() string { return fmt.Sprintf("potok: call panicked: %v", e.Value) }

// Unwrap gives the panic's value where that is an error, else nil. It never
// blocks and is safe for concurrent use.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// cancelledError is the error of every Cancelled future.
type cancelledError struct {
	ctxErr   error // context.Canceled or context.DeadlineExceeded
	cause    error // who or what cancelled
	returned error // what the call returned; nil: it never ran
	self     error // this one, for calls to point to
}

// What Cancel and Close leave in a call that does not run: always the same, so
// that cancelling allocates nothing.
var (
	errCancelledByHand  = newCancelledError(context.Canceled, ErrCancelled, nil)
	errCancelledByClose = newCancelledError(context.Canceled, ErrClosed, nil)
)

func newCancelledError(ctxErr, cause, returned error) *cancelledError {
	e := &cancelledError{ctxErr: ctxErr, cause: cause, returned: returned}
	e.self = e
	return e
}

func (e *cancelledError) Error() string {
	switch {
	case e.returned != nil && !errors.Is(e.returned, e.ctxErr):
		return "potok: cancelled: " + e.returned.Error()
	case e.cause == nil || e.cause == ErrCancelled: //nolint:errorlint // the sentinel itself adds no word
		return "potok: cancelled"
	default:
		return "potok: cancelled: " + e.cause.Error()
	}
}

func (e *cancelledError) Unwrap() []error {
	errs := []error{ErrCancelled, e.ctxErr}
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	if e.returned != nil {
		errs = append(errs, e.returned)
	}
	return errs
}

// cancelledBy returns the error of a call that does not run, because ctx ended.
func cancelledBy(ctx context.Context) *cancelledError {
	return newCancelledError(ctx.Err(), context.Cause(ctx), nil)
}

// cancelledFor returns the error of a call that does not run, for this cause.
func cancelledFor(cause error) *cancelledError {
	if why, ok := cause.(*cancelledError); ok { //nolint:errorlint // as it was made for this, not wrapped
		return why
	}
	return newCancelledError(context.Canceled, cause, nil)
}
