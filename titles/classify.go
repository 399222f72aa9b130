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
	"strings"
	"syscall"
)

// classify gives an error of the transport, or of reading a body, its kind, and says whether another attempt makes sense. The order of
// the questions matters: a context that has ended explains everything else, and the more telling error may wrap the less telling one.
func classify(ctx context.Context, err error) *Error {
	if done, ok := errors.AsType[*Error](err); ok {
		return done
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		// The dialling around it says nothing more.
		return &Error{Kind: KindDNS, Err: dns, Retry: !dns.IsNotFound && (dns.IsTemporary || dns.IsTimeout)}
	}
	if private, ok := errors.AsType[*privateError](err); ok {
		return fail(KindPrivate, private)
	}
	if refused, ok := errors.AsType[*proxyError](err); ok {
		badGateway := refused.status >= http.StatusBadGateway && refused.status <= http.StatusGatewayTimeout
		return &Error{Kind: KindConnect, Err: refused, Retry: retryStatus(refused.status), Unreached: badGateway}
	}
	if coding, ok := errors.AsType[*codingError](err); ok {
		return fail(coding.kind(), coding)
	}
	if tree, ok := errors.AsType[*treeError](err); ok {
		return fail(KindIO, tree)
	}
	if isTLS(err) {
		return fail(KindTLS, handshakeError(err))
	}
	if e := classifyConnect(err); e != nil {
		return e
	}
	if isReset(err) {
		return &Error{Kind: KindReset, Err: fmt.Errorf("connection broke: %w", plain(err)), Retry: true}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return &Error{Kind: KindTimeout, Err: err, Retry: true}
	}
	return fail(KindHTTP, plain(err))
}

// classifyConnect is nil for what happened on a connection.
func classifyConnect(err error) *Error {
	if errors.Is(err, errConnectTimeout) || strings.HasSuffix(err.Error(), "net/http: TLS handshake timeout") {
		return &Error{Kind: KindConnect, Err: errConnectTimeout, Retry: true, Unreached: !throughProxy(err)}
	}
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return nil
	}
	if addr, ok := errors.AsType[*net.AddrError](err); ok {
		return fail(KindIO, addr) // a port that cannot be one
	}
	switch {
	case op.Op == "proxyconnect":
		return &Error{Kind: KindConnect, Err: fmt.Errorf("proxy: %w", op.Err), Retry: true}
	case strings.HasPrefix(op.Op, "socks"):
		text := op.Err.Error() // of the proxy's code for it
		unreached := strings.Contains(text, "unreachable") || strings.Contains(text, "refused") || strings.Contains(text, "expired")
		return &Error{Kind: KindConnect, Err: err, Retry: true, Unreached: unreached}
	case op.Op == "dial":
		return &Error{Kind: KindConnect, Err: err, Retry: true, Unreached: !isOurFault(err)}
	}
	return nil
}

func throughProxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "proxyconnect"
}

// isOurFault is true for a machine that has run out of something, which says nothing of the host.
func isOurFault(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL, syscall.EAGAIN} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
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
	// The rest of crypto/tls is plain text.
	return strings.Contains(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "x509: ")
}

// handshakeError tells in words what net/http's client would: the commonest mistake is a server without TLS.
func handshakeError(err error) error {
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok && string(header.RecordHeader[:]) == "HTTP/" {
		return http.ErrSchemeMismatch
	}
	return err
}

// http2StreamError is filled in by net/http's own error of a stream that one side has reset: its As takes every struct of these fields.
type http2StreamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (http2StreamError) Error() string { return "http2: stream reset" }

func isReset(err error) bool {
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	var stream http2StreamError
	if errors.As(err, &stream) {
		return true
	}
	// Of net/http nothing but the text can be had.
	text := err.Error()
	for _, part := range []string{
		"server closed", "connection lost", "client connection force closed", "http2: server sent GOAWAY", "http2: Transport received",
		"forcibly closed", "wsarecv", "wsasend",
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// plain takes off what net/http says around an error of its own.
func plain(err error) error {
	if strings.HasPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ") {
		if inner := errors.Unwrap(err); inner != nil {
			return inner
		}
	}
	return err
}
