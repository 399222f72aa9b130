package titles

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestProxyIsUsed(t *testing.T) {
	proxy, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		fmt.Fprintf(w, "<title>%s %s %s</title>", r.RequestURI, user, password)
	})
	u, err := url.Parse(strings.Replace(proxy, "http://", "http://me:secret@", 1))
	if err != nil {
		t.Fatal(err)
	}
	f := fetcher(t, good(t)(Proxy(u)))
	if page, err := f.Fetch(limit(t), "http://a.test/b?c"); page.Title != "http://a.test/b?c me secret" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
	direct, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	t.Setenv("HTTP_PROXY", proxy) // which net/http reads once, and not for loopback
	if page, err := fetcher(t, good(t)(Proxy(nil))).Fetch(limit(t), direct); page.Title != "River" || err != nil {
		t.Errorf("without a proxy: %+v, %v", page, err)
	}
}

func TestProxyTunnelsTLS(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	target := httptest.NewTLSServer(page)
	defer target.Close()
	tunnel := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		out, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, _, err := w.(http.Hijacker).Hijack() //nolint:forcetypeassert // a test's
		if err != nil {
			return
		}
		defer in.Close()
		io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			io.Copy(out, in)
			out.Close()
		}()
		io.Copy(in, out)
	})
	plain, secure := httptest.NewServer(tunnel), httptest.NewTLSServer(tunnel)
	defer plain.Close()
	defer secure.Close()
	for _, proxy := range []string{plain.URL, secure.URL} {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		f := fetcher(t, good(t)(Proxy(u)), Insecure())
		if page, err := f.Fetch(limit(t), target.URL); page.Title != "River" || err != nil {
			t.Errorf("through %s: %+v, %v", proxy, page, err)
		}
		_, err = f.Fetch(limit(t), strings.Replace(unused(t), "http:", "https:", 1))
		if got := outcomeOf(err); got != (outcome{KindConnect, true, true}) || err.Error() != "potok: proxy: http status 502 Bad Gateway" {
			t.Errorf("nobody there, through %s: %v: %+v", proxy, err, got)
		}
		f.Close()
	}
}

func TestProxyThatFailsIsNotTheHostsFault(t *testing.T) {
	forbidding, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })
	for name, c := range map[string]struct {
		proxy string
		want  outcome
	}{
		"refused":     {unused(t), outcome{KindConnect, true, false}},
		"not allowed": {forbidding, outcome{KindConnect, false, false}},
		"socks":       {strings.Replace(unused(t), "http:", "socks5:", 1), outcome{KindConnect, true, false}},
	} {
		u, err := url.Parse(c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fetcher(t, good(t)(Proxy(u))).Fetch(limit(t), "https://a.test"); outcomeOf(err) != c.want {
			t.Errorf("%s: %v: %+v, want %+v", name, err, outcomeOf(err), c.want)
		}
	}
}

func TestProxyOfAnotherKindIsRefused(t *testing.T) {
	for _, text := range []string{"ftp://a.test", "http://", "a.test:8080", "/a"} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := Proxy(u); err == nil || o != nil {
			t.Errorf("Proxy(%s) = %v, %v", text, o, err)
		}
	}
}
