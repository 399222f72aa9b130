package titles

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// serveRedirect leads every page but /end to location.
func serveRedirect(t *testing.T, status int, location string) (address string) {
	t.Helper()
	address, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if strings.HasPrefix(r.URL.Path, "/end") || strings.HasPrefix(r.URL.Path, "/a/end") {
			fmt.Fprintf(w, "<title>%s</title>", r.RequestURI)
			return
		}
		if location != "" {
			w.Header()["Location"] = []string{strings.ReplaceAll(location, "HOST", r.Host)}
		}
		w.WriteHeader(status)
		io.WriteString(w, "<title>on the way</title>")
	})
	return address
}

func TestRedirectsLeadWhereBrowsersGo(t *testing.T) {
	for _, c := range []struct{ location, want string }{
		{"/end", "/end"},
		{"end", "/a/end"},
		{"./end", "/a/end"},
		{"../end", "/end"},
		{"../../end", "/end"},
		{"//HOST/end", "/end"},
		{"http://HOST/end?a=b", "/end?a=b"},
		{"HTTP://HOST/end", "/end"},
		{"  /end ", "/end"},
		{"/end#frag", "/end"},
		{"/end?a#frag", "/end?a"},
		{"/end ing/река", "/end%20ing/%D1%80%D0%B5%D0%BA%D0%B0"},
		{"/end%2Fing", "/end%2Fing"},
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			address := serveRedirect(t, status, c.location)
			page, err := fetcher(t).Fetch(limit(t), address+"/a/b#here")
			if page.Title != c.want || page.URL != address+c.want || page.Status != 200 || err != nil {
				t.Errorf("%d to %q: %+v, %v; want %s", status, c.location, page, err, c.want)
			}
		}
	}
}

func TestRedirectsToNoPageFail(t *testing.T) {
	for location, want := range map[string]string{
		"file:///etc/passwd":  `redirect to "file:///etc/passwd": unsupported scheme "file"`,
		"javascript:alert(1)": `redirect to "javascript:alert(1)": unsupported scheme "javascript"`,
		"data:text/html,x":    `redirect to "data:text/html,x": unsupported scheme "data"`,
		"ftp://a.test/":       `redirect to "ftp://a.test/": unsupported scheme "ftp"`,
		"http:///x":           `redirect to "http:///x": no host`,
		"http://[::1":         `redirect to "http://[::1": missing ']' in host`,
		"http://a b/":         `redirect to "http://a b/": invalid character " " in host name`,
		"/%zz":                `redirect to "/%zz": invalid URL escape "%zz"`,
	} {
		address := serveRedirect(t, 302, location)
		page, err := fetcher(t).Fetch(limit(t), address+"/x")
		if KindOf(err) != KindRedirect || Retryable(err) || err.Error() != prefix+want || page.Status != 302 || page.URL != address+"/x" {
			t.Errorf("%s: %+v, %v of kind %q", location, page, err, KindOf(err))
		}
	}
}

func TestRedirectWithoutLocationIsAPage(t *testing.T) {
	for _, status := range []int{300, 301, 302, 304, 305} {
		page, err := fetcher(t).Fetch(limit(t), serveRedirect(t, status, ""))
		if status == 304 { // has no body
			if KindOf(err) != KindNoTitle {
				t.Errorf("%d: %+v, %v", status, page, err)
			}
			continue
		}
		if page.Title != "on the way" || page.Status != status || err != nil {
			t.Errorf("%d: %+v, %v", status, page, err)
		}
	}
}

func TestRedirectsAreCounted(t *testing.T) {
	loop := serveRedirect(t, 302, "/")
	for n, want := range map[int]string{0: "potok: redirected", 1: "potok: too many redirects (1)", 10: "potok: too many redirects (10)"} {
		page, err := fetcher(t, Redirects(n)).Fetch(limit(t), loop)
		if KindOf(err) != KindRedirect || err.Error() != want || page.Status != 302 || page.Title != "" || Retryable(err) {
			t.Errorf("%d: %+v, %v of kind %q", n, page, err, KindOf(err))
		}
	}
	if page, err := fetcher(t, Redirects(1)).Fetch(limit(t), serveRedirect(t, 302, "/end")); page.Title != "/end" || err != nil {
		t.Errorf("1: %+v, %v", page, err)
	}
	if page, err := fetcher(t, Redirects(0)).Fetch(limit(t), serveRedirect(t, 302, "/end")+"/end"); page.Title != "/end" || err != nil {
		t.Errorf("0, not redirected: %+v, %v", page, err)
	}
}

func TestBodyOfARedirectIsNotWaitedFor(t *testing.T) {
	end, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	for name, answer := range map[string]func(net.Conn){
		"stalls":  thenWait("HTTP/1.1 302 Found\r\nLocation: " + end + "\r\nContent-Length: 5\r\n\r\nx"),
		"endless": endless("HTTP/1.1 302 Found\r\nLocation: "+end+"\r\n\r\n", "x"),
		"huge":    endless("HTTP/1.1 302 Found\r\nLocation: "+end+"\r\nContent-Length: 1000000000000\r\n\r\n", "x"),
		"short":   say("HTTP/1.1 302 Found\r\nLocation: " + end + "\r\nContent-Length: 5\r\n\r\nx"),
	} {
		start := time.Now()
		page, err := fetcher(t).Fetch(limit(t), serveRaw(t, answer))
		if page.Title != "River" || err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %+v, %v after %v", name, page, err, time.Since(start))
		}
	}
}

func TestHeadersAreSent(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%s %q %q %q %q</title>", r.Host, r.Header["X-A"], r.UserAgent(), r.Header["Accept"], r.Header["Cookie"])
	})
	opt := func(name, value string) Option { return good(t)(Header(name, value)) }
	f := fetcher(t, UserAgent("x"), opt("x-a", "1"), opt("X-A", " 2 "), opt("user-agent", "me"), opt("Accept", "a/b"), opt("HOST", "b.test"),
		opt("cookie", "c=d"))
	want := `b.test ["1" "2"] "me" ["a/b"] ["c=d"]`
	if page, err := f.Fetch(limit(t), address); page.Title != want || err != nil {
		t.Errorf("Fetch = %+v, %v; want %s", page, err, want)
	}
	address, _ = serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%d</title>", len(r.Header["User-Agent"]))
	})
	if page, err := fetcher(t, UserAgent("")).Fetch(limit(t), address); page.Title != "0" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestHeadersThatCannotBeSentAreToldAtOnce(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"", "x"},
		{"a b", "x"},
		{"a:", "x"},
		{"a\n", "x"},
		{"ä", "x"},
		{"a", "x\r\ny: z"},
		{"a", "x\x00"},
		{"a", "\x7f"},
		{"Content-Length", "1"},
		{"transfer-encoding", "chunked"},
		{"Connection", "close"},
		{"Host", ""},
		{"Host", "a/b"},
		{"host", "a b"},
	} {
		if o, err := Header(c.name, c.value); err == nil || o != nil || !strings.HasPrefix(err.Error(), prefix) {
			t.Errorf("Header(%q, %q) = %v, %v", c.name, c.value, o, err)
		}
	}
	for _, c := range []struct{ name, value string }{{"a", ""}, {"a", "x\ty"}, {"a", "река"}, {"X-!#$%&'*+-.^_`|~9", "x"}, {"Host", "[::1]:80"}} {
		if o, err := Header(c.name, c.value); err != nil || o == nil {
			t.Errorf("Header(%q, %q) = %v, %v", c.name, c.value, o, err)
		}
	}
}

func TestCredentialsStayAtTheirHost(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%s %s %s</title>", r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("X-A"))
	}
	names := withNames(t, func(string, int) (dnsmessage.RCode, []string, bool) { return 0, []string{"127.0.0.1"}, false })
	for _, c := range []struct{ to, want string }{
		{"http://a.test", "secret c x"},
		{"http://b.a.test", "secret c x"},
		{"http://A.test", "secret c x"},
		{"http://b.test", "x"},
		{"http://xa.test", "x"},
		{"http://127.0.0.1", "x"},
	} {
		to, _ := serve(t, echo)
		from := serveRedirect(t, 302, c.to+port(t, to)+"/")
		f := fetcher(t, names, good(t)(Header("Authorization", "secret")), good(t)(Header("Cookie", "c")), good(t)(Header("X-A", "x")))
		if page, err := f.Fetch(limit(t), "http://a.test"+port(t, from)); page.Title != c.want || err != nil {
			t.Errorf("to %s: %+v, %v; want %q", c.to, page, err, c.want)
		}
	}
	secure, plain := &url.URL{Scheme: "https", Host: "a.test"}, &url.URL{Scheme: "http", Host: "a.test"}
	if sameSite(secure, plain) || !sameSite(plain, secure) {
		t.Error("https and http are the same in one direction only")
	}
}

func TestUserInAddressIsSent(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		fmt.Fprintf(w, "<title>%s %s %t</title>", user, password, ok)
	})
	if page, err := fetcher(t).Fetch(limit(t), strings.Replace(address, "//", "//me:p%40ss@", 1)); page.Title != "me p@ss true" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
	if page, err := fetcher(t).Fetch(limit(t), address); page.Title != "false" || err != nil { // the shared headers are as they were
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}
