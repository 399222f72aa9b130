package titles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	drainBytes = 256 << 10
	drainTime  = 15 * time.Millisecond
	// settleTime is for the rest of a page whose title is there but for its charset, which may be named behind it.
	settleTime = time.Second
)

// An attempt is one Fetch of a page of the web. It is for one goroutine.
type attempt struct {
	*Fetcher
	ctx    attemptContext
	cancel context.CancelCauseFunc
	timer  *time.Timer // cancels
	ends   time.Time
	body   pageBody
}

// get fills in page from the web.
func (f *Fetcher) get(ctx context.Context, page *Page, u *url.URL) error {
	a := attempt{Fetcher: f, ends: time.Now().Add(f.timeout)}
	a.ctx.Context, a.cancel = context.WithCancelCause(ctx)
	a.timer = time.AfterFunc(f.timeout, func() { a.cancel(errTimeout) })
	defer a.end()
	resp, err := a.follow(page, u)
	if err != nil {
		return classify(a.ctx, err)
	}
	a.body = pageBody{r: resp.Body, left: f.maxBody}
	defer a.finish(resp)
	if resp.StatusCode >= http.StatusBadRequest || resp.StatusCode < http.StatusOK {
		return statusError(resp.StatusCode, resp.Header, time.Now())
	}
	return a.read(page, resp.Header)
}

// attemptContext is the context of an attempt, and its own value. The transport takes the end from the contexts of dials, and leaves the
// values: so a dial can know when nobody waits for it any more.
type attemptContext struct {
	context.Context //nolint:containedctx // it is one
}

type attemptKey struct{}

func (c attemptContext) Value(key any) any {
	if key == (attemptKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func (a *attempt) end() {
	a.timer.Stop()
	a.cancel(nil)
}

// limit makes the attempt end after d, if that is before its own end.
func (a *attempt) limit(d time.Duration) {
	if time.Until(a.ends) > d {
		a.timer.Reset(d)
	}
}

// follow sends requests until one is answered by something else than a redirect. page says how far it has come.
func (a *attempt) follow(page *Page, u *url.URL) (*http.Response, error) {
	header, host := a.headers.first, a.headers.host
	for n, first := 0, u; ; n++ {
		page.URL, page.Status = u.String(), 0
		if a.robots != nil {
			if err := a.robots.check(a, u); err != nil {
				return nil, err
			}
		}
		resp, err := a.send(u, header, host)
		if err != nil {
			return nil, err
		}
		page.Status = resp.StatusCode
		location, ok := locationOf(resp)
		if !ok {
			return resp, nil
		}
		a.discard(resp)
		if n == a.redirects {
			return nil, fail(KindRedirect, tooMany(n))
		}
		if u, err = redirected(u, location); err != nil {
			return nil, fail(KindRedirect, err)
		}
		if u.Host != first.Host {
			host = ""
		}
		if !sameSite(first, u) {
			header, host = a.headers.other, ""
		}
	}
}

func tooMany(redirects int) error {
	if redirects == 0 {
		return errors.New("redirected")
	}
	return fmt.Errorf("too many redirects (%d)", redirects)
}

var plainRequest = http.Request{Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// send sends one request. The headers are shared, and neither we nor the transport write to them.
func (a *attempt) send(u *url.URL, header http.Header, host string) (*http.Response, error) {
	req := plainRequest.WithContext(a.ctx)
	req.URL, req.Host, req.Header = u, u.Host, header
	if host != "" {
		req.Host = host
	}
	if u.User != nil && header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		req.Header = header.Clone()
		req.SetBasicAuth(u.User.Username(), password)
	}
	req, err := a.throughProxy(req)
	if err != nil {
		return nil, err
	}
	return a.transport.RoundTrip(req)
}

// locationOf tells a redirect from a page that only has such a status.
func locationOf(resp *http.Response) (string, bool) {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location := strings.Trim(resp.Header.Get("Location"), " \t")
		return location, location != ""
	}
	return "", false
}

// redirected is the address that a Location means on the page at u. What stands behind a '#' is the reader's, not the server's.
func redirected(u *url.URL, location string) (*url.URL, error) {
	next, err := u.Parse(location)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return nil, fmt.Errorf("redirect to %q: %w", cutShort(location), err)
	}
	switch {
	case next.Scheme != "http" && next.Scheme != "https":
		return nil, fmt.Errorf("redirect to %q: unsupported scheme %q", cutShort(location), next.Scheme)
	case next.Hostname() == "":
		return nil, fmt.Errorf("redirect to %q: no host", cutShort(location))
	}
	next.Fragment, next.RawFragment = "", ""
	return next, nil
}

// cutShort keeps somebody else's text from filling a line.
func cutShort(text string) string {
	const enough = 200
	if len(text) > enough {
		return text[:enough] + "…"
	}
	return text
}

// sameSite reports whether what a user tells first's host may be told to next's.
func sameSite(first, next *url.URL) bool {
	if first.Scheme == "https" && next.Scheme != "https" {
		return false
	}
	a, b := strings.ToLower(first.Hostname()), strings.ToLower(next.Hostname())
	return a == b || strings.HasSuffix(b, "."+a) && !strings.ContainsAny(b, ":%") && strings.Trim(a, "0123456789.") != ""
}

// pageBody is the body as it comes off the wire. It remembers how that ended, and plays the end when enough was read.
type pageBody struct {
	r    io.Reader
	n    int64
	left int64
	err  error
}

func (b *pageBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.n += int64(n)
	b.left -= int64(n)
	b.err = err
	return n, err
}

// read finds what is looked for on a page that has come, without waiting for the rest of it.
func (a *attempt) read(page *Page, header http.Header) error {
	var body io.Reader = &a.body
	if encodings := header["Content-Encoding"]; len(encodings) > 0 {
		a.body.left += codingSlack
		decoded, release, err := decode(body, encodings, a.maxBody)
		if err != nil {
			return classify(a.ctx, err)
		}
		defer release()
		body = decoded
	}
	err := a.extract(a.ctx, page, body, header.Get("Content-Type"), a.settle)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNoTitle):
		return fail(KindNoTitle, err)
	}
	return classify(a.ctx, err)
}

// settle is called when the title was read whole, and only its charset is still looked for.
func (a *attempt) settle(ascii bool) {
	if ascii { // the same in every charset
		a.limit(drainTime)
	} else {
		a.limit(settleTime)
	}
}

var scratch = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// finish reads the rest of the page when that is cheaper than a new connection: only so much, and only for so long. A body that does not
// end within both costs its connection.
func (a *attempt) finish(resp *http.Response) {
	if a.body.err == nil && resp.ContentLength-a.body.n <= drainBytes && a.ctx.Err() == nil {
		a.limit(drainTime)
		drain(resp.Body)
	}
	resp.Body.Close()
}

// discard does the same for a redirect, after which the attempt goes on.
func (a *attempt) discard(resp *http.Response) {
	if resp.Body != http.NoBody && resp.ContentLength <= drainBytes {
		enough := time.AfterFunc(drainTime, func() { resp.Body.Close() })
		drain(resp.Body)
		enough.Stop()
	}
	resp.Body.Close()
}

func drain(body io.Reader) {
	buf := scratch.Get().(*[32 << 10]byte)
	defer scratch.Put(buf)
	for left := drainBytes; left > 0; {
		n, err := body.Read(buf[:])
		if err != nil {
			return // the page is done with, whatever comes
		}
		left -= n
	}
}
