package titles

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const shelf = `<!doctype html><title>Shelf</title><body>
<h1>  The
 River </h1><p class=a>one &amp; <b>bold</b></p><p class="a b">two</p><a href=/x title=X>link</a><svg><title>s</title></svg>`

// css and xp are options that must be good.
func css(t *testing.T, selector string) Option { return good(t)(Select(selector)) }
func xp(t *testing.T, expr string) Option      { return good(t)(XPath(expr)) }

func good(t *testing.T) func(Option, error) Option {
	return func(o Option, err error) Option {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
}

func TestSelectionTakesTheTitlesPlace(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, shelf) })
	for _, c := range []struct {
		option  Option
		first   string
		matches []string
	}{
		{css(t, "h1"), "The River", []string{"The River"}},
		{css(t, "p.a"), "one & bold", []string{"one & bold", "two"}},
		{css(t, ".b, h1"), "The River", []string{"The River", "two"}},
		{css(t, "title"), "Shelf", []string{"Shelf", "s"}},
		{css(t, "p:nth-of-type(2)"), "two", []string{"two"}},
		{xp(t, "//h1"), "The River", []string{"The River"}},
		{xp(t, "//p"), "one & bold", []string{"one & bold", "two"}},
		{xp(t, "//a/@*"), "/x", []string{"/x", "X"}},
		{xp(t, "//p/text()"), "one &", []string{"one &", "two"}},
		{xp(t, "count(//p)"), "2", []string{"2"}},
		{xp(t, "count(//p) div 4"), "0.5", []string{"0.5"}},
		{xp(t, "1 div 0"), "Infinity", []string{"Infinity"}},
		{xp(t, "count(//p) > 1"), "true", []string{"true"}},
		{xp(t, "string(//b)"), "bold", []string{"bold"}},
		{xp(t, "concat(//b, '-', //h1)"), "bold- The River", []string{"bold- The River"}},
	} {
		page, err := fetcher(t, c.option).Fetch(limit(t), address)
		if page.Title != c.first || page.Matches != nil || err != nil {
			t.Errorf("want %q: %+v, %v", c.first, page, err)
		}
		page, err = fetcher(t, AllMatches(), c.option).Fetch(limit(t), address)
		if page.Title != c.first || !reflect.DeepEqual(page.Matches, c.matches) || err != nil {
			t.Errorf("all, want %q: %+v, %v", c.matches, page, err)
		}
	}
}

func TestNoMatchIsNoTitle(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/text" {
			w.Header().Set("Content-Type", "text/plain")
		}
		io.WriteString(w, shelf)
	})
	for _, path := range []string{"/", "/text"} {
		for _, o := range []Option{css(t, "h2"), xp(t, "//h2"), xp(t, "//h2/@id")} {
			_, err := fetcher(t, o).Fetch(limit(t), address+path)
			if KindOf(err) != KindNoTitle || !errors.Is(err, ErrNoTitle) || err.Error() != "potok: no match" {
				t.Errorf("%v of kind %q", err, KindOf(err))
			}
		}
	}
}

func TestBadSelectorsAreToldAtOnce(t *testing.T) {
	for _, selector := range []string{"", "p[", "::", "p >", "!", "p:no-such-thing"} {
		if o, err := Select(selector); err == nil || o != nil || !strings.HasPrefix(err.Error(), "potok: bad selector") {
			t.Errorf("Select(%q) = %v, %v", selector, o, err)
		}
	}
	for _, expr := range []string{"", "//", "//p[", "no-such-function(1)", "'", "//p[@", "a::b", "((", "$x"} {
		if o, err := XPath(expr); err == nil || o != nil || !strings.HasPrefix(err.Error(), "potok: bad xpath") {
			t.Errorf("XPath(%q) = %v, %v", expr, o, err)
		}
	}
}

func TestSelectionDecodesAsTitlesAre(t *testing.T) {
	far := strings.Repeat("<p>text", 10_000)
	for name, c := range map[string]struct{ contentType, page, charset string }{
		"header":      {"text/html; charset=windows-1251", "<h1>\xd0\xe5\xea\xe0</h1>", "windows-1251"},
		"meta":        {"text/html", "<meta charset=koi8-r><h1>\xf2\xc5\xcb\xc1</h1>", "koi8-r"},
		"mark":        {"text/html; charset=koi8-r", "\xef\xbb\xbf<h1>Река</h1>", "utf-8"},
		"utf-16":      {"text/html", "\xff\xfe<\x00h\x001\x00>\x00 \x045\x04:\x040\x04", "utf-16le"},
		"declaration": {"application/xhtml+xml", "<?xml version='1.0' encoding='windows-1251'?><h1>\xd0\xe5\xea\xe0</h1>", "windows-1251"},
		"xml":         {"application/xml", "<h1>Река</h1>", "utf-8"},
		"guessed far": {"text/html", far + "<h1>\xd0\xe5\xea\xe0</h1>" + strings.Repeat(" \xf0\xe5\xea\xe0 \xe8 \xe1\xe5\xf0\xe5\xe3", 20), "windows-1251"},
	} {
		address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.contentType)
			io.WriteString(w, c.page)
		})
		for _, o := range []Option{css(t, "h1"), xp(t, "//h1")} {
			if page, err := fetcher(t, o).Fetch(limit(t), address); page.Title != "Река" || page.Charset != c.charset || err != nil {
				t.Errorf("%s: %+v, %v", name, page, err)
			}
		}
	}
}

func TestSelectionReadsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.html")
	if err := os.WriteFile(path, []byte(shelf), 0o600); err != nil {
		t.Fatal(err)
	}
	if page, err := fetcher(t, css(t, "b")).Fetch(limit(t), path); page.Title != "bold" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
	if _, err := fetcher(t, css(t, "h2")).Fetch(limit(t), path); KindOf(err) != KindNoTitle {
		t.Errorf("Fetch = %v of kind %q", err, KindOf(err))
	}
}

func TestDeeplyNestedPageHasNoTree(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!doctype html>"+strings.Repeat("<div>", 600)+"<h1>x")
	})
	_, err := fetcher(t, css(t, "h1")).Fetch(limit(t), address)
	if KindOf(err) != KindIO || !strings.Contains(err.Error(), "512") {
		t.Errorf("Fetch = %v of kind %q", err, KindOf(err))
	}
}

func TestSelectionNeedsTheWholePage(t *testing.T) {
	address := serveRaw(t, say("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 500\r\n\r\n<h1>x</h1>"))
	if page, err := fetcher(t, css(t, "h1")).Fetch(limit(t), address); KindOf(err) != KindReset || page.Title != "" {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestMatchesAreBounded(t *testing.T) {
	address, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("<div>", 400)+strings.Repeat("text", 10_000))
	})
	for _, o := range []Option{css(t, "div"), xp(t, "//div")} {
		page, err := fetcher(t, o, AllMatches(), MaxBody(100_000)).Fetch(limit(t), address)
		if n := len(page.Matches); n != 2 || err != nil {
			t.Errorf("%d matches, %v", n, err)
		}
	}
}

// The page is made so that each of these takes minutes.
func TestLongSearchEndsWithItsTime(t *testing.T) {
	page := "<!doctype html>" + strings.Repeat("<i></i>", 140_000)
	path := filepath.Join(t.TempDir(), "a.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Option{
		"css":            css(t, "i:nth-last-of-type(2n+1):nth-of-type(2n+1)"),
		"xpath":          xp(t, "//i[count(preceding-sibling::i) > 1000000]"),
		"xpath function": xp(t, "count(//i[count(following-sibling::i) > 1000000])"),
	} {
		ctx, cancel := context.WithTimeout(limit(t), 500*time.Millisecond)
		defer cancel()
		if page, err := fetcher(t, o).Fetch(ctx, path); KindOf(err) != KindTimeout {
			t.Errorf("%s: %+v, %v", name, page, err)
		}
	}
}

func FuzzXPath(f *testing.F) {
	for _, expr := range []string{"//h1", "//a/@href", "count(//p) > 1", "string(//b[2])", "//p[last()]/..", "substring('a', 'b')", "//*[@a='b']|//b"} {
		f.Add(expr, shelf)
	}
	f.Fuzz(func(t *testing.T, expr, page string) {
		o, err := XPath(expr)
		if err != nil {
			return
		}
		f := New(o, AllMatches())
		defer f.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var p Page
		if err := f.selectFrom(ctx, &p, strings.NewReader(page), "text/html"); err == nil && len(p.Matches) > 0 && p.Matches[0] != p.Title {
			t.Errorf("%q is not the first of %q", p.Title, p.Matches)
		}
	})
}
