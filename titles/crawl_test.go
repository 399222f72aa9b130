package titles

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
		return taking(time.Duration(len(input)*7919%100) * time.Millisecond)(ctx, input, attempt)
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

func TestASlowHostHoldsUpNobodyElse(t *testing.T) {
	w := newWeb(taking(10 * time.Millisecond))
	all := crawl(t, w, 8, fineInputs(pagesOf("slow", 1000), pagesOf("quick.example", 1000)),
		Every(time.Second), Unordered())
	if len(all) != 2000 {
		t.Fatalf("%d pages", len(all))
	}
	// Both hosts are limited: with the same rate they take equally long.
	if last := all[len(all)-1].at; last != 999*time.Second+10*time.Millisecond {
		t.Errorf("the last page came after %v", last)
	}
	for h, begun := range w.begun {
		for i := 1; i < len(begun); i++ {
			if d := begun[i].Sub(begun[i-1]); d < time.Second {
				t.Fatalf("%s was asked twice within %v", h, d)
			}
		}
	}
}

func TestPagesSetAsideAreReadLater(t *testing.T) {
	in := [][]string{pagesOf("slow", 500)}
	for i := range 1000 {
		in = append(in, []string{fmt.Sprintf("http://h%d/", i)})
	}
	w := newWeb(taking(10 * time.Millisecond))
	all := crawl(t, w, 4, fineInputs(in...), Every(time.Second), Unordered())
	others := time.Duration(0)
	for _, c := range all {
		if !strings.Contains(c.page.Input, "slow") {
			others = c.at
		}
	}
	if limit := 1000/3*10*time.Millisecond + time.Second; others > limit {
		t.Errorf("the other hosts were done after %v, want %v", others, limit)
	}
}

func TestAHostHasItsShareOfWorkers(t *testing.T) {
	w := newWeb(taking(time.Second))
	all := crawl(t, w, 32, fineInputs(pagesOf("a", 100), pagesOf("b", 100)), PerHost(3))
	if len(all) != 200 || w.most["a:80"] != 3 || w.most["b:80"] != 3 {
		t.Errorf("%d pages, at most %v at once", len(all), w.most)
	}
	if last := all[199].at; last != 34*time.Second {
		t.Errorf("it took %v", last)
	}
}

func TestAPortIsAHostOfItsOwn(t *testing.T) {
	for input, want := range map[string]string{
		"http://A.example./x":      "a.example:80",
		"https://a.example":        "a.example:443",
		"a.example":                "a.example:443",
		"http://a.example:8080/x":  "a.example:8080",
		"http://[::1]:80/":         "::1:80",
		"file:///etc/hosts":        "",
		"ftp://a.example/":         "",
		"./host.go":                "",
		"":                         "",
		"http://user@a.example/":   "a.example:80",
		"http://a.example:443/":    "a.example:443",
		"HTTPS://A.EXAMPLE:443/#x": "a.example:443",
	} {
		if got := hostOf(input); got != want {
			t.Errorf("hostOf(%q) = %q, want %q", input, got, want)
		}
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		err      error
		attempts int
	}{
		{&Error{Kind: KindReset, Err: errors.New("reset")}, 3},
		{&Error{Kind: KindTimeout, Err: errors.New("timed out")}, 3},
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
			return Page{}, &Error{Kind: KindReset, Err: errors.New("reset")}
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
			return Page{}, &Error{Kind: KindReset, Err: errors.New("reset")}
		}
		return Page{}, nil
	})
	all := crawl(t, w, 1, fineInputs(pagesOf("bad", 1), pagesOf("good", 100)), Unordered())
	if len(all) != 101 || all[100].page.Input != "http://bad/0" || all[99].at != 0 {
		t.Errorf("%d pages, the last %+v, the one before after %v", len(all), all[len(all)-1].page, all[99].at)
	}
}

func TestADeadHostFailsAtOnce(t *testing.T) {
	var back atomic.Bool
	refused := &Error{Kind: KindConnect, Err: errors.New("refused")}
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		if strings.HasPrefix(input, "http://dead") && !back.Load() {
			time.Sleep(time.Second)
			return Page{}, refused
		}
		return taking(time.Second)(ctx, input, attempt)
	})
	synctest.Test(t, func(t *testing.T) {
		pool := potok.NewPool(4)
		defer pool.Close()
		in := func(yield func(string, error) bool) {
			for i := range 1000 {
				if i == 900 {
					back.Store(true)
				}
				if i >= 100 {
					time.Sleep(time.Second)
				}
				if !yield(fmt.Sprintf("http://dead/%d", i), nil) {
					return
				}
			}
		}
		kinds := map[string]int{}
		for page, err := range NewCrawl(w.fetch, PerHost(1), Retries(0), Unordered()).Pages(t.Context(), pool, in) {
			kinds[KindOf(err)]++
			if KindOf(err) == KindDown && page.Attempts != 0 {
				t.Errorf("it was asked for: %+v", page)
			}
		}
		// Three failures, then one probe a minute for 800 seconds; from the first after that on all is fine.
		if probes := kinds[KindConnect] - 3; probes < 12 || probes > 14 || kinds[""] < 39 || kinds[KindDown] < 700 {
			t.Errorf("got %v", kinds)
		}
	})
}

func TestARunOfSuccessesForgetsFailures(t *testing.T) {
	n := 0
	w := newWeb(func(context.Context, string, int) (Page, error) {
		if n++; n%3 == 0 {
			return Page{}, nil
		}
		return Page{}, &Error{Kind: KindConnect, Err: errors.New("refused")}
	})
	for _, c := range crawl(t, w, 1, fineInputs(pagesOf("a", 100)), Retries(0)) {
		if KindOf(c.err) == KindDown {
			t.Fatal("two failures in a row are not three")
		}
	}
}

func TestADeadlineCoversAllAttempts(t *testing.T) {
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		if attempt < 3 {
			time.Sleep(time.Second)
			return Page{}, &Error{Kind: KindReset, Err: errors.New("reset")}
		}
		return taking(time.Hour)(ctx, input, attempt)
	})
	for _, c := range crawl(t, w, 1, fineInputs(pagesOf("a", 5)), Deadline(10*time.Second), Unordered()) {
		if c.err == nil || c.page.Took > 10*time.Second {
			t.Errorf("got %+v, %v", c.page, c.err)
		}
	}
	w = newWeb(func(context.Context, string, int) (Page, error) {
		return Page{}, &Error{Kind: KindReset, Err: errors.New("reset")}
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

func TestHostsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(&NewCrawl(newWeb(nil).fetch, Every(time.Second), Unordered()).crawlSettings, 4)
		for i := range 1000 {
			if err := s.inputs.TryPut(arrival{input: fmt.Sprintf("http://h%d/", i)}); err != nil {
				t.Fatal(err)
			}
			j, _, _ := s.next(time.Now())
			if j == nil {
				t.Fatal("no job")
			}
			var err error
			if i%2 == 0 {
				err = &Error{Kind: KindConnect, Err: errors.New("refused")}
			}
			j.page.Attempts = 99
			s.settle(j, err)
			time.Sleep(100 * time.Millisecond)
			if known := len(s.hosts); known > 700+600 {
				t.Fatalf("%d hosts are known", known)
			}
		}
		time.Sleep(2 * time.Minute)
		s.next(time.Now())
		if len(s.hosts) != 0 {
			t.Errorf("%d hosts are known for ever: %v", len(s.hosts), slices.Collect(maps.Keys(s.hosts))[:3])
		}
	})
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
