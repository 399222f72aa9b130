package exectest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// script is what the task act is told to do.
type script struct {
	Probe string // where to note
	Label string // notes "+Label" when it begins and "-Label" when it ends
	Door  string // then waits here, if not ""
	Deaf  bool   // without looking at its context
	Ended string // how it fails if its context ends at the door; "": with the context's error, see failures
	Fail  string // how it ends else; "": it succeeds
	First int    // only so many attempts fail; 0: all
	Value int    // what it returns, also beside an error
}

var act = potok.Define("exectest.act", func(ctx context.Context, s script) (int, error) {
	m := mediumOf(s.Probe)
	attempt := 0
	if s.Label != "" {
		attempt = m.note("+" + s.Label)
		defer m.note("-" + s.Label)
	}
	if s.Door != "" {
		wait := ctx
		if s.Deaf {
			wait = context.WithoutCancel(ctx)
		}
		if err := m.pass(wait, s.Door); err != nil {
			m.note(s.Label + " saw " + ending(ctx))
			if s.Ended == "" {
				return s.Value, err
			}
			return s.Value, failure(ctx, s.Ended)
		}
	}
	if s.Fail == "" || s.First > 0 && attempt > s.First {
		return s.Value, nil
	}
	if s.Fail == "fails, then panics" {
		if attempt > 1 {
			panic("again")
		}
		return s.Value, errUnknown
	}
	return s.Value, failure(ctx, s.Fail)
})

// ending tells how a context has ended, by the codes of what its Err and its
// cause match.
func ending(ctx context.Context) string {
	return "err " + strings.Join(registry.Codes(ctx.Err()), " ") + ", cause " + strings.Join(registry.Codes(context.Cause(ctx)), " ")
}

// What the contexts of calls are seen to end with.
const (
	codeCanceled  = "context.Canceled"
	codeDeadline  = "context.DeadlineExceeded"
	codeCancelled = "potok.ErrCancelled"
	codeClosed    = "potok.ErrClosed"
)

// sawEnd checks what a call noted when its context ended.
func (p *probe) sawEnd(label, errCode, causeCode string) {
	p.e.Helper()
	var notes []string
	p.e.until("call "+label+" sees its context end", func() bool { notes = p.with(label + " saw "); return len(notes) > 0 })
	errs, causes, _ := strings.Cut(strings.TrimPrefix(notes[0], "err "), ", cause ")
	if errs != errCode || !strings.Contains(" "+causes+" ", " "+causeCode+" ") {
		p.e.Errorf("call %s saw its context end with %q, cause %q; want %q, cause %q", label, errs, causes, errCode, causeCode)
	}
}

// Sentinels of the suite's own: one that is registered, one that is not.
var (
	errRegistered = errors.New("exectest: registered")
	errUnknown    = errors.New("exectest: unknown")
)

func init() { potok.RegisterError("exectest.registered", errRegistered) }

// nilError is an error whose nil pointer is an error, too, and cannot even be
// printed.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// failures are the ways to fail, by name.
var failures = map[string]func(context.Context) error{
	"nil":                 func(context.Context) error { return nil },
	"ctx":                 func(ctx context.Context) error { return ctx.Err() },
	"cause":               context.Cause,
	"wrapped ctx":         func(ctx context.Context) error { return fmt.Errorf("while working: %w", ctx.Err()) },
	"ctx and registered":  func(ctx context.Context) error { return errors.Join(ctx.Err(), errRegistered) },
	"unknown":             func(context.Context) error { return errUnknown },
	"registered":          func(context.Context) error { return errRegistered },
	"context.Canceled":    func(context.Context) error { return context.Canceled },
	"context.Deadline":    func(context.Context) error { return context.DeadlineExceeded },
	"io.EOF":              func(context.Context) error { return io.EOF },
	"io.ErrUnexpectedEOF": func(context.Context) error { return io.ErrUnexpectedEOF },
	"fs.ErrInvalid":       func(context.Context) error { return fs.ErrInvalid },
	"fs.ErrPermission":    func(context.Context) error { return fs.ErrPermission },
	"fs.ErrExist":         func(context.Context) error { return fs.ErrExist },
	"fs.ErrNotExist":      func(context.Context) error { return fs.ErrNotExist },
	"fs.ErrClosed":        func(context.Context) error { return fs.ErrClosed },
	"potok.ErrCancelled":  func(context.Context) error { return potok.ErrCancelled },
	"potok.ErrClosed":     func(context.Context) error { return potok.ErrClosed },
	"potok.ErrFull":       func(context.Context) error { return potok.ErrFull },
	"potok.ErrGoexit":     func(context.Context) error { return potok.ErrGoexit },
	"no such file":        func(context.Context) error { _, err := os.Open("/no/such/file"); return err },
	"wrapped": func(context.Context) error {
		return fmt.Errorf("page 7: %w", fmt.Errorf("header: %w", io.ErrUnexpectedEOF))
	},
	"joined":           func(context.Context) error { return errors.Join(errRegistered, errUnknown, fs.ErrExist) },
	"permanent":        func(context.Context) error { return potok.Permanent(errRegistered) },
	"permanent inside": func(context.Context) error { return fmt.Errorf("no use: %w", potok.Permanent(io.EOF)) },
	"nil pointer":      func(context.Context) error { return (*nilError)(nil) },
	"panic text":       func(context.Context) error { panic("a text") },
	"panic error":      func(context.Context) error { panic(errRegistered) },
	"panic nil":        func(context.Context) error { panic(nil) },
	"panic of the runtime": func(context.Context) error {
		var none []int
		_ = none[len(os.Args)]
		return nil
	},
	"goexit": func(context.Context) error { runtime.Goexit(); return nil },
}

func failure(ctx context.Context, kind string) error {
	fail, ok := failures[kind]
	if !ok {
		return fmt.Errorf("exectest: no failure named %q", kind)
	}
	return fail(ctx)
}

// record has a field of every kind that can cross a wire.
type record struct {
	Bool    bool
	Int     int64
	Uint    uint64
	Float   float64
	Text    string
	Bytes   []byte
	Ints    []int
	Array   [3]int8
	Nested  inner
	Pointer *inner
	List    []inner
	Map     map[string]int
	ByInt   map[int][]string
	Big     *big.Int
	Time    time.Time
	Span    time.Duration
}

type inner struct {
	Name string
	Next *inner
}

func echo[T any](_ context.Context, v T) (T, error) { return v, nil }

// One echo for each type of argument.
var (
	echoInt    = potok.Define("exectest.echo.int", echo[int])
	echoText   = potok.Define("exectest.echo.string", echo[string])
	echoBytes  = potok.Define("exectest.echo.bytes", echo[[]byte])
	echoInts   = potok.Define("exectest.echo.ints", echo[[]int])
	echoMap    = potok.Define("exectest.echo.map", echo[map[string]int])
	echoBig    = potok.Define("exectest.echo.big", echo[*big.Int])
	echoTime   = potok.Define("exectest.echo.time", echo[time.Time])
	echoRecord = potok.Define("exectest.echo.record", echo[record])
	echoInner  = potok.Define("exectest.echo.pointer", echo[*inner])
	length     = potok.Define("exectest.length", func(_ context.Context, v []byte) (int, error) { return len(v), nil })
	zeros      = potok.Define("exectest.zeros", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	nothing    = potok.Define("exectest.nothing", echo[struct{}])
)

// fill writes to its argument.
var fill = potok.Define("exectest.fill", func(_ context.Context, v []int) (int, error) {
	v[0]++
	return v[0], nil
})

// spoiled is the argument of spoil.
type spoiled struct {
	Probe string
	V     []int
}

// spoil writes to its argument and succeeds in its third attempt, with what it
// found there.
var spoil = potok.Define("exectest.spoil", func(_ context.Context, s spoiled) (int, error) {
	found := s.V[0]
	s.V[0]++
	if mediumOf(s.Probe).note("+spoil") < 3 {
		return found, errUnknown
	}
	return found, nil
})

type ctxKey struct{}

// ctxValue returns what its context holds for the key.
var ctxValue = potok.Define("exectest.value", func(ctx context.Context, _ struct{}) (string, error) {
	s, _ := ctx.Value(ctxKey{}).(string)
	return s, nil
})

// ctxDeadline returns the deadline of its context, the zero time for none.
var ctxDeadline = potok.Define("exectest.deadline", func(ctx context.Context, _ struct{}) (time.Time, error) {
	d, _ := ctx.Deadline()
	return d, nil
})

// outlive leaves a goroutine behind that notes how the call's context ends.
var outlive = potok.Define("exectest.outlive", func(ctx context.Context, probe string) (struct{}, error) {
	m := mediumOf(probe)
	go func() { // the case waits for its note
		<-ctx.Done()
		m.note("outlived saw " + ending(ctx))
	}()
	return struct{}{}, nil
})

// withFunc cannot become bytes.
type withFunc struct{ Func func() }

// unsendable has it for its argument, halfway for its result; the result of
// cyclic has no end.
var (
	unsendable = potok.Define("exectest.unsendable", func(context.Context, withFunc) (int, error) { return 1, nil })
	halfway    = potok.Define("exectest.halfway", func(_ context.Context, probe string) (withFunc, error) {
		mediumOf(probe).note("+halfway")
		return withFunc{func() {}}, nil
	})
	cyclic = potok.Define("exectest.cyclic", func(_ context.Context, probe string) (*inner, error) {
		mediumOf(probe).note("+cyclic")
		return endless(), nil
	})
)

func endless() *inner {
	v := &inner{Name: "a"}
	v.Next = v
	return v
}

// shared is how a task finds things of the case in memory: executors, functions.
var shared struct {
	mu     sync.Mutex // guards the fields below
	last   int
	byName map[int]func(context.Context) (int, error)
}

// share makes fn known to the task perform until the case ends. Only for
// executors that share memory.
func (e *env) share(fn func(context.Context) (int, error)) int {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.byName == nil {
		shared.byName = make(map[int]func(context.Context) (int, error))
	}
	shared.last++
	name := shared.last
	shared.byName[name] = fn
	e.Cleanup(func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		delete(shared.byName, name)
	})
	return name
}

// perform does what the case has shared.
var perform = potok.Define("exectest.perform", func(ctx context.Context, name int) (int, error) {
	shared.mu.Lock()
	fn := shared.byName[name]
	shared.mu.Unlock()
	return fn(ctx)
})
