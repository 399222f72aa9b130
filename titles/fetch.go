package titles

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// Page is what is known of one page, whether its title was found or not. All of it is plain data, so it can cross a process.
type Page struct {
	Input   string   // as it was given
	URL     string   // where it led: after redirects, "" if the input is no address
	Status  int      // of HTTP; 0 for a file, or when no answer came
	Title   string   // "" too when there is none; with Select and XPath the text of the first match
	Charset string   // that the title was decoded by, "" when it was not got so far
	Matches []string // with AllMatches, the texts of all matches

	// By a Crawl:
	Number   int64         // of the input, from 0
	Attempts int           // how often it was asked for
	Took     time.Duration // how long that took, without the pauses
}

// A Fetcher reads pages from the web and from files. It is safe for concurrent use.
type Fetcher struct {
	settings
	headers   headers
	transport *http.Transport
	dialer    net.Dialer
	tls       *tls.Config
	robots    *robots // nil: nobody asks for them
}

// New makes a Fetcher of its own connections.
func New(opts ...Option) *Fetcher {
	f := &Fetcher{settings: defaults()}
	for _, o := range opts {
		o.apply(&f.settings)
	}
	f.headers = newHeaders(&f.settings)
	f.transport = f.newTransport()
	if f.obeyRobots {
		f.robots = newRobots(f.headers.first.Get("User-Agent"))
	}
	return f
}

// Close gives up the connections kept for later pages. A Fetch under way is not disturbed, and the Fetcher stays usable.
func (f *Fetcher) Close() { f.transport.CloseIdleConnections() }

// Fetch reads the page that input names, a URL, a bare host or a file, and finds its title, or what Select or XPath look for. It is one
// attempt: pauses, repetitions and limits are the caller's, and the error says what for.
//
// It blocks until the title is read, the page ends, or the time for a page is over; when ctx ends it returns at once with an error
// that matches ctx's and its cause. A title that was read whole before anything went wrong is a good page. Every error is an *Error,
// of which KindOf tells the kind and Retryable whether another attempt may go better. The Page beside it still says which page this was,
// where it led and with what status; a status of 400 or more is a failure, and the title of such a page is not given.
//
// After the title, up to 15 ms are spent on reading what the server has sent already, so that the connection can be used again; and up to
// a second, when the title is not in ASCII, on finding the charset that the page may still name. Fetch is safe for concurrent use.
func (f *Fetcher) Fetch(ctx context.Context, input string) (Page, error) {
	page := Page{Input: input}
	if ctx.Err() != nil {
		return page, ended(ctx)
	}
	u, file, err := resolve(input)
	switch {
	case err != nil:
		return page, fail(KindIO, err)
	case file != "":
		err = f.readFile(ctx, &page, file)
	default:
		err = f.get(ctx, &page, u)
	}
	return page, err
}

// extract finds in a page what f looks for.
func (f *Fetcher) extract(ctx context.Context, page *Page, body io.Reader, contentType string, settle func(ascii bool)) (err error) {
	if f.selector == nil {
		page.Title, page.Charset, err = extract(body, contentType, settle)
		return err
	}
	return f.selectFrom(ctx, page, body, contentType)
}
