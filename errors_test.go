package potok_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/queue"
)

var sentinels = map[string]error{
	"ErrCancelled": potok.ErrCancelled,
	"ErrClosed":    potok.ErrClosed,
	"ErrFull":      potok.ErrFull,
	"ErrGoexit":    potok.ErrGoexit,
}

func TestSentinelsAreDifferentAndSayWhoseTheyAre(t *testing.T) {
	for name, err := range sentinels {
		if !strings.HasPrefix(err.Error(), "potok: ") {
			t.Errorf("%s: %v", name, err)
		}
		for other, e := range sentinels {
			if (name == other) != errors.Is(err, e) {
				t.Errorf("%s, %s: %v", name, other, errors.Is(err, e))
			}
		}
	}
	wantNot(t, potok.ErrClosed, queue.ErrClosed)
	wantNot(t, potok.ErrFull, queue.ErrFull)
}

func TestPermanentIsSeenThroughAndNilStaysNil(t *testing.T) {
	if err := potok.Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) = %v", err)
	}
	inner := &ownError{text: "inner"}
	err := potok.Permanent(fmt.Errorf("outer: %w", inner))
	wantErrors(t, err, inner)
	if e, ok := errors.AsType[*ownError](err); !ok || e != inner {
		t.Errorf("%v", e)
	}
	if err.Error() != "outer: inner" {
		t.Errorf("%v", err)
	}
	wantErrors(t, potok.Permanent(potok.Permanent(io.EOF)), io.EOF)
}

type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

// manyErrors cannot be compared.
type manyErrors []error

func (m manyErrors) Error() string { return fmt.Sprint(len(m), " errors") }

var errRegistered = errors.New("registered")

func TestRegisterErrorTakesACodeForOneError(t *testing.T) {
	potok.RegisterError("test.registered", errRegistered)
	potok.RegisterError("test.registered", errRegistered) // the same pair does nothing
	potok.RegisterError("test.registered too", errRegistered)
	mustPanic(t, "test.registered", func() { potok.RegisterError("test.registered", errors.New("registered")) })
	mustPanic(t, "", func() { potok.RegisterError("", errRegistered) })
	mustPanic(t, "", func() { potok.RegisterError("test.nil", nil) })
	mustPanic(t, "io.EOF", func() { potok.RegisterError("io.EOF", errRegistered) })
	potok.RegisterError("io.EOF", io.EOF)
	if v := caught(func() { potok.RegisterError("test.many", manyErrors{io.EOF}) }); v != nil {
		mustPanic(t, "test.many", func() { potok.RegisterError("test.many", manyErrors{io.EOF}) }) // the second time around
	}
}

func TestAPanicIsKeptWithItsValueAndStack(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		for _, value := range []any{"text", 42, errItem, &ownError{"own"}} {
			_, err := runTask.Submit(t.Context(), p, func(context.Context) (int, error) { panicHere(value); return 0, nil }).Result(t.Context())
			e, ok := errors.AsType[*potok.PanicError](err)
			if !ok || e.Value != value || !strings.Contains(string(e.Stack), "panicHere") {
				t.Fatalf("%v: %v", value, err)
			}
			inner, _ := value.(error)
			if e.Unwrap() != inner || inner != nil && !errors.Is(err, inner) {
				t.Errorf("%v: unwraps to %v", value, e.Unwrap())
			}
			if s := err.Error(); !strings.HasPrefix(s, "potok: ") || !strings.Contains(s, fmt.Sprint(value)) || strings.Contains(s, "\n") {
				t.Errorf("%v: %q", value, s)
			}
		}
		_, err := runTask.Submit(t.Context(), p, func(context.Context) (int, error) { panicHere(nil); return 0, nil }).Result(t.Context())
		if _, ok := errors.AsType[*potok.PanicError](err); !ok {
			t.Errorf("panic(nil): %v", err)
		}
	})
}

func panicHere(v any) { panic(v) }

func TestTheErrorOfACancelledCallWrapsWhatItReturnedAndWhy(t *testing.T) {
	worlds(t, func(t *testing.T) {
		why := errors.New("why")
		for name, c := range map[string]struct {
			cancel func(f *potok.Future[int], end context.CancelCauseFunc, p *potok.Pool)
			cause  error
		}{
			"Cancel": {func(f *potok.Future[int], _ context.CancelCauseFunc, _ *potok.Pool) { f.Cancel() }, potok.ErrCancelled},
			"ctx":    {func(_ *potok.Future[int], end context.CancelCauseFunc, _ *potok.Pool) { end(why) }, why},
			"Close":  {func(_ *potok.Future[int], _ context.CancelCauseFunc, p *potok.Pool) { _ = p.Close() }, potok.ErrClosed},
		} {
			for _, wrapped := range []error{context.Canceled, c.cause} {
				p := newPool(t, 1)
				ctx, end := context.WithCancelCause(t.Context())
				begun := make(chan struct{})
				returned := &ownError{text: "returned"}
				f := runTask.Submit(ctx, p, func(ctx context.Context) (int, error) {
					close(begun)
					_ = obedient(ctx)
					return 7, fmt.Errorf("%w and %w", returned, wrapped)
				})
				queued := doubleTask.Submit(ctx, p, 1)
				<-begun
				if name == "Cancel" {
					queued.Cancel() // first: f's worker takes it as soon as f has returned
				}
				c.cancel(f, end, p)
				wantCancelled(t, f, context.Canceled, c.cause, returned)
				wantCancelled(t, queued, context.Canceled, c.cause)
				v, err := f.Result(t.Context())
				_, again := f.Result(t.Context())
				if v != 7 || err != again {
					t.Errorf("%s: %d, %v, then %v", name, v, err, again)
				}
				if !strings.HasPrefix(err.Error(), "potok: ") {
					t.Errorf("%s: %v", name, err)
				}
				end(nil)
			}
		}
	})
}

func TestAnErrorOfItsOwnUnderAnEndedContextIsAFailure(t *testing.T) {
	worlds(t, func(t *testing.T) {
		p := newPool(t, 1)
		for _, give := range []error{errItem, manyErrors{io.EOF}, context.DeadlineExceeded, (*ownError)(nil)} {
			ctx, cancel := context.WithCancel(t.Context())
			f := runTask.Submit(ctx, p, func(context.Context) (int, error) { cancel(); return 0, give })
			<-f.Done()
			wantState(t, f, potok.Failed)
			cancel()
		}
		f := runTask.Submit(t.Context(), p, func(ctx context.Context) (int, error) { return 0, context.Canceled })
		_ = outcomeOf(t, f)
		wantState(t, f, potok.Failed) // nobody cancelled it
	})
}

func outcomeOf[T any](t *testing.T, f *potok.Future[T]) error {
	t.Helper()
	_, err := outcome(t, f)
	return err
}
