package potok_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/potok-go/potok"
)

// patience bounds every wait of a test. In a bubble, where it is the year 2000,
// hours cost nothing.
func patience() time.Duration {
	if time.Now().Year() == 2000 {
		return 1000 * time.Hour
	}
	return 30 * time.Second
}

var errTest = errors.New("test error")

// within fails the test, with all stacks, if fn does not return in time.
func within(t testing.TB, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	timer := time.NewTimer(patience())
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s does not return\n%s", what, stacks[:runtime.Stack(stacks, true)])
	}
}

// eventually polls until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for start := time.Now(); !cond(); runtime.Gosched() {
		if time.Since(start) > patience() {
			t.Fatalf("never: %s", what)
		}
	}
}

// newPool returns a pool that the end of the test closes.
func newPool(t testing.TB, workers int, opts ...potok.PoolOption) *potok.Pool {
	t.Helper()
	p := potok.NewPool(workers, opts...)
	t.Cleanup(func() { within(t, "Close", func() { p.Close() }) })
	return p
}

// grown returns a pool whose workers take batches, as its calls were short.
func grown(t testing.TB, workers int, opts ...potok.PoolOption) *potok.Pool {
	t.Helper()
	p := newPool(t, workers, opts...)
	for range 2000 {
		p.Go(t.Context(), succeed)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func succeed(context.Context) error { return nil }

// giving returns a function that returns v and err.
func giving[T any](v T, err error) func(context.Context) (T, error) {
	return func(context.Context) (T, error) { return v, err }
}

// holding returns a function that returns when release is called, whatever
// becomes of its ctx.
func holding() (fn func(context.Context) error, release func()) {
	hold := make(chan struct{})
	return func(context.Context) error { <-hold; return nil }, sync.OnceFunc(func() { close(hold) })
}

// obedient runs until its ctx ends and returns its error.
func obedient(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// outcome is Result with patience.
func outcome[T any](t testing.TB, f *potok.Future[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience(), errors.New("the future does not settle"))
	defer cancel()
	v, err := f.Result(ctx)
	if ctx.Err() != nil {
		stacks := make([]byte, 1<<20)
		t.Fatalf("%v does not settle\n%s", f, stacks[:runtime.Stack(stacks, true)])
	}
	return v, err
}

func wantState(t testing.TB, f interface{ State() potok.State }, want potok.State) {
	t.Helper()
	if got := f.State(); got != want {
		t.Errorf("state is %v, want %v", got, want)
	}
}

// wantErrors checks that err matches all of them.
func wantErrors(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("error %v does not match %v", err, target)
		}
	}
}

// wantNot checks that err matches none of them.
func wantNot(t testing.TB, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if errors.Is(err, target) {
			t.Errorf("error %v matches %v", err, target)
		}
	}
}

// wantCancelled checks the state and the error of a cancelled future.
func wantCancelled[T any](t testing.TB, f *potok.Future[T], targets ...error) {
	t.Helper()
	_, err := outcome(t, f)
	wantState(t, f, potok.Cancelled)
	wantErrors(t, err, append(targets, potok.ErrCancelled)...)
}

func wantPanic(t testing.TB, what string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Errorf("%s does not panic", what)
		}
	}()
	fn()
}

// logged collects what slog.Default gets until the test ends.
func logged(t testing.TB) func() []slog.Record {
	h := new(collector)
	old := slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(old) })
	return func() []slog.Record {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.records
	}
}

type collector struct {
	mu      sync.Mutex // guards records
	records []slog.Record
}

func (*collector) Enabled(context.Context, slog.Level) bool { return true }
func (h *collector) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h *collector) WithGroup(string) slog.Handler          { return h }
func (h *collector) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r)
	return nil
}

// wantLogged checks that there are n records at Error level, each with a stack.
func wantLogged(t testing.TB, records []slog.Record, n int) {
	t.Helper()
	if len(records) != n {
		t.Errorf("%d records are logged, want %d", len(records), n)
	}
	for _, r := range records {
		stack := ""
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "stack" {
				stack = a.Value.String()
			}
			return true
		})
		if r.Level != slog.LevelError || len(stack) == 0 {
			t.Errorf("record %q has level %v and stack %q", r.Message, r.Level, stack)
		}
	}
}

// goroutine tells goroutines apart.
func goroutine() string {
	var buf [64]byte
	return string(bytes.Fields(buf[:runtime.Stack(buf[:], false)])[1])
}

// A structContext cannot be compared.
type structContext struct {
	context.Context
	_ []int
}

// An ownContext is not made by package context.
type ownContext struct {
	done chan struct{}
	err  error
}

func (c *ownContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (c *ownContext) Done() <-chan struct{}       { return c.done }
func (c *ownContext) Value(any) any               { return nil }
func (c *ownContext) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// contexts are the kinds of contexts that can be cancelled.
var contexts = map[string]func() (context.Context, func()){
	"std": func() (context.Context, func()) { return context.WithCancel(context.Background()) },
	"value": func() (context.Context, func()) {
		ctx, cancel := context.WithCancel(context.Background())
		return context.WithValue(ctx, structContext{}.key(), 1), cancel
	},
	"struct": func() (context.Context, func()) {
		ctx, cancel := context.WithCancel(context.Background())
		return structContext{Context: ctx}, cancel
	},
	"own": func() (context.Context, func()) {
		c := &ownContext{make(chan struct{}), context.Canceled}
		return c, sync.OnceFunc(func() { close(c.done) })
	},
	"own struct": func() (context.Context, func()) {
		c := &ownContext{make(chan struct{}), context.Canceled}
		return structContext{Context: c}, sync.OnceFunc(func() { close(c.done) })
	},
}

type contextKey struct{}

func (structContext) key() contextKey { return contextKey{} }
