package titles

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

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

func TestADeadHostFailsAtOnce(t *testing.T) {
	var back atomic.Bool
	w := newWeb(func(ctx context.Context, input string, attempt int) (Page, error) {
		if strings.HasPrefix(input, "http://dead") && !back.Load() {
			time.Sleep(time.Second)
			return Page{}, errRefused
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
		return Page{}, errRefused
	})
	for _, c := range crawl(t, w, 1, fineInputs(pagesOf("a", 100)), Retries(0)) {
		if KindOf(c.err) == KindDown {
			t.Fatal("two failures in a row are not three")
		}
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
				err = errRefused
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
