package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/titles"
)

const (
	// pagesOut is how many pages are with the workers of a cluster at a time, running or waiting for a place.
	pagesOut = 1024
	// keptFetchers is for how many sets of flags a worker keeps its connections.
	keptFetchers = 16
	// fetcherWorkers is how many pages a worker's Fetcher expects at once.
	fetcherWorkers = 64
)

// A pageCall is all that a worker elsewhere needs to know. It is a page's name in a run, too: with other flags it is another page.
type pageCall struct {
	Flags fetchFlags
	URL   string
}

// fetchPage fetches a page on a worker of a cluster. How a page fails is a result like its title; an error is what the call died of.
var fetchPage = potok.Define("potok.titles.page", func(ctx context.Context, c pageCall) (fetched, error) {
	if !isWeb(c.URL) { // no file of the worker's
		return fetched{}, potok.Permanent(errors.New("no address of the web: " + c.URL))
	}
	fetcher, err := fetchers.get(c.Flags)
	if err != nil {
		return fetched{}, potok.Permanent(err)
	}
	page, err := fetcher.Fetch(ctx, c.URL)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return fetched{}, cause // nobody wants it any more: that says nothing of the page
	}
	return fetched{page, failureOf(err)}, nil
})

// fetchers are those of a worker.
var fetchers fetcherCache

// fetcherCache is of Fetchers by their flags. The zero value is ready.
type fetcherCache struct {
	mu   sync.Mutex // guards made; held while a Fetcher is made, which does not block
	made map[string]*titles.Fetcher
}

func (c *fetcherCache) get(f fetchFlags) (*titles.Fetcher, error) {
	key, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if made := c.made[string(key)]; made != nil {
		return made, nil
	}
	made, err := f.fetcher(fetcherWorkers)
	if err != nil {
		return nil, err
	}
	if c.made == nil {
		c.made = make(map[string]*titles.Fetcher)
	}
	for old, fetcher := range c.made {
		if len(c.made) < keptFetchers {
			break
		}
		delete(c.made, old)
		fetcher.Close() // it ends what it has begun
	}
	c.made[string(key)] = made
	return made, nil
}

// close lets go of the connections.
func (c *fetcherCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, fetcher := range c.made {
		fetcher.Close()
	}
	c.made = nil
}

// isWeb says whether an address can mean a page of the web only.
func isWeb(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// webAddress returns the URL of an input that is not read here: a file is, as workers elsewhere do not have it, and what is no address.
func webAddress(input string) (url string, ok bool) {
	if strings.Contains(input, "://") {
		return input, isWeb(input)
	}
	if input == "" || strings.ContainsRune(input, 0) || strings.HasPrefix(input, ".") || strings.ContainsAny(input[:1], `/\`) {
		return "", false
	}
	if _, err := os.Stat(input); err == nil {
		return "", false
	}
	return "https://" + input, true
}

// errWithdrawn is of a page that was not begun when the run was to end: it is as if it had not been read.
var errWithdrawn = errors.New("not begun")

// pageCluster fetches pages on a cluster.
type pageCluster struct {
	*clusterPlace

	flags   fetchFlags
	fetcher *titles.Fetcher // for what is read here

	leaving  context.Context //nolint:containedctx // ended: what waits for a worker need not begin
	withdraw context.CancelFunc

	cancelled context.Context //nolint:containedctx // ended: somebody else has cancelled the run
	tell      context.CancelFunc
}

func newPageCluster(place *clusterPlace, flags fetchFlags, fetcher *titles.Fetcher) *pageCluster {
	p := &pageCluster{clusterPlace: place, flags: flags, fetcher: fetcher}
	p.leaving, p.withdraw = context.WithCancel(context.Background())
	p.cancelled, p.tell = context.WithCancel(context.Background())
	return p
}

// fetch is one attempt at a page.
func (p *pageCluster) fetch(ctx context.Context, input string) (titles.Page, error) {
	url, ok := webAddress(input)
	if !ok {
		return p.fetcher.Fetch(ctx, input)
	}
	call := fetchPage.Submit(ctx, p, pageCall{p.flags, url})
	unwatch := context.AfterFunc(p.leaving, func() {
		if call.State() == potok.Pending { // as far as was heard; what begins just now ends
			call.Cancel()
		}
	})
	defer unwatch()
	got, err := call.Result(ctx) // not later: who runs it may be gone, and the answer with him
	switch {
	case err == nil:
		got.Page.Input = input
		return got.Page, got.Failure.err()
	case errors.Is(err, context.DeadlineExceeded):
		return titles.Page{Input: input}, &titles.Error{Kind: titles.KindTimeout, Err: errors.New("timed out"), Retry: true}
	case p.leaving.Err() != nil && errors.Is(err, potok.ErrCancelled):
		err = errWithdrawn
	case ctx.Err() == nil && errors.Is(err, potok.ErrCancelled):
		p.tell()
		err = errWithdrawn
	}
	return titles.Page{Input: input}, &titles.Error{Kind: titles.KindIO, Err: err}
}

func (p *pageCluster) close() {
	p.Close() //nolint:errcheck // what is not done is cancelled
	p.fetcher.Close()
	fetchers.close()
}
