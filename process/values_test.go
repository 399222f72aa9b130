//go:build unix

package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

type ring struct{ Next *ring }

// Tasks that end in ways of their own, and such whose argument or result cannot be sent.
var (
	whoAmI = potok.Define("process_test.whoAmI", func(_ context.Context, sleep int) (int, error) {
		time.Sleep(time.Duration(sleep) * time.Millisecond)
		return os.Getpid(), nil
	})

	deepPanic = potok.Define("process_test.deepPanic", func(context.Context, int) (int, error) { return 0, panicInside() })
	goexit    = potok.Define("process_test.goexit", func(context.Context, int) (int, error) {
		runtime.Goexit()
		return 0, nil
	})

	takesChan  = potok.Define("process_test.takesChan", func(_ context.Context, v struct{ Signal chan int }) (int, error) { return 0, nil })
	takesFunc  = potok.Define("process_test.takesFunc", func(_ context.Context, v struct{ Do func() }) (int, error) { return 0, nil })
	takesRing  = potok.Define("process_test.takesRing", func(_ context.Context, v *ring) (int, error) { return 0, nil })
	takesBytes = potok.Define("process_test.takesBytes", func(_ context.Context, v []byte) (int, error) { return len(v), nil })

	givesChan = potok.Define("process_test.givesChan", func(context.Context, int) (v struct{ Signal chan int }, err error) { return v, nil })
	givesFunc = potok.Define("process_test.givesFunc", func(context.Context, int) (v struct{ Do func() }, err error) { return v, nil })
	givesRing = potok.Define("process_test.givesRing", func(context.Context, int) (*ring, error) {
		r := &ring{}
		r.Next = r
		return r, nil
	})
	givesBytes = potok.Define("process_test.givesBytes", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
)

//go:noinline
func panicInside() error { panic("deep inside") }

func pidOf(t testing.TB, p potok.Executor) int {
	t.Helper()
	ctx := within(t)
	pid, err := whoAmI.Submit(ctx, p, 0).Result(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// pidsOf waits until there are n workers.
func pidsOf(t testing.TB, p potok.Executor, n int) (pids []int) {
	t.Helper()
	ctx := within(t)
	eventually(t, "all workers are there", func() bool {
		var all []*potok.Future[int]
		for range n {
			all = append(all, whoAmI.Submit(ctx, p, 20))
		}
		got, err := potok.Gather(ctx, all...)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		pids = slices.Compact(got)
		return len(pids) == n
	})
	return pids
}

func TestAPanicIsAnErrorWithTheStackOfTheWorkerWhichLives(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	before := pidOf(t, p)
	f := deepPanic.Submit(ctx, p, 0)
	_, err := f.Result(ctx)
	panicked, ok := errors.AsType[*potok.PanicError](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	if panicked.Value != "deep inside" || !strings.Contains(string(panicked.Stack), "panicInside") || f.State() != potok.Failed {
		t.Errorf("state %v, value %v, stack:\n%s", f.State(), panicked.Value, panicked.Stack)
	}
	if _, ok := errors.AsType[*process.WorkerDied](err); ok {
		t.Errorf("a death: %v", err)
	}
	if after := pidOf(t, p); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

func TestGoexitInATaskFailsItAndTheWorkerLives(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	before := pidOf(t, p)
	if _, err := goexit.Submit(ctx, p, 0).Result(ctx); !errors.Is(err, potok.ErrGoexit) {
		t.Errorf("%v", err)
	}
	if after := pidOf(t, p); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

func TestWhatCannotBeSentFailsItsCallAndTheWorkerLives(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	before := pidOf(t, p)
	loop := &ring{}
	loop.Next = loop
	large := make([]byte, process.MaxFrame)
	for name, submit := range map[string]struct {
		fn    func() error
		words []string
	}{
		"a chan as argument":      {func() error { return second(takesChan.Submit(ctx, p, struct{ Signal chan int }{}).Result(ctx)) }, []string{"argument", "takesChan", "Signal", "chan"}},
		"a func as argument":      {func() error { return second(takesFunc.Submit(ctx, p, struct{ Do func() }{}).Result(ctx)) }, []string{"argument", "takesFunc", "Do", "func"}},
		"a cycle as argument":     {func() error { return second(takesRing.Submit(ctx, p, loop).Result(ctx)) }, []string{"argument", "takesRing", "nested"}},
		"a too large argument":    {func() error { return second(takesBytes.Submit(ctx, p, large).Result(ctx)) }, []string{"argument", "takesBytes", "more than the 16777216"}},
		"a chan as result":        {func() error { return second(givesChan.Submit(ctx, p, 0).Result(ctx)) }, []string{"result", "givesChan", "Signal", "chan"}},
		"a func as result":        {func() error { return second(givesFunc.Submit(ctx, p, 0).Result(ctx)) }, []string{"result", "givesFunc", "Do", "func"}},
		"a cycle as result":       {func() error { return second(givesRing.Submit(ctx, p, 0).Result(ctx)) }, []string{"result", "givesRing", "nested"}},
		"a too large result":      {func() error { return second(givesBytes.Submit(ctx, p, process.MaxFrame).Result(ctx)) }, []string{"result", "givesBytes", "more than the 16777216"}},
		"a too large result of 2": {func() error { return second(givesBytes.Submit(ctx, p, 2*process.MaxFrame).Result(ctx)) }, []string{"result", "givesBytes", "more than the 16777216"}},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			for range 20 {
				err := submit.fn()
				if err == nil {
					t.Fatal("no error")
				}
				for _, word := range submit.words {
					if !strings.Contains(err.Error(), word) {
						t.Fatalf("%q is not in: %v", word, err)
					}
				}
				if _, ok := errors.AsType[*process.WorkerDied](err); ok {
					t.Fatalf("a death: %v", err)
				}
			}
		})
	}
	if n, err := givesBytes.Submit(ctx, p, process.MaxFrame-64).Result(ctx); err != nil || len(n) != process.MaxFrame-64 {
		t.Errorf("just under the limit: %d bytes, %v", len(n), err)
	}
	if after := pidOf(t, p); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

func second[T any](_ T, err error) error { return err }

// late defines a task where no worker gets to.
var late = sync.OnceValue(func() *potok.Task[int, int] {
	return potok.Define("process_test.late", func(context.Context, int) (int, error) { return 0, nil },
		potok.Retry(5, time.Hour, time.Hour)) // which it is no case for
})

func TestATaskThatTheWorkerDoesNotKnowSaysWhereToDefineIt(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	before := pidOf(t, p)
	_, err := late().Submit(ctx, p, 0).Result(ctx)
	if !errors.Is(err, process.ErrUnknownTask) || !strings.Contains(err.Error(), "process_test.late") || !strings.Contains(err.Error(), "define it at package level") {
		t.Errorf("%v", err)
	}
	if after := pidOf(t, p); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

// quitter is a value whose unmarshaler ends its goroutine in the pool's process.
type quitter struct{ name string }

func (q quitter) MarshalText() ([]byte, error) { return []byte(q.name), nil }

func (q *quitter) UnmarshalText(b []byte) error {
	if q.name = string(b); q.name == "quits" {
		runtime.Goexit()
	}
	return nil
}

var givesQuitter = potok.Define("process_test.givesQuitter", func(_ context.Context, name string) (quitter, error) { return quitter{name}, nil })

func TestAnUnmarshalerThatEndsItsGoroutineFailsItsCallAndNoOther(t *testing.T) {
	p := newPool(t, 1)
	ctx := within(t)
	names := []string{"stays", "quits", "stays", "quits", "quits", "stays"}
	for i, f := range givesQuitter.SubmitAll(ctx, p, names) {
		v, err := f.Result(ctx)
		if quits := names[i] == "quits"; quits != errors.Is(err, potok.ErrGoexit) || !quits && v.name != "stays" {
			t.Errorf("call %d: %v, %v", i, v, err)
		}
	}
	before := pidOf(t, p)
	n := 0
	for v, err := range givesQuitter.Map(ctx, p, slices.Values(names)) {
		if quits := names[n] == "quits"; quits != errors.Is(err, potok.ErrGoexit) || !quits && v.name != "stays" {
			t.Errorf("item %d: %v, %v", n, v, err)
		}
		n++
	}
	if n != len(names) {
		t.Errorf("%d results", n)
	}
	if after := pidOf(t, p); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
