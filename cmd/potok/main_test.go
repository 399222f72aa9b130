package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/potok-go/potok/process"
)

func TestMain(m *testing.M) {
	process.Main() // run is called in this process, too
	testscript.Main(leakChecked{m}, map[string]func(){"potok": main})
}

// leakChecked fails tests that leave goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts are sessions with the program, against a web server on loopback.
func TestScripts(t *testing.T) {
	server := newSite(t)
	pages, err := filepath.Abs(filepath.Join("testdata", "pages"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "SITE="+server.address, "PAGES="+pages,
				"GORACE=atexit_sleep_ms=0") // the race detector's second at every exit
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"lines":   lines,
			"pipe":    pipe,
			"digest":  digest,
			"asked":   server.asked,
			"release": server.release,
		},
		RequireExplicitExec: true,
	})
}

// site answers /title/X with a page of that title, /404, and /hang/X, which it answers when a script says so: one script only, as
// scripts run beside each other. It does not answer /never.
type site struct {
	address string
	arrived chan string
	let     chan struct{}
	counted chan struct{} // one for each request for /counted

	mu   sync.Mutex // guards seen
	seen map[string]int
}

// count returns how often a path was asked for.
func (s *site) count(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[r.URL.Path]++
	return s.seen[r.URL.Path]
}

// counts returns how often each path was asked for, of those that are counted.
func (s *site) counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

// busy answers the third request for /busy/twice, and no other.
func (s *site) busy(w http.ResponseWriter, r *http.Request) {
	if s.count(r) < 3 || r.URL.Path != "/busy/twice" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "<!doctype html><title>twice</title>")
}

// once answers one request for each page.
func (s *site) once(w http.ResponseWriter, r *http.Request) {
	if s.count(r) > 1 {
		w.WriteHeader(http.StatusGone)
		return
	}
	fmt.Fprintf(w, "<!doctype html><title>%s</title>", strings.TrimPrefix(r.URL.Path, "/once/"))
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{arrived: make(chan string, 100), let: make(chan struct{}), seen: make(map[string]int), counted: make(chan struct{}, 1000)} // 100: more than hang in all scripts
	mux := http.NewServeMux()
	mux.HandleFunc("/title/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<!doctype html><meta charset=utf-8><title>%s</title>", strings.TrimPrefix(r.URL.Path, "/title/"))
	})
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html><p>no title")
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/title/There", http.StatusFound) })
	mux.HandleFunc("/hang/", func(w http.ResponseWriter, r *http.Request) {
		s.arrived <- r.URL.Path
		select {
		case <-s.let:
			fmt.Fprintf(w, "<!doctype html><meta charset=utf-8><title>%s</title>", strings.TrimPrefix(r.URL.Path, "/hang/"))
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/busy/", s.busy)
	mux.HandleFunc("/once/", s.once)
	mux.HandleFunc("/counted/", func(w http.ResponseWriter, r *http.Request) {
		s.count(r)
		s.counted <- struct{}{}
		io.WriteString(w, "<!doctype html><title>counted</title>")
	})
	mux.HandleFunc("/later", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	mux.HandleFunc("/header", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "<title>"+r.Header.Get("X-Title")+"</title>")
	})
	mux.HandleFunc("/agent", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<title>"+r.UserAgent()+"</title>") })
	mux.HandleFunc("/robots.txt", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "User-agent: *\nDisallow: /private\n") })
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.address = server.URL
	return s
}

const patience = 20 * time.Second

// asked PATH waits until the program has asked for it.
func (s *site) asked(ts *testscript.TestScript, _ bool, args []string) {
	select {
	case path := <-s.arrived:
		if len(args) != 1 || path != args[0] {
			ts.Fatalf("asked for %s, not for %v", path, args)
		}
	case <-time.After(patience):
		ts.Fatalf("nobody asked for %v", args)
	}
}

// release lets one page go on that hangs.
func (s *site) release(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case s.let <- struct{}{}:
	case <-time.After(patience):
		ts.Fatalf("nobody hangs")
	}
}

// lines FILE N FORMAT writes a file of N lines; %d in FORMAT is the line's number, SITE the server.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	var n int
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		ts.Fatalf("lines: %v", err)
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, args[2]+"\n", i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(b.String(), "SITE", ts.Getenv("SITE"))), 0o600))
}

// digest PROGRAM ARG… SHA256 runs the program and checks the digest of what it prints.
func digest(ts *testscript.TestScript, _ bool, args []string) {
	last := len(args) - 1
	ts.Check(ts.Exec(args[0], args[1:last]...))
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(ts.ReadFile("stdout")))); sum != args[last] {
		ts.Fatalf("the digest is %s, want %s", sum, args[last])
	}
}
