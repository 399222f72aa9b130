package titles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// serveRobots runs a server of that robots.txt, and counts how often it was asked for.
func serveRobots(t *testing.T, robots http.HandlerFunc) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	address, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			asked.Add(1)
			robots(w, r)
			return
		}
		io.WriteString(w, river)
	})
	return address, asked
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestRobotsRulesHold(t *testing.T) {
	all := "User-agent: *\nDisallow: /\n"
	for name, c := range map[string]struct {
		robots        string
		allow, forbid []string
	}{
		"empty":               {"", []string{"/", "/a"}, nil},
		"for all":             {all, nil, []string{"/", "/a?b"}},
		"for all, by pattern": {"User-agent: *\nDisallow: *\n", nil, []string{"/", "/a"}},
		"not for us":          {"User-agent: other\nDisallow: /\n", []string{"/"}, nil},
		"not for a shorter":   {"User-agent: p\nDisallow: /\n", []string{"/"}, nil},
		"for us":              {"User-agent: Potok/1.0\nDisallow: /a\n\n" + all, []string{"/", "/b"}, []string{"/a", "/a/b"}},
		"for us, nothing":     {"User-agent: potok\nDisallow:\n\n" + all, []string{"/", "/b"}, nil},
		"for us twice":        {"User-agent: potok\nDisallow: /a\n\nUser-agent: potok\nDisallow: /b\n", []string{"/c"}, []string{"/a", "/b"}},
		"for us and another":  {"User-agent: x\nUser-agent: potok\nDisallow: /a\n", []string{"/b"}, []string{"/a"}},
		"longest counts":      {"User-agent: *\nDisallow: /a\nAllow: /a/b\n", []string{"/a/b/c"}, []string{"/a/c"}},
		"patterns":            {"User-agent: *\nDisallow: /*.php$\nDisallow: /x*y\n", []string{"/a.php?b", "/xz"}, []string{"/a.php", "/xzzy"}},
		"query":               {"User-agent: *\nDisallow: /a?b\n", []string{"/a", "/a?c"}, []string{"/a?b=c"}},
		"other letters":       {"User-agent: *\nDisallow: /река\n", []string{"/"}, []string{"/река", "/%D1%80%D0%B5%D0%BA%D0%B0/x"}},
		"comments and CR":     {"\xef\xbb\xbf# x\rUser-agent: * # y\r\n Disallow : /a # z\r", []string{"/b"}, []string{"/a"}},
		"odd lines":           {"Disallow: /b\nnonsense\nUser-agent: *\nCrawl-delay: soon\nHost\nDisallow: /a\n", []string{"/b"}, []string{"/a"}},
	} {
		t.Run(name, func(t *testing.T) {
			address, asked := serveRobots(t, text(c.robots))
			f := fetcher(t, Robots())
			for _, path := range c.allow {
				if page, err := f.Fetch(limit(t), address+path); page.Title != "River" || err != nil {
					t.Errorf("%s: %+v, %v", path, page, err)
				}
			}
			for _, path := range c.forbid {
				if page, err := f.Fetch(limit(t), address+path); KindOf(err) != KindRobots || Retryable(err) || page.Status != 0 {
					t.Errorf("%s: %+v, %v", path, page, err)
				}
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("robots.txt was asked for %d times", n)
			}
		})
	}
}

func TestRobotsByStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   string
	}{{404, ""}, {401, ""}, {403, ""}, {429, ""}, {304, ""}, {500, KindRobots}, {503, KindRobots}} {
		address, asked := serveRobots(t, status(c.status))
		f := fetcher(t, Robots())
		for range 2 {
			if _, err := f.Fetch(limit(t), address); KindOf(err) != c.kind {
				t.Errorf("status %d: %v of kind %q, want kind %q", c.status, err, KindOf(err), c.kind)
			}
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("status %d: asked for %d times", c.status, n)
		}
	}
}

func TestRobotsThatCannotBeHadFailAsTheHostDoes(t *testing.T) {
	address := serveRaw(t, reset)
	if _, err := fetcher(t, Robots()).Fetch(limit(t), address); KindOf(err) != KindReset || !Retryable(err) {
		t.Errorf("reset: %v of kind %q", err, KindOf(err))
	}
	if _, err := fetcher(t, Robots()).Fetch(limit(t), unused(t)); KindOf(err) != KindConnect || !Unreached(err) || !Retryable(err) {
		t.Errorf("refused: %v of kind %q", err, KindOf(err))
	}
	if _, err := fetcher(t, Robots(), Timeout(50*time.Millisecond)).Fetch(limit(t), serveRaw(t, untilClosed)); KindOf(err) != KindTimeout {
		t.Errorf("stalled: %v of kind %q", err, KindOf(err))
	}
}

func TestRobotsFollowRedirects(t *testing.T) {
	elsewhere, _ := serve(t, text("User-agent: *\nDisallow: /a\n"))
	for n, kind := range map[int]string{0: KindRobots, 4: KindRobots, 5: ""} {
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			var i int
			if _, err := fmt.Sscanf(r.URL.Path, "/robots%d", &i); err != nil && r.URL.Path != "/robots.txt" {
				io.WriteString(w, river)
				return
			}
			if i == n {
				http.Redirect(w, r, elsewhere+"/x", http.StatusFound)
				return
			}
			http.Redirect(w, r, fmt.Sprintf("/robots%d", i+1), http.StatusFound)
		})
		if page, err := fetcher(t, Robots()).Fetch(limit(t), address+"/a"); KindOf(err) != kind {
			t.Errorf("%d redirects and one: %+v, %v", n, page, err)
		}
	}
}

func TestRobotsOfEveryRedirectCount(t *testing.T) {
	closed, asked := serveRobots(t, text("User-agent: *\nDisallow: /\n"))
	open, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/robots.txt" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		http.Redirect(w, r, closed+"/a", http.StatusFound)
	})
	page, err := fetcher(t, Robots()).Fetch(limit(t), open)
	if KindOf(err) != KindRobots || page.URL != closed+"/a" || asked.Load() != 1 {
		t.Errorf("Fetch = %+v, %v; asked %d times", page, err, asked.Load())
	}
}

func TestRobotsAreFetchedOnceForAll(t *testing.T) {
	release := make(chan struct{})
	address, asked := serveRobots(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	f := fetcher(t, Robots())
	var fetches sync.WaitGroup
	for range 20 {
		fetches.Go(func() {
			if page, err := f.Fetch(limit(t), address); page.Title != "River" || err != nil {
				t.Errorf("Fetch = %+v, %v", page, err)
			}
		})
	}
	// One that waits leaves when its ctx ends, and disturbs nobody.
	poll(t, func() bool { return asked.Load() == 1 })
	ctx, cancel := context.WithTimeout(limit(t), time.Millisecond)
	defer cancel()
	if _, err := f.Fetch(ctx, address); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch = %v", err)
	}
	close(release)
	fetches.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("robots.txt was asked for %d times", n)
	}
}

func TestRobotsGivenUpAreFetchedByTheNext(t *testing.T) {
	var first atomic.Bool
	address, asked := serveRobots(t, func(_ http.ResponseWriter, r *http.Request) {
		if first.CompareAndSwap(false, true) {
			<-r.Context().Done()
		}
	})
	f := fetcher(t, Robots())
	ctx, cancel := context.WithCancel(limit(t))
	var fetches sync.WaitGroup
	fetches.Go(func() {
		if _, err := f.Fetch(ctx, address); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
	poll(t, func() bool { return asked.Load() == 1 })
	for range 5 {
		fetches.Go(func() {
			if page, err := f.Fetch(limit(t), address); page.Title != "River" || err != nil {
				t.Errorf("Fetch = %+v, %v", page, err)
			}
		})
	}
	cancel()
	fetches.Wait()
	if n := asked.Load(); n != 2 {
		t.Errorf("robots.txt was asked for %d times", n)
	}
}

func TestHugeRobotsCountForTheirBeginning(t *testing.T) {
	address, _ := serveRobots(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "User-agent: *\nDisallow: /a\n")
		io.CopyN(w, zeros{}, 2<<20)
	})
	f := fetcher(t, Robots())
	if _, err := f.Fetch(limit(t), address+"/a"); KindOf(err) != KindRobots {
		t.Errorf("Fetch = %v", err)
	}
	if page, err := f.Fetch(limit(t), address+"/b"); page.Title != "River" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestRobotsOfManyHostsAreForgotten(t *testing.T) {
	r := newRobots(DefaultUserAgent)
	now := time.Now()
	add := func(i, size int) {
		e, first := r.entry(fmt.Sprint("http://", i), now)
		if !first {
			t.Fatalf("host %d is known", i)
		}
		e.rules, e.expires = rulesOf(404, nil, ""), now.Add(robotsKept)
		e.size += size
		r.bytes += size
		close(e.done)
	}
	for i := range 2 * robotsHosts {
		add(i, 0)
	}
	if len(r.hosts) != robotsHosts || r.recent.Len() != robotsHosts || r.bytes > robotsBytes {
		t.Errorf("%d hosts, %d in the list, %d bytes", len(r.hosts), r.recent.Len(), r.bytes)
	}
	if _, first := r.entry(fmt.Sprint("http://", 2*robotsHosts-1), now.Add(robotsKept-1)); first {
		t.Error("the last host is not known")
	}
	if _, first := r.entry(fmt.Sprint("http://", 2*robotsHosts-1), now.Add(robotsKept)); !first {
		t.Error("the last host is known for ever")
	}
	for i := range 1000 {
		add(-1-i, robotsSize)
	}
	if r.bytes > robotsBytes+2*robotsSize || len(r.hosts) > robotsBytes/robotsSize+1 {
		t.Errorf("%d hosts of %d bytes", len(r.hosts), r.bytes)
	}
}

func FuzzRobots(f *testing.F) {
	f.Add([]byte("User-agent: *\nDisallow: /*a$\nAllow: /\n"), "/b")
	f.Add([]byte("\xef\xbb\xbfUser-agent: potok\r\rdisallow:\xff$*\x00:"), "/%FF")
	f.Add([]byte("disallow"), "")
	f.Fuzz(func(t *testing.T, robots []byte, path string) {
		rules := rulesOf(200, robots, "potok")
		if rules == nil {
			t.Fatal("no rules")
		}
		u := &url.URL{Path: "/" + strings.TrimLeft(path, "/")}
		if !bytes.Contains(bytes.ToLower(robots), []byte("disallow")) && !rules.Test(u.RequestURI()) {
			t.Error("disallowed by nothing")
		}
	})
}
