package titles

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

const pageHead = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"

// thenReset breaks the connection behind what it says.
func thenReset(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		io.WriteString(conn, answer)
		time.Sleep(20 * time.Millisecond) // a reset throws away what the other side has not read yet
		reset(conn)
	}
}

// drip says it byte by byte.
func drip(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		for i := range answer {
			if _, err := io.WriteString(conn, answer[i:i+1]); err != nil {
				return
			}
			if i%8 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		untilClosed(conn)
	}
}

func TestHostileServersCostOnlyTheirPage(t *testing.T) {
	again := func(kind string) outcome { return outcome{kind, true, false} }
	final := func(kind string) outcome { return outcome{kind, false, false} }
	long := strings.Repeat("x", 300<<10)
	for name, c := range map[string]struct {
		answer func(net.Conn)
		title  string
		want   outcome
	}{
		"resets at once":               {reset, "", again(KindReset)},
		"resets in the status":         {thenReset("HTTP/1.1 2"), "", final(KindHTTP)}, // package net/http does not tell
		"resets in the headers":        {thenReset(pageHead), "", again(KindReset)},
		"resets behind the headers":    {thenReset(pageHead + "\r\n"), "", again(KindReset)},
		"resets in the title":          {thenReset(pageHead + "\r\n<title>Ri"), "", again(KindReset)},
		"resets in chunks":             {thenReset(pageHead + "Transfer-Encoding: chunked\r\n\r\n5\r\n<p>xx\r\n"), "", again(KindReset)},
		"resets behind the title":      {thenReset(pageHead + "\r\n<title>River</title>"), "River", outcome{}},
		"stalls in the status":         {thenWait("HTTP/1.1 2"), "", again(KindTimeout)},
		"stalls in the headers":        {thenWait(pageHead), "", again(KindTimeout)},
		"stalls behind the headers":    {thenWait(pageHead + "\r\n"), "", again(KindTimeout)},
		"body too short":               {say(pageHead + "Content-Length: 500\r\n\r\n<p>"), "", again(KindReset)},
		"chunks cut off":               {say(pageHead + "Transfer-Encoding: chunked\r\n\r\n500\r\n<p>"), "", again(KindReset)},
		"chunk of no size":             {say(pageHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n<p>"), "", final(KindHTTP)},
		"chunk of a huge size":         {say(pageHead + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n<p>"), "", final(KindHTTP)},
		"chunk without its end":        {say(pageHead + "Transfer-Encoding: chunked\r\n\r\n3\r\n<p>xxx\r\n"), "", final(KindHTTP)},
		"length of no number":          {say(pageHead + "Content-Length: x\r\n\r\n" + river), "", final(KindHTTP)},
		"two lengths":                  {say(pageHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + river), "", final(KindHTTP)},
		"length of more than there is": {say(pageHead + "Content-Length: 99999999999999\r\n\r\n" + river), "River", outcome{}},
		"one huge header":              {say("HTTP/1.1 200 OK\r\nA: " + long + "\r\n\r\n" + river), "", final(KindHTTP)},
		"many headers":                 {say("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 60_000) + "\r\n" + river), "", final(KindHTTP)},
		"endless header":               {endless("HTTP/1.1 200 OK\r\nA: ", "x"), "", final(KindHTTP)},
		"endless headers":              {endless("HTTP/1.1 200 OK\r\n", "A: b\r\n"), "", final(KindHTTP)},
		"endless status":               {endless("HTTP/1.1 200 ", "x"), "", final(KindHTTP)},
		"endless 1xx":                  {endless("", "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"), "", final(KindHTTP)},
		"endless 100":                  {endless("", "HTTP/1.1 100 Continue\r\n\r\n"), "", final(KindHTTP)},
		"switches protocols":           {thenWait("HTTP/1.1 101 Switching Protocols\r\n\r\n"), "", final(KindHTTP)},
		"endless garbage":              {endless("", "\x00garbage"), "", final(KindHTTP)},
		"a header without a colon":     {say("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n" + river), "", final(KindHTTP)},
		"another protocol":             {say("XTTP/1.1 200 OK\r\n\r\n" + river), "", final(KindHTTP)},
		"HTTP/2 without being asked":   {say("\x00\x00\x12\x04\x00\x00\x00\x00\x00" + river), "", final(KindHTTP)},
		"HTTP/0.9":                     {say(river), "", final(KindHTTP)},
		"HTTP/1.0":                     {say("HTTP/1.0 200 OK\r\n\r\n" + river), "River", outcome{}},
		"a status of no words":         {say("HTTP/1.1 200\r\n\r\n" + river), "River", outcome{}},
		"204":                          {thenWait("HTTP/1.1 204 No Content\r\n\r\n"), "", final(KindNoTitle)},
		"304":                          {thenWait("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"), "", final(KindNoTitle)},
		"empty":                        {thenWait(pageHead + "Content-Length: 0\r\n\r\n"), "", final(KindNoTitle)},
		"empty chunks":                 {thenWait(pageHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "", final(KindNoTitle)},
		"100, then a page":             {say("HTTP/1.1 100 Continue\r\n\r\n" + pageHead + "\r\n" + river), "River", outcome{}},
		"page by page":                 {say(pageHead + "Content-Length: 55\r\n\r\n" + river + pageHead + "\r\n<title>No</title>"), "River", outcome{}},
		"drips":                        {drip(pageHead + "\r\n" + river), "River", outcome{}},
		"endless drip":                 {drip(pageHead + "\r\n" + long), "", again(KindTimeout)},
	} {
		t.Run(name, func(t *testing.T) {
			opts := []Option{MaxBody(64 << 10)}
			if c.want.kind == KindTimeout { // nothing else may depend on how fast this machine is
				opts = append(opts, Timeout(300*time.Millisecond))
			}
			page, err := fetcher(t, opts...).Fetch(limit(t), serveRaw(t, c.answer))
			if got := outcomeOf(err); page.Title != c.title || got != c.want {
				t.Errorf("%.200q, %v: %+v; want %q, %+v", page.Title, err, got, c.title, c.want)
			}
		})
	}
}

// What follows the title is asked for its charset, but not for long: far less than the page's time, which is what a wait would take.
func TestTitleIsNotWaitedForOnceItIsRead(t *testing.T) {
	var fetches sync.WaitGroup
	defer fetches.Wait()
	for _, c := range []struct{ page, title, charset string }{
		{"<title>River</title>", "River", "utf-8"},
		{"<html><head><title>River</title><link", "River", "utf-8"},
		{"<title>Река</title>", "Река", "utf-8"},
		{"<title>\xd0\xe5\xea\xe0 \xe8 \xe1\xe5\xf0\xe5\xe3\xe0</title>", "Река и берега", "windows-1251"},
		{"<meta charset=utf-8><title>Река</title>", "Река", "utf-8"},
	} {
		for _, head := range []string{pageHead, pageHead + "Content-Length: 5000\r\n"} {
			address, f, ctx := serveRaw(t, thenWait(head+"\r\n"+c.page)), fetcher(t), limit(t)
			fetches.Go(func() {
				start := time.Now()
				page, err := f.Fetch(ctx, address)
				if page.Title != c.title || page.Charset != c.charset || err != nil || time.Since(start) > 10*time.Second {
					t.Errorf("%q: %+v, %v after %v", c.page, page, err, time.Since(start))
				}
			})
		}
	}
}

func TestCharsetBehindTheTitleIsWaitedFor(t *testing.T) {
	address := serveRaw(t, func(conn net.Conn) {
		io.WriteString(conn, pageHead+"\r\n<title>\xf2\xc5\xcb\xc1</title>")
		time.Sleep(100 * time.Millisecond)
		io.WriteString(conn, "<meta charset=koi8-r><body>"+strings.Repeat("<p>", 1000))
	})
	if page, err := fetcher(t).Fetch(limit(t), address); page.Title != "Река" || page.Charset != "koi8-r" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestContentTypeIsSniffed(t *testing.T) {
	for body, kind := range map[string]string{
		river:                          "",
		"  \n<!-- x --><html>" + river: "",
		"\x89PNG\r\n\x1a\n" + river:    KindNoTitle,
		"%PDF-1.4 " + river:            KindNoTitle,
		"words " + river:               KindNoTitle,
	} {
		for _, contentType := range []string{"", "Content-Type:\r\n", "Content-Type: */*\r\n", "Content-Type: html\r\n"} {
			if page, err := fetcher(t).Fetch(limit(t), serveRaw(t, say("HTTP/1.1 200 OK\r\n"+contentType+"\r\n"+body))); KindOf(err) != kind {
				t.Errorf("%.20q, %q: %+v, %v", body, contentType, page, err)
			}
		}
	}
}

// serveHTTP2 runs a server with TLS that speaks HTTP/2.
func serveHTTP2(t *testing.T, handler http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestHTTP2StreamsThatBreak(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		title   string
		want    outcome
	}{
		"good":                   {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<title>"+r.Proto+"</title>") }, "HTTP/2.0", outcome{}},
		"reset before headers":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "", outcome{KindReset, true, false}},
		"reset before the title": {abortAfter("<p>x"), "", outcome{KindReset, true, false}},
		"reset in the title":     {abortAfter("<title>Ri"), "", outcome{KindReset, true, false}},
		"reset behind the title": {abortAfter(river), "River", outcome{}},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("A", strings.Repeat("x", 300<<10))
			io.WriteString(w, river)
		}, "", outcome{KindHTTP, false, false}},
	} {
		page, err := fetcher(t, Insecure()).Fetch(limit(t), serveHTTP2(t, c.handler))
		if got := outcomeOf(err); page.Title != c.title || got != c.want {
			t.Errorf("%s: %+v, %v: %+v; want %+v", name, page, err, got, c.want)
		}
	}
}

func abortAfter(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, text)
		w.(http.Flusher).Flush() //nolint:forcetypeassert // a test's
		panic(http.ErrAbortHandler)
	}
}

// serveFrames runs a server that does what answer says with each connection of HTTP/2, once a request has come.
func serveFrames(t *testing.T, answer func(f *http2.Framer, stream uint32) (more bool)) (address string) {
	t.Helper()
	own := httptest.NewTLSServer(nil)
	certificates := own.TLS.Certificates
	own.Close()
	address = serveRawFrom(t, func(plain net.Conn) {
		conn := tls.Server(plain, &tls.Config{Certificates: certificates, NextProtos: []string{"h2"}})
		if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(conn, conn)
		f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if h, ok := frame.(*http2.HeadersFrame); ok {
				if !answer(f, h.StreamID) {
					return
				}
			}
		}
	})
	return strings.Replace(address, "http:", "https:", 1)
}

func TestHTTP2ConnectionsThatBreak(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(f *http2.Framer, stream uint32) (more bool)
		kinds  []string
	}{
		"refused stream": {
			func(f *http2.Framer, stream uint32) bool {
				return f.WriteRSTStream(stream, http2.ErrCodeEnhanceYourCalm) == nil
			},
			[]string{KindReset},
		},
		"going away": {
			func(f *http2.Framer, stream uint32) bool {
				return f.WriteGoAway(stream, http2.ErrCodeInternal, nil) != nil
			},
			[]string{KindReset},
		},
		"going away, others": { // and the request may be repeated elsewhere, which net/http does until its time is over
			func(f *http2.Framer, _ uint32) bool { return f.WriteGoAway(0, http2.ErrCodeNo, nil) == nil },
			[]string{KindReset, KindTimeout},
		},
		"closed": {func(*http2.Framer, uint32) bool { return false }, []string{KindReset}},
		"nonsense": {
			func(f *http2.Framer, stream uint32) bool { return f.WriteData(stream+2, false, []byte("x")) == nil },
			[]string{KindReset, KindHTTP},
		},
	} {
		_, err := fetcher(t, Insecure(), Timeout(2*time.Second)).Fetch(limit(t), serveFrames(t, c.answer))
		if kind := KindOf(err); !strings.Contains(strings.Join(c.kinds, " "), kind) || err == nil || kind != KindHTTP && !Retryable(err) {
			t.Errorf("%s: %v of kind %q", name, err, kind)
		}
	}
}

func TestErrorOfAStreamIsRecognised(t *testing.T) {
	_, err := fetcher(t, Insecure()).Fetch(limit(t), serveHTTP2(t, abortAfter("<p>")))
	var stream http2StreamError
	if !errors.As(err, &stream) || stream.Code != uint32(http2.ErrCodeInternal) {
		t.Errorf("%v: %+v", err, stream)
	}
}
