package titles

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport makes the connections of f.
func (f *Fetcher) newTransport() *http.Transport {
	f.tls = &tls.Config{
		ClientSessionCache: tls.NewLRUClientSessionCache(f.workers),
		InsecureSkipVerify: f.insecure,
		NextProtos:         []string{"h2", "http/1.1"},
	}
	f.dialer = net.Dialer{KeepAlive: 30 * time.Second, Resolver: f.resolver}
	if f.denyPrivate {
		f.dialer.ControlContext = checkDialled
	}
	return &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxyOf(r.Context()), nil },
		DialContext:            f.dial,
		DialTLSContext:         f.dialTLS,
		TLSClientConfig:        f.tls, // for what lies behind a proxy
		TLSHandshakeTimeout:    f.connectTimeout,
		OnProxyConnectResponse: checkConnect,
		DisableCompression:     true, // decode.go sees to it
		ForceAttemptHTTP2:      true,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     readAhead, // what a server may send of a page that nobody reads
			MaxReceiveBufferPerConnection: 16 * readAhead,
			SendPingTimeout:               10 * time.Second, // or a dead connection would cost every page of its host the time for one
			PingTimeout:                   5 * time.Second,
		},
		ReadBufferSize:         8 << 10,       // 4 KiB cost a sixth more CPU in BenchmarkFetch; 32 KiB are 6 % of the pages of benchmark T2
		MaxIdleConns:           2 * f.workers, // among all hosts: what many hosts leave behind must not pile up
		MaxIdleConnsPerHost:    f.workers,
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

const readAhead = 256 << 10

// errConnectTimeout is the cause of a dial's context when its time is over.
var errConnectTimeout = errors.New("connection timed out")

// dial connects to addr, the proxy's if there is one.
func (f *Fetcher) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := f.whileWanted(ctx)
	defer cancel()
	return f.connect(ctx, network, addr)
}

// whileWanted is ctx until ConnectTimeout is over or the attempt that wants the connection: what the transport would keep of that for
// others, who dial for themselves too, is not worth goroutines that outlive a Fetch.
func (f *Fetcher) whileWanted(ctx context.Context) (context.Context, context.CancelFunc) {
	attempt, ok := ctx.Value(attemptKey{}).(attemptContext)
	ctx, cancel := context.WithTimeoutCause(ctx, f.connectTimeout, errConnectTimeout)
	if !ok {
		return ctx, cancel
	}
	stop := context.AfterFunc(attempt, cancel)
	return ctx, func() { stop(); cancel() }
}

func (f *Fetcher) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := f.dialer.DialContext(ctx, network, addr)
	if err == nil && ctx.Err() != nil {
		return nil, closing(conn, context.Cause(ctx))
	}
	return conn, err
}

// closing gives up a connection because of err, beside which its own does not matter.
func closing(conn net.Conn, err error) error {
	conn.Close() //nolint:errcheck // see above
	return err
}

// dialTLS does the same, and the handshake within the same time.
func (f *Fetcher) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := f.whileWanted(ctx)
	defer cancel()
	plain, err := f.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	config := f.tls.Clone()
	if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
		return nil, closing(plain, err)
	}
	if proxyOf(ctx) != nil {
		config.NextProtos = nil // CONNECT is spoken in HTTP/1.1
	}
	secure := tls.Client(plain, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		if errors.Is(context.Cause(ctx), errConnectTimeout) {
			err = errConnectTimeout
		}
		return nil, closing(plain, err)
	}
	return secure, nil
}
