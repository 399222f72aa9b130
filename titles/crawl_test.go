package titles

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// web is a fetch without a network: what it answers, and what it saw.
type web struct {
	answer func(ctx context.Context, input string, attempt int) (Page, error)

	mu       sync.Mutex // guards the fields below
	attempts map[string]int
	active   map[string]int // by host
	most     map[string]int
	begun    map[string][]time.Time // by host
}

func newWeb(answer func(ctx context.Context, input string, attempt int) (Page, error)) *web {
	return &web{
		answer: answer, attempts: map[string]int{}, active: map[string]int{}, most: map[string]int{}, begun: map[string][]time.Time{},
	}
}

func (w *web) fetch(ctx context.Context, input string) (Page, error) {
	h := hostOf(input)
	w.mu.Lock()
	w.attempts[input]++
	attempt := w.attempts[input]
	w.active[h]++
	w.most[h] = max(w.most[h], w.active[h])
	w.begun[h] = append(w.begun[h], time.Now())
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.active[h]--
		w.mu.Unlock()
	}()
	page, err := w.answer(ctx, input, attempt)
	page.Input = input
	return page, err
}

var (
	errReset   = &Error{Kind: KindReset, Err: errors.New("reset"), Retry: true}
	errRefused = &Error{Kind: KindConnect, Err: errors.New("refused"), Retry: true, Unreached: true}
)

// taking answers every page after d.
func taking(d time.Duration) func(context.Context, string, int) (Page, error) {
	return func(ctx context.Context, _ string, _ int) (Page, error) {
		select {
		case <-time.After(d):
			return Page{Title: "fine"}, nil
		case <-ctx.Done():
			return Page{}, &Error{Kind: KindTimeout, Err: context.Cause(ctx)}
		}
	}
}

// pagesOf are n pages of a host.
func pagesOf(host string, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("http://%s/%d", host, i))
	}
	return all
}

func fineInputs(lists ...[]string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, list := range lists {
			for _, input := range list {
				if !yield(input, nil) {
					return
				}
			}
		}
	}
}

// crawled is what came of one page, and when.
type crawled struct {
	page Page
	err  error
	at   time.Duration
}

// crawl runs fn in a bubble with everything that a Crawl of these pages yields.
func crawl(t *testing.T, w *web, workers int, in iter.Seq2[string, error], opts ...CrawlOption) (all []crawled) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pool := potok.NewPool(workers)
		defer pool.Close()
		begin := time.Now()
		for page, err := range NewCrawl(w.fetch, opts...).Pages(t.Context(), pool, in) {
			all = append(all, crawled{page, err, time.Since(begin)})
		}
	})
	return all
}

func TestACrawlKeepsTheOrder(t *testing.T) {
	in := pagesOf("a", 1000)
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		return taking(time.Duration(len(input)*7919%100)*time.Millisecond)(ctx, input, attempt)
	})
	all := crawl(t, w, 16, fineInputs(in), PerHost(0))
	var got []string
	for _, c := range all {
		if c.err != nil || c.page.Title != "fine" || c.page.Attempts != 1 || c.page.Took == 0 && len(c.page.Input)*7919%100 > 0 {
			t.Fatalf("got %+v, %v", c.page, c.err)
		}
		got = append(got, c.page.Input)
	}
	if !slices.Equal(got, in) {
		t.Error("the pages are in another order than their inputs")
	}
}

func TestEarlyPagesComeAtOnceWithTheirNumbers(t *testing.T) {
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		if input == "http://a/0" {
			return taking(time.Hour)(ctx, input, attempt)
		}
		return taking(time.Second)(ctx, input, attempt)
	})
	in := pagesOf("a", 11_000)
	all := crawl(t, w, 100, fineInputs(in), PerHost(0), Early())
	seen := make([]bool, len(in))
	for i, c := range all {
		seen[c.page.Number] = true
		if c.page.Input != in[c.page.Number] {
			t.Fatalf("%s has number %d", c.page.Input, c.page.Number)
		}
		if late := c.at >= time.Hour; late != (i >= OrderWindow-1) {
			t.Fatalf("page %d came after %v", i, c.at)
		}
	}
	if len(all) != len(in) || slices.Contains(seen, false) {
		t.Errorf("%d pages of %d", len(all), len(in))
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		err      error
		attempts int
	}{
		{errReset, 3},
		{&Error{Kind: KindTimeout, Err: errors.New("timed out"), Retry: true}, 3},
		{&Error{Kind: KindDNS, Err: errors.New("unknown name")}, 1},
		{&Error{Kind: KindTLS, Err: errors.New("bad certificate")}, 1},
		{&Error{Kind: KindNoTitle, Err: ErrNoTitle}, 1},
		{errors.New("anything"), 1},
	} {
		w := newWeb(func(context.Context, string, int) (Page, error) { return Page{Status: 7}, c.err })
		all := crawl(t, w, 2, fineInputs(pagesOf("a", 1)))
		if len(all) != 1 || !errors.Is(all[0].err, c.err) || all[0].page.Attempts != c.attempts || all[0].page.Status != 7 {
			t.Errorf("%v: got %+v", c.err, all)
		}
		if all[0].at > firstPause+2*firstPause {
			t.Errorf("%v: gave up after %v", c.err, all[0].at)
		}
	}
}

func TestAPageThatComesAtLastIsGood(t *testing.T) {
	w := newWeb(func(_ context.Context, _ string, attempt int) (Page, error) {
		if attempt < 4 {
			return Page{}, errReset
		}
		return Page{Title: "here"}, nil
	})
	all := crawl(t, w, 2, fineInputs(pagesOf("a", 3)), Retries(3))
	for _, c := range all {
		if c.err != nil || c.page.Title != "here" || c.page.Attempts != 4 {
			t.Errorf("got %+v, %v", c.page, c.err)
		}
	}
}

func TestAWorkerDoesNotWaitForAnotherAttempt(t *testing.T) {
	w := newWeb(func(_ context.Context, input string, attempt int) (Page, error) {
		if strings.HasPrefix(input, "http://bad") && attempt < 3 {
			return Page{}, errReset
		}
		return Page{}, nil
	})
	all := crawl(t, w, 1, fineInputs(pagesOf("bad", 1), pagesOf("good", 100)), Unordered())
	if len(all) != 101 || all[100].page.Input != "http://bad/0" || all[99].at != 0 {
		t.Errorf("%d pages, the last %+v, the one before after %v", len(all), all[len(all)-1].page, all[99].at)
	}
}

func TestAServerSaysWhenToComeBack(t *testing.T) {
	busy := func(after time.Duration) *web {
		return newWeb(func(_ context.Context, _ string, attempt int) (Page, error) {
			if attempt < 3 {
				return Page{Status: 503}, &Error{Kind: KindHTTP, Err: errors.New("busy"), Retry: true, RetryAfter: after}
			}
			return Page{}, nil
		})
	}
	all := crawl(t, busy(time.Minute), 1, fineInputs(pagesOf("a", 1)))
	if all[0].err != nil || all[0].at != 2*time.Minute {
		t.Errorf("got %+v", all)
	}
	all = crawl(t, busy(time.Minute+1), 1, fineInputs(pagesOf("a", 1)))
	if KindOf(all[0].err) != KindHTTP || all[0].at != 0 || !strings.Contains(all[0].err.Error(), "asks to wait") {
		t.Errorf("got %+v", all)
	}
	all = crawl(t, busy(2*time.Minute), 1, fineInputs(pagesOf("a", 1)), MaxWait(time.Hour), Deadline(3*time.Minute))
	if KindOf(all[0].err) != KindHTTP || all[0].at != 2*time.Minute || !strings.Contains(all[0].err.Error(), "no time is left") {
		t.Errorf("got %+v", all)
	}
}

func TestADeadlineCoversAllAttempts(t *testing.T) {
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		if attempt < 3 {
			time.Sleep(time.Second)
			return Page{}, errReset
		}
		return taking(time.Hour)(ctx, input, attempt)
	})
	for _, c := range crawl(t, w, 1, fineInputs(pagesOf("a", 5)), Deadline(10*time.Second), Unordered()) {
		if c.err == nil || c.page.Took > 10*time.Second {
			t.Errorf("got %+v, %v", c.page, c.err)
		}
	}
	w = newWeb(func(context.Context, string, int) (Page, error) {
		return Page{}, errReset
	})
	all := crawl(t, w, 1, fineInputs(pagesOf("a", 1)), Deadline(time.Nanosecond))
	if all[0].page.Attempts != 1 || all[0].at != 0 || KindOf(all[0].err) != KindReset {
		t.Errorf("got %+v", all)
	}
}

func TestAnInputThatIsNoneStandsInItsPlace(t *testing.T) {
	bad := errors.New("too long")
	in := func(yield func(string, error) bool) {
		_ = yield("http://a/0", nil) && yield("xxx", bad) && yield("http://a/1", nil)
	}
	w := newWeb(taking(time.Second))
	all := crawl(t, w, 1, in)
	if len(all) != 3 || !errors.Is(all[1].err, bad) || all[1].page.Input != "xxx" || w.attempts["xxx"] != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestStopFinishesWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := potok.NewPool(4)
		defer pool.Close()
		w := newWeb(taking(time.Minute))
		c := NewCrawl(w.fetch)
		time.AfterFunc(90*time.Second, c.Stop)
		n := 0
		for page, err := range c.Pages(t.Context(), pool, fineInputs(pagesOf("a", 100))) {
			if n++; err != nil || page.Title != "fine" {
				t.Errorf("got %+v, %v", page, err)
			}
		}
		if n != 8 {
			t.Errorf("%d pages, want the 4 before and the 4 that ran", n)
		}
		for range c.Pages(t.Context(), pool, fineInputs(pagesOf("a", 100))) {
			t.Error("a stopped Crawl begins a page")
		}
	})
}

func TestACrawlEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := potok.NewPool(4)
		defer pool.Close()
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(90*time.Second, func() { cancel(why) })
		w := newWeb(taking(time.Minute))
		var last error
		good := 0
		for _, err := range NewCrawl(w.fetch).Pages(ctx, pool, fineInputs(pagesOf("a", 100))) {
			if last = err; err == nil {
				good++
			}
		}
		if good != 4 || !errors.Is(last, why) || !errors.Is(last, context.Canceled) {
			t.Errorf("%d good pages, then %v", good, last)
		}
	})
}

func TestLeavingACrawlEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		pool := potok.NewPool(4)
		defer pool.Close()
		w := newWeb(taking(time.Second))
		for range NewCrawl(w.fetch).Pages(t.Context(), pool, fineInputs(pagesOf("a", 100_000))) {
			break
		}
		for range NewCrawl(w.fetch).Pages(t.Context(), pool, fineInputs(pagesOf("a", 2))) { // nothing is left to begin
			break
		}
		defer func() {
			if recover() != "loop" {
				t.Error("the panic of a loop is gone")
			}
		}()
		for range NewCrawl(w.fetch).Pages(t.Context(), pool, fineInputs(pagesOf("a", 2))) {
			panic("loop")
		}
	})
}

func TestInputsAreNotReadFarAhead(t *testing.T) {
	for name, opts := range map[string][]CrawlOption{"set aside": {Every(time.Hour), Unordered()}, "ordered": {PerHost(0)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pool := potok.NewPool(4)
				defer pool.Close()
				read := 0
				in := func(yield func(string, error) bool) {
					for read < 100_000 && yield(fmt.Sprintf("http://a/%d", read), nil) {
						read++
					}
				}
				w := newWeb(func(ctx context.Context, input string, _ int) (Page, error) {
					if input == "http://a/0" {
						<-ctx.Done()
					}
					return Page{}, ctx.Err()
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for range NewCrawl(w.fetch, opts...).Pages(ctx, pool, in) {
				}
				if read < 10_000 || read > 10_100 {
					t.Errorf("%d inputs were read", read)
				}
			})
		})
	}
}

func TestAPanicCostsOnePage(t *testing.T) {
	w := newWeb(func(_ context.Context, input string, _ int) (Page, error) {
		switch input {
		case "http://a/1":
			panic("page")
		case "http://a/2":
			runtime.Goexit()
		}
		return Page{}, nil
	})
	all := crawl(t, w, 2, fineInputs(pagesOf("a", 4)))
	if len(all) != 4 || !errors.Is(all[2].err, potok.ErrGoexit) || all[2].page.Input != "http://a/2" {
		t.Fatalf("got %+v", all)
	}
	if _, ok := errors.AsType[*potok.PanicError](all[1].err); !ok || all[1].page.Input != "http://a/1" {
		t.Errorf("got %+v", all)
	}
}

func TestAPanicOfTheInputReachesTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := potok.NewPool(2)
		defer pool.Close()
		n := 0
		defer func() {
			if v := recover(); v != "input" || n != 1 {
				t.Errorf("recovered %v after %d pages", v, n)
			}
		}()
		in := func(yield func(string, error) bool) {
			yield("http://a/", nil)
			panic("input")
		}
		for range NewCrawl(newWeb(taking(0)).fetch).Pages(t.Context(), pool, in) {
			n++
		}
	})
}
