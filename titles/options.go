package titles

import "time"

const (
	// DefaultTimeout is for one page, from the look-up of its name to its title.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxBody is how many bytes of a page are looked at.
	DefaultMaxBody = 1 << 20
	// DefaultUserAgent names this program and where to complain.
	DefaultUserAgent = "potok/0.1 (+https://github.com/potok-go/potok)"

	defaultWorkers = 64
	maxRedirects   = 10
	dialTimeout    = 10 * time.Second
)

type settings struct {
	timeout   time.Duration
	workers   int
	maxBody   int64
	userAgent string
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

// UserAgent is what servers are told about the program that asks (DefaultUserAgent).
func UserAgent(name string) Option {
	return optionFunc(func(s *settings) { s.userAgent = name })
}
