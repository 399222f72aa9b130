package titles

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// DefaultTimeout is for one page, from the look-up of its name to its title.
	DefaultTimeout = 30 * time.Second
	// DefaultConnectTimeout is for one connection, from the look-up of the name to the end of the TLS handshake.
	DefaultConnectTimeout = 10 * time.Second
	// DefaultMaxBody is how many bytes of a page are looked at.
	DefaultMaxBody = 1 << 20
	// DefaultRedirects is how many redirects are followed.
	DefaultRedirects = 10
	// DefaultUserAgent names this program and where to complain.
	DefaultUserAgent = "potok/0.1 (+https://github.com/potok-go/potok)"

	defaultWorkers = 64
)

type settings struct {
	timeout        time.Duration
	connectTimeout time.Duration
	workers        int
	maxBody        int64
	redirects      int
	userAgent      string
	extra          http.Header // beside our own, or in their place
	proxy          func(*http.Request) (*url.URL, error)
	insecure       bool
	denyPrivate    bool
	obeyRobots     bool
	selector       selector // nil: the title
	allMatches     bool
	resolver       *net.Resolver // nil: the system's; only tests have another
}

func defaults() settings {
	return settings{
		timeout:        DefaultTimeout,
		connectTimeout: DefaultConnectTimeout,
		workers:        defaultWorkers,
		maxBody:        DefaultMaxBody,
		redirects:      DefaultRedirects,
		userAgent:      DefaultUserAgent,
		proxy:          http.ProxyFromEnvironment,
	}
}

// Option changes how a Fetcher works; see New.
type Option interface{ apply(s *settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// Timeout bounds the time for one page (DefaultTimeout). It panics unless d is positive.
func Timeout(d time.Duration) Option {
	if d <= 0 {
		panic("potok: the timeout of a page must be positive")
	}
	return optionFunc(func(s *settings) { s.timeout = d })
}

// ConnectTimeout bounds the time for one connection: the look-up of the name, the connection itself and the TLS handshake together
// (DefaultConnectTimeout). Through a proxy, the connection to the proxy has that time, and the handshake behind it has it again. It
// panics unless d is positive.
func ConnectTimeout(d time.Duration) Option {
	if d <= 0 {
		panic("potok: the timeout of a connection must be positive")
	}
	return optionFunc(func(s *settings) { s.connectTimeout = d })
}

// Workers says how many pages will be fetched at once (64), so that as many connections are kept for the next page. It does not
// limit anything: the caller does. It panics unless n is positive.
func Workers(n int) Option {
	if n < 1 {
		panic("potok: the number of workers must be positive")
	}
	return optionFunc(func(s *settings) { s.workers = n })
}

// MaxBody is how many bytes of a page are looked at, after decompression (DefaultMaxBody). A longer page is taken to end there, which
// is no failure. It panics unless n is positive.
func MaxBody(n int64) Option {
	if n < 1 {
		panic("potok: the most to read of a page must be positive")
	}
	return optionFunc(func(s *settings) { s.maxBody = n })
}

// Redirects is how many redirects of one page are followed (DefaultRedirects). One more is a failure of KindRedirect, beside the page
// that redirected and its status; with 0 every redirect is. It panics if n is negative.
func Redirects(n int) Option {
	if n < 0 {
		panic("potok: the number of redirects must not be negative")
	}
	return optionFunc(func(s *settings) { s.redirects = n })
}

// UserAgent is what servers are told about the program that asks (DefaultUserAgent). With "" they are told nothing. Header does the same
// for a name that may not be fit to be sent.
func UserAgent(name string) Option {
	return optionFunc(func(s *settings) { s.userAgent = name })
}

// Insecure takes every certificate for good, of servers and of an https proxy.
func Insecure() Option {
	return optionFunc(func(s *settings) { s.insecure = true })
}

// DenyPrivate refuses to connect to addresses that are not of the public internet: loopback, private and link-local ones, those of
// carriers' own networks (100.64.0.0/10), unique-local, multicast, unspecified and reserved ones, also when an IPv6 address stands for
// such an IPv4 address. A page there fails with KindPrivate.
//
// The address that is dialled is what is checked, so neither a redirect nor a name that resolves to another address every time gets
// round it. With a proxy it is the proxy that dials: then all that the name resolves to here is checked before the request is sent, and
// a name that does not resolve here fails; the proxy may see other addresses than we do. The proxy itself may have any address.
func DenyPrivate() Option {
	return optionFunc(func(s *settings) { s.denyPrivate = true })
}

// Robots asks the robots.txt of a host, with scheme and port, before the first page of it is fetched, at redirects too. What it
// disallows to the name in UserAgent, up to its first slash or space, fails with KindRobots.
//
// By RFC 9309: a status of 400 to 499 allows everything, of 500 and more disallows everything; more than 5 redirects on the way to a
// robots.txt are as if there were none; 500 KiB of it count. When no answer can be had, nothing of the host is fetched either, and
// the page fails with the kind of that failure (dns, connect, timeout …), since that may be tried again. The rules of up to 10,000
// hosts are remembered, for 24 hours; that a server had failed, for a minute. Fetches of the same host wait for one request, each as long
// as its own ctx and timeout allow. Crawl-delay is left to the caller, who decides on pauses.
func Robots() Option {
	return optionFunc(func(s *settings) { s.obeyRobots = true })
}

// AllMatches fills in Page.Matches with every match of Select or XPath, not only with the first one: with as many as MaxBody bytes of
// text have room for, since matches within matches repeat it. It does nothing without these.
func AllMatches() Option {
	return optionFunc(func(s *settings) { s.allMatches = true })
}
