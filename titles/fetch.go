package titles

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Page is what is known of one page, whether its title was found or not. All of it is plain data, so it can cross a process.
type Page struct {
	Input   string // as it was given
	URL     string // where it led: after redirects, "" if the input is no address
	Status  int    // of HTTP; 0 for a file, or when no answer came
	Title   string // "" too when there is none
	Charset string // that the title was decoded by, "" when it was not got so far

	Attempts int           // how often it was asked for, and
	Took     time.Duration // how long that took, without the pauses; both by a Crawl
}

// A Fetcher reads pages from the web and from files. It is safe for concurrent use.
type Fetcher struct {
	settings
	client    *http.Client
	transport *http.Transport
}

// New makes a Fetcher of its own connections. The proxy is the environment's.
func New(opts ...Option) *Fetcher {
	f := &Fetcher{settings: settings{DefaultTimeout, defaultWorkers, DefaultMaxBody, DefaultUserAgent}}
	for _, o := range opts {
		o.apply(&f.settings)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	f.transport = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		TLSClientConfig:        &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(f.workers)},
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           2 * f.workers, // among all hosts: what many hosts leave behind must not pile up
		MaxIdleConnsPerHost:    f.workers,
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	f.client = &http.Client{Transport: f.transport, CheckRedirect: checkRedirect}
	return f
}

func checkRedirect(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w (%d)", errRedirects, maxRedirects)
	}
	return nil
}

// Close gives up the connections kept for later pages. A Fetch under way is not disturbed, and the Fetcher stays usable.
func (f *Fetcher) Close() { f.transport.CloseIdleConnections() }

// Fetch reads the page that input names, a URL, a bare host or a file, and finds its title.
//
// It blocks until the title is read, the page ends, or the time for a page is over; when ctx ends it returns at once with an error
// that matches ctx's and its cause. A title that was read whole before anything went wrong is a good page. Every error is an *Error,
// of which KindOf tells the kind, and the Page beside it still says which page this was, where it led and with what status; a status of
// 400 or more is a failure, and the title of such a page is not given.
//
// After the title, up to 15 ms are spent on reading what the server has sent already, so that the connection can be used again. Fetch
// is safe for concurrent use.
func (f *Fetcher) Fetch(ctx context.Context, input string) (Page, error) {
	page := Page{Input: input}
	if err := ctx.Err(); err != nil {
		return page, classify(ctx, err)
	}
	address, file, err := resolve(input)
	if err != nil {
		return page, &Error{KindIO, err}
	}
	if file != "" {
		err = f.readFile(ctx, &page, file)
	} else {
		page.URL = address
		err = f.get(ctx, &page, address)
	}
	return page, err
}

// get fills in page from the web.
func (f *Fetcher) get(ctx context.Context, page *Page, address string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timed, stop := context.WithTimeoutCause(ctx, f.timeout, errTimeout)
	defer stop()

	req, err := http.NewRequestWithContext(timed, http.MethodGet, address, nil)
	if err != nil {
		return &Error{KindIO, err}
	}
	req.Header["User-Agent"] = []string{f.userAgent}
	req.Header["Accept"] = acceptHeader
	resp, err := f.client.Do(req)
	if resp != nil {
		page.Status = resp.StatusCode // a refused redirect has one, beside the error
		page.URL = resp.Request.URL.String()
	}
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok && page.Status == 0 {
			page.URL = outer.URL
		}
		return classify(timed, err)
	}
	body := &io.LimitedReader{R: resp.Body, N: f.maxBody}
	defer func() {
		if read := f.maxBody - body.N; resp.ContentLength-read <= drainBytes {
			drain(resp.Body, cancel)
		}
		resp.Body.Close()
	}()
	if resp.StatusCode >= http.StatusBadRequest {
		return &Error{KindHTTP, fmt.Errorf("http status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))}
	}
	page.Title, page.Charset, err = Extract(body, resp.Header.Get("Content-Type"))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoTitle):
		return &Error{KindNoTitle, err}
	}
	return classify(timed, err)
}

var acceptHeader = []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

const (
	drainBytes = 256 << 10
	drainTime  = 15 * time.Millisecond
)

// drain reads the rest of a body when that is cheaper than a new connection: only so much, and only for so long. A body that does
// not end within both costs its connection.
func drain(body io.Reader, cancel context.CancelFunc) {
	enough := time.AfterFunc(drainTime, cancel)
	defer enough.Stop()
	io.CopyN(io.Discard, body, drainBytes) //nolint:errcheck // the page is done with, whatever comes
}
