package potok_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
)

// A runner is one way to run a function as a call.
type runner func(context.Context, func(context.Context) (int, error)) *potok.Future[int]

// eachRunner runs the test for every kind of call, each in a bubble.
func eachRunner(t *testing.T, test func(t *testing.T, run runner)) {
	t.Run("Submit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 1)
			test(t, func(ctx context.Context, fn func(context.Context) (int, error)) *potok.Future[int] {
				return potok.Submit(ctx, p, fn)
			})
		})
	})
	t.Run("Go", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, potok.Go[int]) })
	})
	t.Run("Then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, func(ctx context.Context, fn func(context.Context) (int, error)) *potok.Future[int] {
				return potok.Then(potok.Go(ctx, giving(0, nil)), func(ctx context.Context, _ int) (int, error) { return fn(ctx) })
			})
		})
	})
}

func TestResultGivesTheValue(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), giving(7, nil))
		for range 3 {
			if v, err := f.Result(t.Context()); v != 7 || err != nil {
				t.Errorf("Result is %v, %v", v, err)
			}
		}
		wantState(t, f, potok.Succeeded)
	})
}

func TestResultGivesTheSameErrorAndTheValueBesideIt(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		own := fmt.Errorf("wrapped: %w", errTest)
		f := run(t.Context(), giving(7, own))
		for range 3 {
			if v, err := f.Result(t.Context()); v != 7 || err != own {
				t.Errorf("Result is %v, %v", v, err)
			}
		}
		wantState(t, f, potok.Failed)
	})
}

func TestCancelledCallsGiveTheValueBesideTheSameError(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); return 7, ctx.Err() })
		synctest.Wait()
		f.Cancel()
		v, err := outcome(t, f)
		if _, again := f.Result(t.Context()); v != 7 || err != again {
			t.Errorf("Result is %v, %v, then %v", v, err, again)
		}
	})
}

func TestASettledFutureWinsOverAFinishedContext(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		ended, end := context.WithCancel(t.Context())
		end()
		f := run(t.Context(), giving(7, errTest))
		synctest.Wait()
		for range 100 {
			if v, err := f.Result(ended); v != 7 || err != errTest {
				t.Fatalf("Result is %v, %v", v, err)
			}
		}
	})
}

func TestGivingUpWaitingChangesNothing(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		hold := make(chan struct{})
		f := run(t.Context(), func(ctx context.Context) (int, error) { <-hold; return 7, ctx.Err() })
		because := errors.New("no patience")
		for range 10 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() { synctest.Wait(); cancel(because) }()
			v, err := f.Result(ctx)
			if v != 0 {
				t.Errorf("value is %d", v)
			}
			wantErrors(t, err, context.Canceled, because)
			wantNot(t, err, potok.ErrCancelled)
			wantState(t, f, potok.Running)
		}
		close(hold)
		if v, err := f.Result(t.Context()); v != 7 || err != nil {
			t.Errorf("Result is %v, %v", v, err)
		}
	})
}

func TestResultWithAnEndedContextDoesNotWait(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(errTest)
	_, err := potok.NewPromise[int]().Future().Result(ended)
	wantErrors(t, err, context.Canceled, errTest)
}

// A trap's methods cannot be called on nil.
type trap struct{ err error }

func (e *trap) Error() string   { return e.err.Error() }
func (e *trap) Unwrap() error   { return e.err }
func (e *trap) Is(t error) bool { return e.err == t }

func TestANilPointerInAnErrorIsAFailure(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), giving(7, error((*fs.PathError)(nil))))
		if v, err := outcome(t, f); v != 7 || err == nil {
			t.Errorf("Result is %v, no error", v)
		}
		wantState(t, f, potok.Failed)
	})
}

func TestANilPointerInAnErrorOfACancelledCallIsAFailure(t *testing.T) {
	for name, bad := range map[string]error{"unwrap": (*fs.PathError)(nil), "is": (*trap)(nil)} {
		t.Run(name, func(t *testing.T) {
			eachRunner(t, func(t *testing.T, run runner) {
				f := run(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); return 7, bad })
				synctest.Wait()
				f.Cancel()
				if _, err := outcome(t, f); err == nil {
					t.Error("no error")
				}
				wantState(t, f, potok.Failed)
			})
		})
	}
}

func TestAPanicBecomesAPanicError(t *testing.T) {
	for name, value := range map[string]any{
		"text": "boom", "error": errTest, "slice": []int{1}, "map": map[string]int{}, "func": func() {}, "struct": struct{ x []int }{},
	} {
		t.Run(name, func(t *testing.T) {
			eachRunner(t, func(t *testing.T, run runner) {
				f := run(t.Context(), func(context.Context) (int, error) { return panicking(value) })
				_, err := outcome(t, f)
				wantState(t, f, potok.Failed)
				p, ok := errors.AsType[*potok.PanicError](err)
				if !ok {
					t.Fatalf("error is %v", err)
				}
				if fmt.Sprintf("%T", p.Value) != fmt.Sprintf("%T", value) {
					t.Errorf("Value is %v", p.Value)
				}
				if !strings.Contains(string(p.Stack), "potok_test.panicking") {
					t.Errorf("the stack does not show who panicked:\n%s", p.Stack)
				}
				if _, isError := value.(error); isError != (p.Unwrap() != nil) || isError && !errors.Is(err, errTest) {
					t.Errorf("Unwrap is %v", p.Unwrap())
				}
				wantNot(t, err, potok.ErrCancelled, context.Canceled, potok.ErrGoexit)
			})
		})
	}
}

func panicking(value any) (int, error) { panic(value) }

func TestAPanicOfNilIsAFailure(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		_, err := outcome(t, run(t.Context(), func(context.Context) (int, error) { panic(nil) })) //nolint:govet // it is the case
		if p, ok := errors.AsType[*potok.PanicError](err); !ok || errors.Is(err, potok.ErrGoexit) {
			t.Errorf("error is %v, %v", err, p)
		}
	})
}

func TestAPanicOfACancelledCallIsAFailure(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), func(ctx context.Context) (int, error) { <-ctx.Done(); panic("boom") })
		synctest.Wait()
		f.Cancel()
		_, err := outcome(t, f)
		if _, ok := errors.AsType[*potok.PanicError](err); !ok {
			t.Errorf("error is %v", err)
		}
		wantState(t, f, potok.Failed)
	})
}

func TestGoexitBecomesAnErrorAndTheWorkerSurvives(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		for range 3 {
			f := run(t.Context(), func(context.Context) (int, error) { runtime.Goexit(); return 1, nil })
			_, err := outcome(t, f)
			wantErrors(t, err, potok.ErrGoexit)
			wantState(t, f, potok.Failed)
			if v, err := outcome(t, run(t.Context(), giving(7, nil))); v != 7 || err != nil {
				t.Errorf("the next call gives %v, %v", v, err)
			}
		}
	})
}

func TestGoexitInABatchLosesNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := grown(t, 1)
		var fs []*potok.Future[struct{}]
		for i := range 100 {
			fs = append(fs, p.Go(t.Context(), func(context.Context) error {
				if i%3 == 0 {
					runtime.Goexit()
				}
				return nil
			}))
		}
		done, pending, err := potok.Wait(t.Context(), potok.AllDone, fs...)
		if len(done) != 100 || len(pending) != 0 || err != nil {
			t.Error(len(done), len(pending), err)
		}
	})
}

func TestDoneIsClosedOnceSettled(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		hold := make(chan struct{})
		f := run(t.Context(), func(context.Context) (int, error) { <-hold; return 7, nil })
		before := f.Done()
		select {
		case <-before:
			t.Error("closed before the call has settled")
		default:
		}
		if f.Done() != before {
			t.Error("another channel the second time")
		}
		close(hold)
		<-before
		select {
		case <-f.Done():
		default:
			t.Error("not closed the next time")
		}
		if v, err := f.Result(t.Context()); v != 7 || err != nil {
			t.Error(v, err)
		}
	})
}

func TestDoneGivesOneChannelBeforeAndAfter(t *testing.T) {
	p := potok.NewPromise[int]()
	before := p.Future().Done()
	p.Resolve(1)
	if p.Future().Done() != before {
		t.Error("another channel after the future has settled")
	}
}

func TestASettledFutureIsDoneForEverybody(t *testing.T) {
	p := newPool(t, 2)
	n := 20000
	if raceEnabled {
		n = 2000
	}
	for range n {
		f := p.Go(t.Context(), succeed)
		for f.State() != potok.Succeeded {
			runtime.Gosched()
		}
		select {
		case <-f.Done():
		default:
			t.Fatal("State is succeeded, Done is not closed")
		}
	}
}

func TestStatesHaveNames(t *testing.T) {
	for s, want := range map[potok.State]string{
		potok.Pending: "pending", potok.Running: "running", potok.Succeeded: "succeeded",
		potok.Failed: "failed", potok.Cancelled: "cancelled",
	} {
		if s.String() != want {
			t.Errorf("%d is %q", s, s)
		}
	}
	_ = potok.State(99).String()
}

func TestStringTellsTheStateButNotTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		hold, release := holding()
		running := p.Go(t.Context(), hold)
		queued := potok.Submit(t.Context(), p, giving("secret", nil))
		cancelled := potok.Submit(t.Context(), p, giving("secret", nil))
		cancelled.Cancel()
		failed := potok.Submit(t.Context(), p, giving("secret", errTest))
		number := potok.Submit(t.Context(), p, giving(42, nil))
		synctest.Wait()
		before := fmt.Sprint(running, queued, cancelled)
		release()
		synctest.Wait()
		got := fmt.Sprint(before, " ", queued, failed, number)
		want := "Future(running) Future(pending) Future(cancelled) Future(succeeded string) Future(failed) Future(succeeded int)"
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if s := potok.Submit(t.Context(), p, giving(errTest, nil)); true {
			outcome(t, s)
			if s.String() != "Future(succeeded error)" {
				t.Error(s)
			}
		}
	})
}
