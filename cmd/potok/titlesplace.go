package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
	"github.com/potok-go/potok/titles"
)

// A fetchFunc is one attempt at a page.
type fetchFunc func(ctx context.Context, input string) (titles.Page, error)

// A pagePlace is where pages are fetched.
type pagePlace struct {
	fetch   fetchFunc
	close   func()
	cluster *pageCluster // nil: it is none
}

// place returns where pages are fetched as --on says. Which page is asked for, and when, is decided in this process, wherever it is
// fetched: so limits hold for the run, and not for each worker. An exitError has been told; any other is about the flags.
func (f *titlesFlags) place(ctx context.Context, args []string, errOut io.Writer) (*pagePlace, error) {
	fetcher, err := f.fetch.fetcher(f.workers) // also for what is wrong with the flags
	if err != nil {
		return nil, err
	}
	switch f.on {
	case "goroutines":
		return &pagePlace{fetch: fetcher.Fetch, close: fetcher.Close}, nil
	case "cluster":
		place, err := f.cluster.open(ctx, "titles", f.workers)
		if err != nil {
			return nil, tellFault(errOut, err)
		}
		c := newPageCluster(place, f.fetch, fetcher)
		return &pagePlace{c.fetch, c.close, c}, nil
	}
	workers := f.workers
	if len(f.lists) == 0 && !slices.Contains(args, "-") {
		workers = min(workers, len(args)) // a process more would have nothing to do
	}
	pool, err := process.NewPool(workers, process.WithName("titles"), process.Output(errOut), process.Init(prepareFetch, f.fetch))
	if err != nil {
		return nil, err
	}
	away := func(ctx context.Context, input string) (titles.Page, error) { return fetchIn(ctx, pool, input) }
	return &pagePlace{fetch: away, close: func() { pool.Close() }}, nil //nolint:errcheck // nothing runs any more
}

// fetched is what a worker says of a page.
type fetched struct {
	Page    titles.Page
	Failure *failure // nil: none
}

// failure is a titles.Error without what cannot be sent: of the error in it the text remains.
type failure struct {
	Kind, Text       string
	Retry, Unreached bool
	RetryAfter       time.Duration
	NoTitle          bool
}

var (
	// workerFetcher is what a worker fetches with. It is made before the first call.
	workerFetcher *titles.Fetcher

	prepareFetch = potok.Define("potok.titles.prepare", func(_ context.Context, f fetchFlags) (none struct{}, err error) {
		workerFetcher, err = f.fetcher(1)
		return none, err
	})
	fetchAway = potok.Define("potok.titles.fetch", func(ctx context.Context, input string) (fetched, error) {
		page, err := workerFetcher.Fetch(ctx, input)
		return fetched{page, failureOf(err)}, nil
	})
)

// fetchIn fetches a page in a worker. A worker that dies costs this page.
func fetchIn(ctx context.Context, pool *process.Pool, input string) (titles.Page, error) {
	// When ctx ends the call does, or its worker: what it was is worth waiting for.
	got, err := fetchAway.Submit(ctx, pool, input).Result(context.WithoutCancel(ctx))
	if err != nil {
		return titles.Page{Input: input}, &titles.Error{Kind: titles.KindIO, Err: err}
	}
	return got.Page, got.Failure.err()
}

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Kind: titles.KindOf(err), Text: err.Error(), NoTitle: errors.Is(err, titles.ErrNoTitle)}
	if e, ok := errors.AsType[*titles.Error](err); ok {
		f.Text, f.Retry, f.Unreached, f.RetryAfter = e.Err.Error(), e.Retry, e.Unreached, e.RetryAfter
	}
	return f
}

func (f *failure) err() error {
	if f == nil {
		return nil
	}
	text := errors.New(f.Text)
	if f.NoTitle {
		text = titles.ErrNoTitle
	}
	return &titles.Error{Kind: f.Kind, Err: text, Retry: f.Retry, Unreached: f.Unreached, RetryAfter: f.RetryAfter}
}
