package titles

import "time"

// OrderWindow is how many inputs may be read from the first on whose page is not there, but with Unordered.
const OrderWindow = 10_000

// What a Crawl does if no option says otherwise.
const (
	DefaultPerHost  = 6
	DefaultRetries  = 2
	DefaultMaxWait  = 60 * time.Second
	DefaultDeadHost = 3
)

const (
	// setAside is how many pages may wait for their host, their rate or another attempt before no more inputs are read.
	setAside = 10_000
	// probeEvery is how often a host that is down is asked whether it is still.
	probeEvery = time.Minute
	// The pause before another attempt is random, from nothing to a bound that doubles with each: "full jitter" (Brooker, Exponential
	// Backoff And Jitter, AWS Architecture Blog, 2015).
	firstPause, lastPause = 500 * time.Millisecond, 30 * time.Second
)

type crawlSettings struct {
	queue     int // 0: twice as many as workers
	perHost   int // 0: no limit
	interval  time.Duration
	retries   int
	maxWait   time.Duration
	deadline  time.Duration // 0: none
	deadHost  int           // 0: never
	unordered bool
	early     bool
}

// CrawlOption changes what a Crawl does; see NewCrawl.
type CrawlOption interface{ apply(c *crawlSettings) }

type crawlOption func(*crawlSettings)

func (o crawlOption) apply(c *crawlSettings) { o(c) }

// Queue is how many inputs may be read before a worker wants them (two for each worker). It panics unless n is positive.
func Queue(n int) CrawlOption {
	if n < 1 {
		panic("potok: Queue: not positive")
	}
	return crawlOption(func(c *crawlSettings) { c.queue = n })
}

// PerHost is how many pages of a host and port are read at once (DefaultPerHost); 0 means as many as there are workers. Negative n
// panics.
func PerHost(n int) CrawlOption {
	if n < 0 {
		panic("potok: PerHost: negative")
	}
	return crawlOption(func(c *crawlSettings) { c.perHost = n })
}

// Every is the least time between the beginnings of two attempts at a host and port (none). Negative d panics.
func Every(d time.Duration) CrawlOption {
	if d < 0 {
		panic("potok: Every: negative")
	}
	return crawlOption(func(c *crawlSettings) { c.interval = d })
}

// Retries is how often a page is tried again that failed in a way that may pass (DefaultRetries). Negative n panics.
func Retries(n int) CrawlOption {
	if n < 0 {
		panic("potok: Retries: negative")
	}
	return crawlOption(func(c *crawlSettings) { c.retries = n })
}

// MaxWait is how long a Retry-After may ask a page to wait (DefaultMaxWait): one that asks for more has failed. Negative d panics.
func MaxWait(d time.Duration) CrawlOption {
	if d < 0 {
		panic("potok: MaxWait: negative")
	}
	return crawlOption(func(c *crawlSettings) { c.maxWait = d })
}

// Deadline is the time for one page from its first attempt on, with its further attempts and the pauses between them (none). It panics
// unless d is positive.
func Deadline(d time.Duration) CrawlOption {
	if d <= 0 {
		panic("potok: Deadline: not positive")
	}
	return crawlOption(func(c *crawlSettings) { c.deadline = d })
}

// DeadHost is how many connections to a host and port must fail in a row before its other pages fail at once, with KindDown, but for
// one a minute that looks whether it is back (DefaultDeadHost); 0 means never. Negative n panics.
func DeadHost(n int) CrawlOption {
	if n < 0 {
		panic("potok: DeadHost: negative")
	}
	return crawlOption(func(c *crawlSettings) { c.deadHost = n })
}

// Early yields pages as they come, but reads no inputs farther ahead than OrderWindow, as if the order was kept: who wants it can restore
// it by Page.Number with so much memory.
func Early() CrawlOption { return crawlOption(func(c *crawlSettings) { c.early = true }) }

// Unordered yields pages as they come, however far those before them are behind.
func Unordered() CrawlOption { return crawlOption(func(c *crawlSettings) { c.unordered = true }) }
