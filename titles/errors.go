package titles

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

// The kinds of failure, as KindOf gives them.
const (
	KindDNS      = "dns"      // the name is unknown, or cannot be looked up
	KindConnect  = "connect"  // nobody answers there, or refuses
	KindTLS      = "tls"      // no secure connection came about
	KindTimeout  = "timeout"  // the page took longer than allowed
	KindReset    = "reset"    // the connection broke before the title was read
	KindHTTP     = "http"     // a status of 400 or more, or an answer that is not HTTP
	KindRedirect = "redirect" // redirected too often, or to nowhere
	KindDown     = "down"     // connections to its host have failed, so it was not asked
	KindNoTitle  = "no_title" // the page was read, and has none
	KindIO       = "io"       // everything else: an unreadable file, an unusable address
)

// Error is the failure of one page. It is immutable.
type Error struct {
	Kind string // one of the constants above
	Err  error  // what happened
}

// Error says what happened, without the address: the page that comes with the error knows it.
func (e *Error) Error() string { return prefix + strings.TrimPrefix(e.Err.Error(), prefix) }

// Unwrap gives the error underneath, so that errors.Is finds ErrNoTitle, context.Canceled, fs.ErrNotExist and others.
func (e *Error) Unwrap() error { return e.Err }

const prefix = "potok: "

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

// errTimeout is the cause of a page's context when its time is over.
var errTimeout = errors.New("timed out")

var errRedirects = errors.New("too many redirects")

// classify gives an error of the transport, or of reading a body, its kind, and takes off what url.Error adds.
func classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		if errors.Is(cause, errTimeout) || errors.Is(cause, context.DeadlineExceeded) {
			return &Error{KindTimeout, timeoutError{cause}}
		}
		return &Error{KindIO, joinCause(ctx.Err(), cause)}
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	kind := kindOfTransport(err)
	switch dns, ok := errors.AsType[*net.DNSError](err); {
	case ok:
		err = dns // the dialling around it says nothing more
	case kind == KindReset:
		err = fmt.Errorf("connection broke: %w", err)
	}
	return &Error{kind, err}
}

func kindOfTransport(err error) string {
	if errors.Is(err, errRedirects) || strings.Contains(err.Error(), "Location header") {
		return KindRedirect
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return KindDNS
	}
	if isTLS(err) {
		return KindTLS
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return KindConnect
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return KindTimeout
	}
	if isReset(err) {
		return KindReset
	}
	if strings.Contains(err.Error(), "unsupported protocol scheme") {
		return KindRedirect // the first address was checked before
	}
	return KindHTTP
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	// The rest of crypto/tls is plain text; and a server without TLS is noticed by net/http.
	return strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "TLS handshake") ||
		errors.Is(err, http.ErrSchemeMismatch)
}

func isReset(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || strings.Contains(err.Error(), "server closed")
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
