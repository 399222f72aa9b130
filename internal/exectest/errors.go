package exectest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/potok-go/potok"
)

var errorRules = []rule{
	{name: "an error known on every wire matches its sentinel and no other", run: sentinels},
	{name: "an error that nobody registered keeps its text", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "unknown"})
		fails(e, f)
		_, err := result(e, f)
		equal(e, "text", err.Error(), errUnknown.Error())
	}},
	{name: "an error of this process stays the value that it was", needs: sharesMemory, run: func(e *env) {
		if _, err := result(e, act.Submit(e.background, e.executor(1), script{Fail: "unknown"})); err != errUnknown { //nolint:errorlint // the same value is the promise
			e.Errorf("%v is not the same value", err)
		}
	}},
	{name: "a wrapped error keeps its text and matches", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "wrapped"})
		fails(e, f, io.ErrUnexpectedEOF)
		_, err := result(e, f)
		equal(e, "text", err.Error(), "page 7: header: unexpected EOF")
		e.differs(err, io.EOF)
	}},
	{name: "joined errors all match", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "joined"})
		fails(e, f, errRegistered, fs.ErrExist)
		_, err := result(e, f)
		equal(e, "text", err.Error(), errors.Join(errRegistered, errUnknown, fs.ErrExist).Error())
	}},
	{name: "an error of the system matches", run: func(e *env) {
		f := act.Submit(e.background, e.executor(1), script{Fail: "no such file"})
		fails(e, f, fs.ErrNotExist, os.ErrNotExist)
		_, err := result(e, f)
		if !strings.Contains(err.Error(), "/no/such/file") {
			e.Errorf("text %q", err)
		}
	}},
	{name: "a context's error without a context's end is a failure", run: func(e *env) {
		ex := e.executor(1)
		fails(e, act.Submit(e.background, ex, script{Fail: "context.Canceled"}), context.Canceled)
		fails(e, act.Submit(e.background, ex, script{Fail: "context.Deadline"}), context.DeadlineExceeded)
		ctx, cancel := context.WithCancel(e.background)
		defer cancel()
		fails(e, act.Submit(ctx, ex, script{Fail: "context.Canceled"}), context.Canceled)
		fails(e, act.Submit(e.background, ex, script{Fail: "potok.ErrCancelled"}), potok.ErrCancelled)
		fails(e, act.Submit(e.background, ex, script{Fail: "potok.ErrClosed"}), potok.ErrClosed)
	}},
	{name: "a nil pointer as an error is a failure", run: func(e *env) {
		ex := e.executor(1)
		f := act.Submit(e.background, ex, script{Fail: "nil pointer", Value: 3})
		if v, err := result(e, f); v != 3 || err == nil || f.State() != potok.Failed {
			e.Errorf("got %d in state %v", v, f.State())
		}
		gives(e, act.Submit(e.background, ex, script{Value: 1}), 1)
	}},
	{name: "a nil pointer as an error under a ctx that ended is a failure", run: func(e *env) {
		p := e.probe()
		ex := e.executor(1)
		f := act.Submit(e.background, ex, script{Probe: p.name, Label: "a", Door: "d", Ended: "nil pointer"})
		p.noted(1, "+a")
		f.Cancel()
		if _, err := result(e, f); err == nil || f.State() != potok.Failed {
			e.Errorf("state %v", f.State())
		}
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
	}},
	{name: "a panic becomes a PanicError with the worker's stack", run: panics},
	{name: "a panic that is an error can be unwrapped", needs: sharesMemory, run: func(e *env) {
		fails(e, act.Submit(e.background, e.executor(1), script{Fail: "panic error"}), errRegistered)
	}},
	{name: "a panic leaves no value", run: func(e *env) {
		v, _ := result(e, act.Submit(e.background, e.executor(1), script{Fail: "panic text", Value: 9}))
		equal(e, "value", v, 0)
	}},
	{name: "Goexit becomes ErrGoexit and the worker lives", run: func(e *env) {
		ex := e.executor(1)
		for range 3 {
			fails(e, act.Submit(e.background, ex, script{Fail: "goexit"}), potok.ErrGoexit)
		}
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		s := e.idle(ex)
		equal(e, "failed", s.Failed, 3)
	}},
	{name: "Permanent shows what it wraps", run: func(e *env) {
		ex := e.executor(1)
		f := act.Submit(e.background, ex, script{Fail: "permanent"})
		fails(e, f, errRegistered)
		_, err := result(e, f)
		equal(e, "text", err.Error(), errRegistered.Error())
		fails(e, act.Submit(e.background, ex, script{Fail: "permanent inside"}), io.EOF)
	}},
	{name: "what cannot be sent fails once and the worker lives", needs: copies, run: func(e *env) {
		ex := e.executor(1)
		for range 20 {
			f := unsendable.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, withFunc{func() {}})
			fails(e, f)
			if _, err := result(e, f); !strings.Contains(err.Error(), unsendable.Name()) && !strings.Contains(err.Error(), "Func") {
				e.Errorf("%q names neither the task nor the field", err)
			}
		}
		p := e.probe()
		fails(e, halfway.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, p.name))
		if n := p.count("+halfway"); n > 0 {
			e.Errorf("a task whose result cannot be sent, as its type tells, ran %d times", n)
		}
		fails(e, echoInner.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, endless()))
		fails(e, cyclic.With(potok.Retry(3, 0, 0)).Submit(e.background, ex, p.name))
		if n := p.count("+cyclic"); n != 1 {
			e.Errorf("a result that cannot be sent was tried %d times", n)
		}
		gives(e, echoInt.Submit(e.background, ex, 1), 1)
		equal(e, "failed", e.idle(ex).Failed, 23)
	}},
}

// known are the errors that cross as what they are. The name is the failure's.
var known = map[string]error{
	"registered":          errRegistered,
	"context.Canceled":    context.Canceled,
	"context.Deadline":    context.DeadlineExceeded,
	"io.EOF":              io.EOF,
	"io.ErrUnexpectedEOF": io.ErrUnexpectedEOF,
	"fs.ErrInvalid":       fs.ErrInvalid,
	"fs.ErrPermission":    fs.ErrPermission,
	"fs.ErrExist":         fs.ErrExist,
	"fs.ErrNotExist":      fs.ErrNotExist,
	"fs.ErrClosed":        fs.ErrClosed,
	"potok.ErrCancelled":  potok.ErrCancelled,
	"potok.ErrClosed":     potok.ErrClosed,
	"potok.ErrFull":       potok.ErrFull,
	"potok.ErrGoexit":     potok.ErrGoexit,
}

func sentinels(e *env) {
	ex := e.executor(2)
	for kind, sentinel := range known {
		f := act.Submit(e.background, ex, script{Fail: kind})
		_, err := result(e, f)
		equal(e, "state after "+kind, f.State(), potok.Failed)
		if err == nil || err.Error() != sentinel.Error() {
			e.Errorf("%s: text %v", kind, err)
		}
		for other, target := range known {
			if is := errors.Is(err, target); is != (other == kind) {
				e.Errorf("%s: errors.Is %s is %t", kind, other, is)
			}
		}
	}
}

func panics(e *env) {
	ex := e.executor(1)
	for kind, text := range map[string]string{
		"panic text":           "a text",
		"panic error":          errRegistered.Error(),
		"panic nil":            "panic called with nil argument",
		"panic of the runtime": "index out of range",
	} {
		f := act.Submit(e.background, ex, script{Fail: kind})
		fails(e, f)
		_, err := result(e, f)
		p, ok := errors.AsType[*potok.PanicError](err)
		if !ok {
			e.Errorf("%s: %T is no PanicError: %v", kind, err, err)
			continue
		}
		if _, isText := p.Value.(string); !isText && !e.opts.SharesMemory {
			e.Errorf("%s: value of type %T after a wire", kind, p.Value)
		}
		if !strings.Contains(p.Error(), text) || !strings.Contains(err.Error(), text) {
			e.Errorf("%s: %q does not tell %q", kind, err, text)
		}
		// The stack is of the goroutine that panicked, in the task's function.
		if s := string(p.Stack); !slices.ContainsFunc(strings.Split(s, "\n"), func(l string) bool { return strings.Contains(l, "exectest/tasks.go") }) {
			e.Errorf("%s: the stack does not show the task:\n%s", kind, s)
		}
	}
	gives(e, echoInt.Submit(e.background, ex, 1), 1)
}
