package titles

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Proxy sends all requests through the proxy at u: http, https, socks5 or socks5h, with a user and a password if it wants them. By
// default the environment decides (HTTP_PROXY, HTTPS_PROXY, NO_PROXY); with nil there is no proxy whatever the environment says. It
// returns an error when u is no such address.
func Proxy(u *url.URL) (Option, error) {
	if u == nil {
		return optionFunc(func(s *settings) { s.proxy = nil }), nil
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("potok: unsupported scheme of a proxy, %q", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, errors.New("potok: no host in the address of the proxy")
	}
	fixed := http.ProxyURL(u)
	return optionFunc(func(s *settings) { s.proxy = fixed }), nil
}

// proxyKey is the key, in a request's context, of the proxy's address. There it reaches the dialler too, which must know whom it dials.
type proxyKey struct{}

// throughProxy is req with the proxy for its address, if there is one.
func (f *Fetcher) throughProxy(req *http.Request) (*http.Request, error) {
	if f.proxy == nil {
		return req, nil
	}
	proxy, err := f.proxy(req)
	if err != nil || proxy == nil {
		return req, err
	}
	if f.denyPrivate {
		if err := f.checkName(req.Context(), req.URL.Hostname()); err != nil {
			return req, err
		}
	}
	return req.WithContext(context.WithValue(req.Context(), proxyKey{}, proxy)), nil
}

func proxyOf(ctx context.Context) *url.URL {
	proxy, _ := ctx.Value(proxyKey{}).(*url.URL)
	return proxy
}

// A proxyError is the refusal of a proxy to connect to a host.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("proxy: http status %d %s", e.status, http.StatusText(e.status))
}

func checkConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyError{resp.StatusCode}
	}
	return nil
}
