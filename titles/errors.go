package titles

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The kinds of failure, as KindOf gives them.
const (
	KindDNS      = "dns"      // the name is unknown, or cannot be looked up
	KindConnect  = "connect"  // nobody answers there within ConnectTimeout, or refuses
	KindTLS      = "tls"      // no secure connection came about
	KindTimeout  = "timeout"  // the page took longer than Timeout
	KindReset    = "reset"    // the connection broke before the title was read
	KindHTTP     = "http"     // a status of 400 or more, or an answer that is not as HTTP has it
	KindRedirect = "redirect" // redirected too often, or to nowhere
	KindPrivate  = "private"  // an address that DenyPrivate refuses
	KindRobots   = "robots"   // disallowed by the host's robots.txt
	KindDown     = "down"     // connections to its host have failed, so it was not asked
	KindNoTitle  = "no_title" // the page was read, and has none, or nothing that Select or XPath look for
	KindIO       = "io"       // everything else: an unreadable file, an unusable address, an unknown compression
)

// Error is the failure of one page. It is immutable, and but for Err plain data, so it can cross a process.
type Error struct {
	Kind string // one of the constants above
	Err  error  // what happened

	// Retry says that another attempt may go better: after connection errors, resets, time-outs, look-ups that found no server to ask,
	// and the statuses 429, 500, 502, 503 and 504. It is false for what will be no different next time.
	Retry bool
	// Unreached says that no connection to the host came about: refused, unreachable or not there within ConnectTimeout. A host that
	// fails so repeatedly is down. It is false for unknown names, and when a proxy or this machine is at fault.
	Unreached bool
	// RetryAfter is how long the server asks to wait before the next attempt: at most 30 days, 0 if it said nothing or a time gone by.
	RetryAfter time.Duration
}

// Error says what happened, without the address: the page that comes with the error knows it.
func (e *Error) Error() string { return prefix + strings.TrimPrefix(e.Err.Error(), prefix) }

// Unwrap gives the error underneath, so that errors.Is finds ErrNoTitle, context.Canceled, fs.ErrNotExist and others.
func (e *Error) Unwrap() error { return e.Err }

const prefix = "potok: "

// fail makes an Error that another attempt would not mend.
func fail(kind string, err error) *Error { return &Error{Kind: kind, Err: err} }

// KindOf returns the kind of a failed page, "" for nil. An error that is no *Error is of KindIO, ErrNoTitle by itself of KindNoTitle.
// It never blocks and is safe for concurrent use.
func KindOf(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, ErrNoTitle) {
		return KindNoTitle
	}
	return KindIO
}

// Retryable reports whether another attempt at the page may go better: Error.Retry, false for any other error. It never blocks and is
// safe for concurrent use.
func Retryable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Retry
}

// Unreached reports whether no connection to the page's host came about: Error.Unreached, false for any other error. It never blocks
// and is safe for concurrent use.
func Unreached(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Unreached
}

// RetryAfter returns how long the server asked to wait before another attempt: Error.RetryAfter, 0 for any other error. It never blocks
// and is safe for concurrent use.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// errTimeout is the cause of an attempt's context when its time is over.
var errTimeout = errors.New("timed out")

// ended is the failure of a page whose context has ended.
func ended(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errTimeout) || errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Kind: KindTimeout, Err: timeoutError{cause}, Retry: true}
	}
	return fail(KindIO, joinCause(ctx.Err(), cause))
}

// timeoutError reads "timed out" and matches context.DeadlineExceeded, whoever set the deadline.
type timeoutError struct{ cause error }

func (e timeoutError) Error() string   { return errTimeout.Error() }
func (e timeoutError) Unwrap() []error { return []error{context.DeadlineExceeded, e.cause} }

// joinCause matches both and reads like the cause.
func joinCause(err, cause error) error {
	if errors.Is(cause, err) {
		return cause
	}
	return causeError{err, cause}
}

type causeError struct{ err, cause error }

func (e causeError) Error() string   { return e.cause.Error() }
func (e causeError) Unwrap() []error { return []error{e.err, e.cause} }
