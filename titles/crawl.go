package titles

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/potok-go/potok"
)

// A Crawl reads many pages at once without being rude: how many of a host, how often, and what to do when one fails. No worker waits
// for a host, a rate or another attempt: the page is set aside and one of the next host is read.
//
//	in ──► queue ──► schedule ──► workers ──► pages, in order or as they come
//	                    ▲             │
//	                    └─ once more ◄┘
//
// It is safe for concurrent use; hosts are counted anew in every Pages.
type Crawl struct {
	crawlSettings

	fetch func(ctx context.Context, input string) (Page, error)

	mu      sync.Mutex // guards the fields below; never held while blocking
	running []*schedule
	stopped bool
}

// NewCrawl makes a Crawl whose pages are read by fetch, a Fetcher's Fetch for one. fetch is one attempt; by its errors the Crawl knows
// whether there will be another. A nil fetch panics.
func NewCrawl(fetch func(ctx context.Context, input string) (Page, error), opts ...CrawlOption) *Crawl {
	if fetch == nil {
		panic("potok: NewCrawl: nil fetch")
	}
	c := &Crawl{fetch: fetch, crawlSettings: crawlSettings{
		perHost: DefaultPerHost, retries: DefaultRetries, maxWait: DefaultMaxWait, deadHost: DefaultDeadHost,
	}}
	for _, o := range opts {
		o.apply(&c.crawlSettings)
	}
	return c
}

// Stop begins no page any more, neither new ones nor further attempts. Those that are read now are finished and yielded; then the
// sequences end, without an error. It does not block.
func (c *Crawl) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	for _, s := range c.running {
		s.stop()
	}
}

// Pages reads the pages that in names with the workers of pool and yields each with its error, in the order of in unless Unordered or
// Early was given. An input that comes with an error is not read but yielded with that error in its place. in is pulled on another goroutine than
// the loop's, and only so far ahead as the queue, the pages set aside and the order need; one that can block must end with ctx.
//
// It blocks while nothing is ready. When ctx ends, what runs is told to end, what has been read is yielded, and last an error that
// matches ctx's; when pool closes, the same with potok.ErrClosed. Leaving the range early cancels what runs. All that it started has
// ended when the range ends. The pool should have no other work, or rates are kept less exactly.
func (c *Crawl) Pages(ctx context.Context, pool *potok.Pool, in iter.Seq2[string, error]) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		workers := pool.Stats().Workers
		s := newSchedule(&c.crawlSettings, workers)
		attempt := func(ctx context.Context, j *job) (*job, error) { return s.attempt(ctx, j, c.fetch) }
		c.begin(s)
		defer c.end(s)
		reading, cancel := context.WithCancel(ctx)
		var reader sync.WaitGroup
		var panicked any
		reader.Go(func() { panicked = s.read(reading, in) })
		defer reader.Wait()
		defer s.inputs.CloseNow()
		defer cancel()

		whole := s.pages(yield, potok.Map(ctx, pool, s.jobs(ctx), attempt,
			potok.Unordered(), potok.Lookahead(workers), potok.Chunk(1)))
		cancel()
		s.inputs.CloseNow()
		if reader.Wait(); panicked != nil && whole {
			panic(panicked)
		}
	}
}

// pages yields what comes of the attempts. False: the range was left.
func (s *schedule) pages(yield func(Page, error) bool, attempts iter.Seq2[*job, error]) bool {
	give := func(ready []*job) (all bool) {
		defer func() {
			if !all { // also when the loop panics: Map waits for its input, which waits for news
				s.stop()
			}
		}()
		for _, j := range ready {
			if !yield(j.page, j.err) {
				return false
			}
		}
		return true
	}
	var fault error
	for j, err := range attempts {
		if j == nil && errors.Is(err, potok.ErrGoexit) {
			j = s.exit()
		}
		if j == nil { // it did not run
			fault = err
		} else if !give(s.settle(j, err)) {
			return false
		}
	}
	if !give(s.rest()) {
		return false
	}
	return fault == nil || yield(Page{}, fault)
}

func (c *Crawl) begin(s *schedule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, s)
	if c.stopped {
		s.stop()
	}
}

func (c *Crawl) end(s *schedule) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = slices.DeleteFunc(c.running, func(other *schedule) bool { return other == s })
}

// attempt reads the page once, on a worker.
func (s *schedule) attempt(ctx context.Context, j *job, fetch func(context.Context, string) (Page, error)) (back *job, err error) {
	if j.err != nil {
		return j, j.err
	}
	if s.isDown(j) {
		return j, errDown
	}
	before, begin, returned := j.page, time.Now(), false
	defer func() {
		j.page.Number = before.Number
		j.page.Attempts = before.Attempts + 1
		j.page.Took = before.Took + time.Since(begin)
		v := recover()
		if v != nil { // this page's failure: the error alone would not say which page it was
			back, err = j, &potok.PanicError{Value: v, Stack: debug.Stack()}
		}
		s.judge(j, err, v == nil && !returned)
	}()
	if !j.deadline.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, j.deadline, errTimeout)
		defer stop()
	}
	j.page, err = fetch(ctx, before.Input)
	returned = true
	return j, err
}

// read is the reader's goroutine. It returns what in panicked with.
func (s *schedule) read(ctx context.Context, in iter.Seq2[string, error]) (panicked any) {
	defer func() {
		panicked = recover()
		s.inputs.Close()
		s.poke()
	}()
	for input, err := range in {
		if s.inputs.Put(ctx, arrival{input, err}) != nil {
			return nil
		}
		s.poke()
	}
	return nil
}
