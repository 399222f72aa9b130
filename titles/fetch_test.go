package titles

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

const river = "<!doctype html><meta charset=utf-8><title>River</title>"

func TestPageSaysWhereItLedAndHowItWasDecoded(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/b", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=windows-1251")
		io.WriteString(w, "<title>\xd0\xe5\xea\xe0</title>")
	})
	page, err := fetcher(t).Fetch(limit(t), address)
	want := Page{Input: address, URL: address + "/b", Status: 200, Title: "Река", Charset: "windows-1251"}
	if !reflect.DeepEqual(page, want) || err != nil {
		t.Errorf("Fetch = %+v, %v; want %+v", page, err, want)
	}
}

func TestServerIsToldWhoAsks(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%s</title>", r.UserAgent())
	})
	for want, opts := range map[string][]Option{DefaultUserAgent: nil, "me/1": {UserAgent("me/1")}} {
		if page, err := fetcher(t, opts...).Fetch(limit(t), address); page.Title != want || err != nil {
			t.Errorf("Fetch = %q, %v; want %q", page.Title, err, want)
		}
	}
}

func TestStatusOf400AndMoreIsAFailure(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "<title>404 Not Found</title>")
	})
	page, err := fetcher(t).Fetch(limit(t), address)
	if page.Title != "" || page.Status != 404 || page.URL != address {
		t.Errorf("page %+v", page)
	}
	if KindOf(err) != KindHTTP || err.Error() != "potok: http status 404 Not Found" {
		t.Errorf("error %q of kind %q", err, KindOf(err))
	}
}

func TestRedirectsEndAtTen(t *testing.T) {
	var n int
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var i int
		if fmt.Sscanf(r.URL.Path, "/%d", &i); i == n {
			io.WriteString(w, river)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d", i+1), http.StatusMovedPermanently)
	})
	n = 10
	if page, err := fetcher(t).Fetch(limit(t), address+"/0"); page.Title != "River" || err != nil {
		t.Errorf("10 redirects: %+v, %v", page, err)
	}
	n = 11
	page, err := fetcher(t).Fetch(limit(t), address+"/0")
	if KindOf(err) != KindRedirect || page.Status != http.StatusMovedPermanently || page.URL != address+"/10" {
		t.Errorf("11 redirects: %+v, %v of kind %q", page, err, KindOf(err))
	}
}

func TestRedirectToNowhereIsOne(t *testing.T) {
	for _, location := range []string{"ftp://127.0.0.1/", "http://[::1"} {
		address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
		if page, err := fetcher(t).Fetch(limit(t), address); KindOf(err) != KindRedirect {
			t.Errorf("to %s: %+v, %v of kind %q", location, page, err, KindOf(err))
		}
	}
}

func TestBrokenServersCostOnlyTheirPage(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	for name, c := range map[string]struct {
		answer      func(net.Conn)
		title, kind string
	}{
		"never answers":            {untilClosed, "", KindTimeout},
		"closes at once":           {func(net.Conn) {}, "", KindReset},
		"resets":                   {reset, "", KindReset},
		"garbage":                  {say("SSH-2.0-x\r\n\r\n"), "", KindHTTP},
		"half a header":            {say("HTTP/1.1 200 OK\r\nA: b\r\n"), "", KindReset},
		"stops in the title":       {thenWait(head + "\r\n<title>Ri"), "", KindTimeout},
		"breaks in the title":      {say(head + "Content-Length: 500\r\n\r\n<title>Ri"), "", KindReset},
		"breaks behind the title":  {say(head + "Content-Length: 500\r\n\r\n" + river + "<p>"), "River", ""},
		"stops behind the title":   {thenWait(head + "Content-Length: 500\r\n\r\n" + river), "River", ""},
		"says too little":          {say(head + "Content-Length: 3\r\n\r\n" + river), "", KindNoTitle},
		"broken chunks":            {say(head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "", KindHTTP},
		"broken gzip":              {say(head + "Content-Encoding: gzip\r\n\r\n" + river), "", KindHTTP},
		"endless title":            {endless(head+"\r\n<title>", "x"), strings.Repeat("x", 64<<10-len("<title>")), ""},
		"endless text":             {endless(head+"\r\n", "x<p>"), "", KindNoTitle},
		"endless behind the title": {endless(head+"\r\n"+river, "<p>"), "River", ""},
		"endless header":           {endless("HTTP/1.1 200 OK\r\n", "a: b\r\n"), "", KindHTTP},
		"no header at all":         {say(river), "", KindHTTP},
		"no Content-Type":          {say("HTTP/1.1 200 OK\r\n\r\n" + river), "River", ""},
		"an image":                 {say("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + river), "", KindNoTitle},
		"no title":                 {say(head + "\r\n<p>text"), "", KindNoTitle},
		"an empty title":           {say(head + "\r\n<title></title>"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			opts := []Option{MaxBody(64 << 10)}
			if c.kind == KindTimeout { // nothing else may depend on how fast this machine is
				opts = append(opts, Timeout(300*time.Millisecond))
			}
			page, err := fetcher(t, opts...).Fetch(limit(t), serveRaw(t, c.answer))
			if page.Title != c.title || KindOf(err) != c.kind {
				t.Errorf("title %.40q, error %v of kind %q; want title %.40q, kind %q", page.Title, err, KindOf(err), c.title, c.kind)
			}
		})
	}
}

// say ends in order: a connection that is closed while there is something to read is reset, and takes with it what was said.
func say(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		io.WriteString(conn, answer)
		conn.(*net.TCPConn).CloseWrite()
		untilClosed(conn)
	}
}

func thenWait(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		io.WriteString(conn, answer)
		untilClosed(conn)
	}
}

func endless(begin, more string) func(net.Conn) {
	more = strings.Repeat(more, 1000)
	return func(conn net.Conn) {
		for _, err := io.WriteString(conn, begin); err == nil; {
			_, err = io.WriteString(conn, more)
		}
	}
}

func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
}

func TestNobodyThereIsToldFromNoSuchName(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	listener.Close()
	for input, kind := range map[string]string{
		"http://" + closed:     KindConnect,
		closed:                 KindConnect, // a bare host
		"http://x.invalid/":    KindDNS,
		"http://[::1":          KindIO,
		"http://":              KindIO,
		"ftp://127.0.0.1/":     KindIO,
		"http://a\x7fb/":       KindIO,
		"":                     KindIO,
		"/no/such/file":        KindIO,
		"file:///no/such/file": KindIO,
	} {
		if page, err := fetcher(t).Fetch(limit(t), input); KindOf(err) != kind || page.Input != input {
			t.Errorf("%q: %+v, %v of kind %q, want kind %q", input, page, err, KindOf(err), kind)
		}
	}
}

func TestTLSThatFailsIsToldSo(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Config.ErrorLog = nil
	defer s.Close()
	plain, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	garbage := serveRaw(t, say("\x15\x03\x01\x00\x02\x02\x28"))
	for name, address := range map[string]string{
		"unknown authority": s.URL,
		"no TLS there":      strings.Replace(plain, "http:", "https:", 1),
		"an alert":          strings.Replace(garbage, "http:", "https:", 1),
	} {
		if _, err := fetcher(t).Fetch(limit(t), address); KindOf(err) != KindTLS {
			t.Errorf("%s: %v of kind %q", name, err, KindOf(err))
		}
	}
}

func TestHTTPSPageIsRead(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, river)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	f := fetcher(t)
	f.tls.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // a test's
	if page, err := f.Fetch(limit(t), s.URL); page.Title != "River" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestEndedContextEndsTheFetch(t *testing.T) {
	address := serveRaw(t, untilClosed)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(limit(t))
	stop := time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	defer stop.Stop()
	for range 2 { // under way, and before it began
		page, err := fetcher(t).Fetch(ctx, address)
		if !errors.Is(err, why) || !errors.Is(err, context.Canceled) || page.Input != address {
			t.Errorf("Fetch = %+v, %v; want %v", page, err, why)
		}
	}
	ctx, stopNow := context.WithTimeout(limit(t), time.Millisecond)
	defer stopNow()
	if _, err := fetcher(t).Fetch(ctx, address); KindOf(err) != KindTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch = %v of kind %q", err, KindOf(err))
	}
}

func TestTimeoutMatchesDeadlineExceeded(t *testing.T) {
	_, err := fetcher(t, Timeout(time.Millisecond)).Fetch(limit(t), serveRaw(t, untilClosed))
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "potok: timed out" {
		t.Errorf("Fetch = %v", err)
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	rest := strings.Repeat("<p>text</p>\n", 4000)
	for name, handler := range map[string]http.HandlerFunc{
		"length known": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(river)+len(rest)))
			io.WriteString(w, river+rest)
		},
		"chunked": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, river)
			w.(http.Flusher).Flush() //nolint:forcetypeassert // a test's
			io.WriteString(w, rest)
		},
		"failed": http.NotFound,
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/b", http.StatusFound)
			}
		},
	} {
		address, connections := serve(t, handler)
		f := fetcher(t)
		for range 20 {
			f.Fetch(limit(t), address)
		}
		if n := connections.Load(); n > 3 { // 1, but on a busy machine a drain may take longer than it is given
			t.Errorf("%s: %d connections for 20 pages", name, n)
		}
	}
}

func TestLongRestIsNotWaitedFor(t *testing.T) {
	sent := make(chan error, 1)
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, river)
		w.(http.Flusher).Flush() //nolint:forcetypeassert // a test's
		<-r.Context().Done()
		sent <- r.Context().Err()
	})
	ctx := limit(t)
	if page, err := fetcher(t).Fetch(ctx, address); page.Title != "River" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
	select {
	case <-sent: // the connection was closed on the server that had not ended its page
	case <-ctx.Done():
		t.Error("the connection was kept")
	}
}

func TestHugePageIsNotRead(t *testing.T) {
	const size = 64 << 20
	written := make(chan int64, 1)
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		io.WriteString(w, river)
		n, _ := io.CopyN(w, zeros{}, size)
		written <- n
	})
	if page, err := fetcher(t).Fetch(limit(t), address); page.Title != "River" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
	if n := <-written; n > size/2 {
		t.Errorf("the server got rid of %d bytes", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestBodyIsBoundedAfterDecompression(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.CopyN(z, zeros{}, 1<<20)
	io.WriteString(z, "<title>x</title>")
	z.Close()
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	if _, err := fetcher(t, MaxBody(1<<20)).Fetch(limit(t), address); KindOf(err) != KindNoTitle {
		t.Errorf("within the bound: %v", err)
	}
	if page, err := fetcher(t, MaxBody(2<<20)).Fetch(limit(t), address); page.Title != "x" || err != nil {
		t.Errorf("with a larger bound: %+v, %v", page, err)
	}
}

func TestOptionsRefuseNonsense(t *testing.T) {
	for name, option := range map[string]func(){
		"timeout": func() { Timeout(0) },
		"workers": func() { Workers(0) },
		"body":    func() { MaxBody(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			option()
		}()
	}
}
