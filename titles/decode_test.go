package titles

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// A compressor is one of the writers below.
type compressor interface {
	io.WriteCloser
	Flush() error
}

func compressorOf(tb testing.TB, coding string, w io.Writer) compressor {
	tb.Helper()
	switch coding {
	case "gzip", "x-gzip":
		return gzip.NewWriter(w)
	case "deflate":
		return zlib.NewWriter(w)
	case "bare deflate":
		z, err := flate.NewWriter(w, 5)
		if err != nil {
			tb.Fatal(err)
		}
		return z
	case "br":
		return brotli.NewWriterLevel(w, 5)
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			tb.Fatal(err)
		}
		return z
	}
	tb.Fatalf("no compressor for %q", coding)
	return nil
}

func compressed(tb testing.TB, coding string, page []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := compressorOf(tb, coding, &b)
	z.Write(page)
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// serveCoded serves body under the values of Content-Encoding.
func serveCoded(t *testing.T, body []byte, codings ...string) (address string) {
	t.Helper()
	address, _ = serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header()["Content-Encoding"] = codings
		w.Write(body)
	})
	return address
}

var codings = []string{"gzip", "deflate", "bare deflate", "br", "zstd"}

func header(coding string) string { return strings.TrimPrefix(coding, "bare ") }

func TestCompressedPagesAreRead(t *testing.T) {
	page := []byte(river + strings.Repeat("<p>text</p>\n", 4000))
	late := []byte(strings.Repeat("<p>text</p>\n", 4000) + river)
	f := fetcher(t)
	for range 3 { // with decoders that were used before
		for _, coding := range codings {
			for _, page := range [][]byte{page, late} {
				if page, err := f.Fetch(limit(t), serveCoded(t, compressed(t, coding, page), header(coding))); page.Title != "River" || err != nil {
					t.Errorf("%s: %+v, %v", coding, page, err)
				}
			}
		}
	}
	twice := compressed(t, "br", compressed(t, "gzip", page))
	for name, c := range map[string]struct {
		body    []byte
		codings []string
	}{
		"one over the other":           {twice, []string{"gzip, br"}},
		"one over the other, in lines": {twice, []string{"gzip", "br"}},
		"spelled otherwise":            {twice, []string{" X-GZip,, identity ,BR"}},
		"two members":                  {append(compressed(t, "gzip", []byte("<p>")), compressed(t, "gzip", page)...), []string{"gzip"}},
		"not compressed":               {page, []string{"identity"}},
		"nothing said":                 {page, []string{""}},
	} {
		if page, err := f.Fetch(limit(t), serveCoded(t, c.body, c.codings...)); page.Title != "River" || err != nil {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
}

func TestServerIsToldWhatWeDecompress(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%s</title>", r.Header["Accept-Encoding"])
	})
	if page, err := fetcher(t).Fetch(limit(t), address); page.Title != "[gzip, zstd, br]" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestUnknownCompressionIsToldSo(t *testing.T) {
	for value, want := range map[string]string{
		"compress":                     `potok: content encoding "compress": unknown`,
		"gzip, sdch":                   `potok: content encoding "sdch": unknown`,
		"gzip, gzip, gzip, gzip, gzip": `potok: content encoding "gzip, gzip, gzip, gzip, gzip": too many`,
	} {
		_, err := fetcher(t).Fetch(limit(t), serveCoded(t, []byte(river), value))
		if KindOf(err) != KindIO || err.Error() != want || Retryable(err) {
			t.Errorf("%s: %v of kind %q", value, err, KindOf(err))
		}
	}
}

// noise does not compress, so that a cut falls where it is meant to.
func noise(n int) string {
	var b strings.Builder
	for x := uint32(1); b.Len() < n; {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, "<p>%x", x)
	}
	return b.String()
}

func TestDamageBehindTheTitleIsNoFailure(t *testing.T) {
	f := fetcher(t)
	for _, coding := range codings {
		body := compressed(t, coding, []byte(river+noise(600_000)))
		corrupt := bytes.Clone(body)
		for i := len(corrupt) * 9 / 10; i < len(corrupt); i++ {
			corrupt[i] ^= 0x55
		}
		for name, body := range map[string][]byte{
			"cut off":         body[:len(body)*9/10],
			"corrupt":         corrupt,
			"something added": append(bytes.Clone(body), "something"...),
		} {
			if page, err := f.Fetch(limit(t), serveCoded(t, body, header(coding))); page.Title != "River" || err != nil {
				t.Errorf("%s, %s: %+v, %v", coding, name, page, err)
			}
		}
	}
}

func TestDamageBeforeTheTitleIsAFailure(t *testing.T) {
	f := fetcher(t)
	for _, coding := range codings {
		body := compressed(t, coding, []byte(noise(600_000)+river))
		for name, c := range map[string]struct {
			body []byte
			kind string
		}{
			"cut off":         {body[:len(body)/2], KindHTTP},
			"garbage":         {append([]byte("\x00\x01\x02\x03"), body...), KindHTTP},
			"not compressed":  {[]byte("<p>" + river), KindHTTP},
			"empty":           {nil, KindNoTitle},
			"something added": {append(compressed(t, coding, []byte("<p>")), "something else"...), KindNoTitle},
		} {
			page, err := f.Fetch(limit(t), serveCoded(t, c.body, header(coding)))
			if coding == "bare deflate" && KindOf(err) == KindNoTitle {
				continue // it has no check sums, and nearly everything is an end
			}
			if KindOf(err) != c.kind || Retryable(err) {
				t.Errorf("%s, %s: %+v, %v of kind %q, want %q", coding, name, page, err, KindOf(err), c.kind)
			}
		}
	}
}

func TestConnectionThatBreaksInACompressedPageIsToldSo(t *testing.T) {
	for _, coding := range codings {
		body := compressed(t, coding, []byte(noise(600_000)+river))
		address := serveRaw(t, func(conn net.Conn) {
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", header(coding), len(body), body[:len(body)/2])
		})
		if page, err := fetcher(t).Fetch(limit(t), address); KindOf(err) != KindReset || !Retryable(err) {
			t.Errorf("%s: %+v, %v of kind %q", coding, page, err, KindOf(err))
		}
	}
}

func TestBombsCostNoMoreThanMaxBody(t *testing.T) {
	const size = 32 << 20
	plain := make([]byte, size)
	bombs := map[string][]byte{}
	for _, coding := range codings {
		bombs[coding] = compressed(t, coding, plain)
	}
	f := fetcher(t)
	for coding, bomb := range bombs {
		address := serveCoded(t, bomb, header(coding))
		nested := serveCoded(t, compressed(t, "gzip", bomb), header(coding)+", gzip")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, address := range []string{address, nested} {
			if page, err := f.Fetch(limit(t), address); KindOf(err) != KindNoTitle {
				t.Errorf("%s: %+v, %v", coding, page, err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%s: %d bytes allocated", coding, n)
		}
	}
}

// A stream of empty blocks has no end and no content: it is given up when it is longer than a page could be.
func TestEndlessEmptyBlocksAreGivenUp(t *testing.T) {
	empty := strings.Repeat("\x00\x00\x00\xff\xff", 1000)
	gzipHead := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	blocks := strings.Repeat(empty, 2000)
	for name, c := range map[string]struct{ coding, begin, more string }{
		"gzip":         {"gzip", gzipHead, empty},
		"bare deflate": {"deflate", "", empty},
		"zstd":         {"zstd", "\x28\xb5\x2f\xfd\x00\x58", strings.Repeat("\x00\x00\x00", 1000)},
		"members":      {"gzip", "", strings.Repeat(gzipHead+"\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", 1000)},
		"nested":       {"deflate, gzip", "", string(compressed(t, "gzip", []byte(blocks)))},
	} {
		head := "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: " + c.coding + "\r\n\r\n"
		address := serveRaw(t, func(conn net.Conn) {
			for _, err := io.WriteString(conn, head+c.begin); err == nil; {
				_, err = io.WriteString(conn, c.more)
			}
		})
		if page, err := fetcher(t).Fetch(limit(t), address); KindOf(err) != KindNoTitle {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
}

func TestTooLargeWindowIsRefused(t *testing.T) {
	frame := "\x28\xb5\x2f\xfd\x00" + "\xa0" + "\x01\x00\x00" // a window of 2^30 bytes
	_, err := fetcher(t).Fetch(limit(t), serveCoded(t, []byte(frame), "zstd"))
	if KindOf(err) != KindHTTP || Retryable(err) {
		t.Errorf("Fetch = %v of kind %q", err, KindOf(err))
	}
}

func TestCompressedTitleIsNotWaitedFor(t *testing.T) {
	for _, coding := range codings {
		address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", header(coding))
			z := compressorOf(t, coding, w)
			defer z.Close()
			io.WriteString(z, river)
			z.Flush()
			w.(http.Flusher).Flush() //nolint:forcetypeassert // a test's
			<-r.Context().Done()
		})
		start := time.Now()
		if page, err := fetcher(t).Fetch(limit(t), address); page.Title != "River" || err != nil || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %+v, %v after %v", coding, page, err, time.Since(start))
		}
	}
}

func TestConnectionIsUsedAgainAfterACompressedPage(t *testing.T) {
	for _, coding := range codings {
		body := compressed(t, coding, []byte(river+noise(100_000)))
		address, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", header(coding))
			w.Write(body)
		})
		f := fetcher(t)
		for range 20 {
			f.Fetch(limit(t), address)
		}
		if n := connections.Load(); n > 3 { // 1, but on a busy machine a drain may take longer than it is given
			t.Errorf("%s: %d connections for 20 pages", coding, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, coding := range codings {
		f.Add(header(coding), compressed(f, coding, []byte(river)))
	}
	f.Add("gzip, br", compressed(f, "br", compressed(f, "gzip", []byte(river))))
	f.Add("identity,,x-gzip", []byte("\x1f\x8b"))
	f.Add("deflate", []byte("\x78"))
	f.Fuzz(func(t *testing.T, encodings string, body []byte) {
		const limit = 64 << 10
		r, release, err := decode(bytes.NewReader(body), []string{encodings}, limit)
		if err != nil {
			if _, ok := errors.AsType[*codingError](err); !ok {
				t.Errorf("%v is no codingError", err)
			}
			return
		}
		defer release()
		page, err := io.ReadAll(r)
		if len(page) > limit {
			t.Errorf("%d bytes", len(page))
		}
		if _, ok := errors.AsType[*codingError](err); err != nil && !ok {
			t.Errorf("%v is no codingError", err)
		}
	})
}
