package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// sentinels holds the errors that cross a wire as a code, because a text would
// no longer match errors.Is on the other side.
var sentinels = struct {
	mu     sync.RWMutex // guards the fields below
	byCode map[string]error
	order  []coded // in order of registration, so that Codes is deterministic
}{byCode: make(map[string]error)}

type coded struct {
	code string
	err  error
}

func init() {
	for _, c := range []coded{
		{"context.Canceled", context.Canceled},
		{"context.DeadlineExceeded", context.DeadlineExceeded},
		{"io.EOF", io.EOF},
		{"io.ErrUnexpectedEOF", io.ErrUnexpectedEOF},
		{"fs.ErrInvalid", fs.ErrInvalid},
		{"fs.ErrPermission", fs.ErrPermission},
		{"fs.ErrExist", fs.ErrExist},
		{"fs.ErrNotExist", fs.ErrNotExist},
		{"fs.ErrClosed", fs.ErrClosed},
	} {
		AddError(c.code, c.err)
	}
}

// AddError gives err a code under which it crosses a wire. An empty code, a nil
// error, and a code that already stands for another error panic; the same pair
// again does nothing.
func AddError(code string, err error) {
	if code == "" || err == nil {
		panic("potok: RegisterError needs a code and an error")
	}
	sentinels.mu.Lock()
	defer sentinels.mu.Unlock()
	if old, taken := sentinels.byCode[code]; taken {
		if same(old, err) {
			return
		}
		panic(fmt.Sprintf("potok: error code %q stands for %q already", code, old))
	}
	sentinels.byCode[code] = err
	sentinels.order = append(sentinels.order, coded{code, err})
}

// same is old == err for errors whose type may not be comparable.
func same(old, err error) (is bool) {
	defer func() { _ = recover() }() // an uncomparable type: not the same
	return old == err                //nolint:errorlint // the same value is meant
}

// Codes returns the code of every registered error that err matches, in the
// order in which they were registered. One whose Is or Unwrap panics when it is
// asked for one of them does not match that one.
func Codes(err error) []string {
	sentinels.mu.RLock()
	order := sentinels.order // append never changes what is below len
	sentinels.mu.RUnlock()
	var codes []string
	for _, c := range order { // errors.Is may run the user's code: no lock is held
		if matches(err, c.err) {
			codes = append(codes, c.code)
		}
	}
	return codes
}

func matches(err, target error) (is bool) {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// ErrorOf returns the error registered under code, or nil.
func ErrorOf(code string) error {
	sentinels.mu.RLock()
	defer sentinels.mu.RUnlock()
	return sentinels.byCode[code]
}

// ContextError returns the error of a wait that ctx ended: it matches ctx.Err()
// and, where somebody gave one, the cause.
func ContextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if same(cause, err) {
		return err
	}
	return &contextError{err, cause}
}

type contextError struct{ err, cause error }

func (e *contextError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *contextError) Unwrap() []error { return []error{e.err, e.cause} }

// PermanentError marks an error as not worth another attempt.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }
