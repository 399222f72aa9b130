package titles

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// Titles and charsets of whole pages: see testdata, which internal/corpus checks. Here stands what a page cannot show.

func TestCharsetIsNamedAsInTheStandard(t *testing.T) {
	for _, c := range []struct{ page, contentType, charset string }{
		{"<title>a</title>", "text/html", "utf-8"},
		{"<title>\u00e9</title>", "text/html", "utf-8"},
		{"<title>a</title>", "text/html; charset=latin1", "windows-1252"},
		{"<title>a</title>", "text/html; charset=x-sjis", "shift_jis"},
		{"<title>a</title>", "text/html; charset=GB2312", "gbk"},
		{"\xef\xbb\xbf<title>a</title>", "text/html; charset=koi8-r", "utf-8"},
		{"<meta charset=cp1251><title>a</title>", "text/html", "windows-1251"},
		{"<title>a</title><meta charset=cp1251>", "text/html", "windows-1251"},
		{"<meta charset=utf-16><title>a</title>", "text/html", "utf-8"},
		{"<meta charset=x-user-defined><title>a</title>", "text/html", "windows-1252"},
		{"<title>Caf\xe9</title>", "text/html", "windows-1252"},
		{"<html xmlns='" + namespaceHTML + "'><title>a</title></html>", "application/xhtml+xml", "utf-8"},
		{"<title>\x1b$B@nJU\x1b(B</title>", "text/html", "iso-2022-jp"},
	} {
		if _, got, err := Extract(strings.NewReader(c.page), c.contentType); got != c.charset || err != nil {
			t.Errorf("charset of %q as %q: %q, %v; want %q", c.page, c.contentType, got, err, c.charset)
		}
	}
}

func TestUndeclaredCharsetIsDetected(t *testing.T) {
	pages, err := filepath.Glob("testdata/pages/undeclared/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".html"), "-unknown-label")
		for _, variant := range []string{"-spanish", "-portuguese", "-quote"} {
			want = strings.TrimSuffix(want, variant)
		}
		if _, got, err := Extract(bytes.NewReader(page), "text/html"); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}

func TestOtherScriptsAreNotTakenForCyrillic(t *testing.T) {
	for label, title := range map[string]string{
		"windows-1253": "Περίπατος στο ποτάμι και τα νέα της ημέρας", "iso-8859-7": "Αρχική σελίδα",
		"windows-1255": "טיול על גדת הנהר", "windows-1256": "نزهة على ضفة النهر", "windows-874": "เดินเล่นริมแม่น้ำ",
	} {
		cs, _ := lookup(label)
		raw, err := cs.enc.NewEncoder().String(title)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := Extract(strings.NewReader("<title>"+raw+"</title>"), "text/html"); got != "windows-1252" || err != nil {
			t.Errorf("%s: %q, %v; want windows-1252, the last resort", label, got, err)
		}
	}
}

func TestPageWithoutTypeIsSniffed(t *testing.T) {
	for _, c := range []struct {
		page, contentType string
		err               error
	}{
		{"<!doctype html><title>a</title>", "", nil},
		{"\n <html><title>a</title>", "*/*", nil},
		{"<html><title>a</title>", "html", nil},
		{`<?xml version="1.0"?><html xmlns="` + namespaceHTML + `"><title>a</title></html>`, "", nil},
		{"just words", "", ErrNoTitle},
		{"\x89PNG\r\n\x1a\n<title>a</title>", "", ErrNoTitle},
		{"<title>a</title>", "text/plain", ErrNoTitle},
		{"<title>a</title>", "application/json; charset=utf-8", ErrNoTitle},
		{"<title>a</title>", "TEXT/HTML ; x", nil},
		{"<title>a</title>", "text/html, text/html", nil},
	} {
		if _, _, err := Extract(strings.NewReader(c.page), c.contentType); !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%q as %q: %v, want %v", c.page, c.contentType, err, c.err)
		}
	}
}

func TestNothingIsReadBehindTheTitle(t *testing.T) {
	const page = "<!doctype html><meta charset=utf-8><title>River</title>"
	behind := iotest.ErrReader(errors.New("read on"))
	title, _, err := Extract(io.MultiReader(strings.NewReader(page), behind), "text/html")
	if title != "River" || err != nil {
		t.Errorf("Extract = %q, %v", title, err)
	}
}

func TestTitleReadWholeBeforeTheBreakIsGood(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		page, title string
		err         error
	}{
		{"<title>a</title>", "a", nil}, // no charset declared, so Extract did want to read on
		{"<title>a</title", "", broken},
		{"<title>a", "", broken},
		{"<head>", "", broken},
		{"", "", broken},
	} {
		title, _, err := Extract(io.MultiReader(strings.NewReader(c.page), iotest.ErrReader(broken)), "text/html")
		if title != c.title || !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%q: %q, %v; want %q, %v", c.page, title, err, c.title, c.err)
		}
	}
	page := `<html xmlns="` + namespaceHTML + `"><title>a`
	if _, _, err := Extract(io.MultiReader(strings.NewReader(page), iotest.ErrReader(broken)), "application/xhtml+xml"); !errors.Is(err, broken) {
		t.Errorf("xml: %v, want %v", err, broken)
	}
}

func TestChunksOfTheReaderChangeNothing(t *testing.T) {
	pages, err := filepath.Glob("testdata/pages/*/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameInChunks(t, path, page, "text/html")
	}
}

// sameInChunks fails unless a page read byte by byte gives what the page read at once gives.
func sameInChunks(t *testing.T, name string, page []byte, contentType string) {
	t.Helper()
	title, charset, err := Extract(bytes.NewReader(page), contentType)
	for chunks, r := range map[string]io.Reader{
		"bytes":  iotest.OneByteReader(bytes.NewReader(page)),
		"halves": iotest.HalfReader(bytes.NewReader(page)),
		"eof":    iotest.DataErrReader(bytes.NewReader(page)),
	} {
		gotTitle, gotCharset, gotErr := Extract(r, contentType)
		if gotTitle != title || gotCharset != charset || (gotErr == nil) != (err == nil) {
			t.Errorf("%s: whole %q, %q, %v; in %s %q, %q, %v", name, title, charset, err, chunks, gotTitle, gotCharset, gotErr)
		}
	}
}

func TestLongPageIsReadThroughASmallWindow(t *testing.T) {
	filler := strings.Repeat("x", 100<<10)
	for name, before := range map[string]string{
		"text":      filler + filler,
		"comment":   "<!--" + filler + "--><!--" + filler + "-->",
		"script":    "<script>" + filler + "</script><script><!--" + filler + "--></script>",
		"style":     "<style>" + filler + "</style>",
		"attribute": `<img src="` + filler + `"><img src=` + filler + `>`,
		"names":     "<" + filler + " " + filler + ">",
		"meta":      `<meta content="` + filler + `">`,
	} {
		src, release := newSource(strings.NewReader("<meta charset=utf-8>" + before + "<title>River</title>"))
		title, _, err := src.htmlTitle(charset{})
		if title != "River" || err != nil {
			t.Errorf("%s: %q, %v", name, title, err)
		}
		if cap(src.buf) != bufferSize {
			t.Errorf("%s: the window grew to %d bytes", name, cap(src.buf))
		}
		if got, want := string(src.sample()[:20]), "<meta charset=utf-8>"; got != want {
			t.Errorf("%s: the sample begins %q, want %q", name, got, want)
		}
		release()
	}
}

func TestReaderThatGivesNothingIsGivenUp(t *testing.T) {
	if _, _, err := Extract(stuckReader{}, "text/html"); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Extract = %v, want %v", err, io.ErrNoProgress)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestCharsetParameterIsReadLeniently(t *testing.T) {
	for in, want := range map[string]string{
		"":                                      "",
		"text/html":                             "",
		"text/html; charset":                    "",
		"text/html; charset=":                   "",
		"text/html;charset=a":                   "a",
		"text/html; CHARSET = a ; x=y":          "a",
		`text/html; charset="a b"; x`:           "a b",
		`text/html; charset='a`:                 "a",
		"text/html; charset=a, text/html":       "a",
		"text/html; charset=a; charset=b":       "a",
		"text/html; charset charset=a":          "a",
		"text/html; charset\u0130=x; charset=a": "a",
	} {
		if got := charsetParameter(in); got != want {
			t.Errorf("charsetParameter(%q) = %q, want %q", in, got, want)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	page := "<!doctype html><html><head><meta charset=utf-8>" + strings.Repeat("<link rel=stylesheet href=/a.css>\n", 20) +
		"<title>River</title>" + strings.Repeat("<p>text</p>\n", 4000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Extract(strings.NewReader(page), "text/html"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExtractUndeclared(b *testing.B) {
	page, err := os.ReadFile("testdata/pages/undeclared/koi8-r.html")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Extract(bytes.NewReader(page), "text/html"); err != nil {
			b.Fatal(err)
		}
	}
}
