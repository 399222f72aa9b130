package titles

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

func TestFilesAreReadByTheirExtension(t *testing.T) {
	dir := t.TempDir()
	xhtml := `<html xmlns="` + namespaceHTML + `"><title/><title>no</title></html>`
	image := `<svg xmlns="` + namespaceSVG + `"><title>Image</title></svg>`
	for _, c := range []struct{ name, content, title, kind string }{
		{"a.html", river, "River", ""},
		{"a.HTM", river, "River", ""},
		{"a.xhtml", xhtml, "", ""},
		{"b.html", xhtml, "<title>no", ""},
		{"a.svg", image, "Image", ""},
		{"a.xml", image, "Image", ""},
		{"a.txt", river, "", KindNoTitle},
		{"a", river, "River", ""},
		{"a.php", river, "River", ""},
		{"b", "words", "", KindNoTitle},
		{"a b%20c#d?.html", river, "River", ""},
		{"empty.html", "", "", KindNoTitle},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		address := (&url.URL{Scheme: "file", Path: path}).String()
		for _, input := range []string{path, address} {
			page, err := fetcher(t).Fetch(limit(t), input)
			if page.Title != c.title || KindOf(err) != c.kind || page.URL != address || page.Status != 0 || page.Input != input {
				t.Errorf("%s: %+v, %v", input, page, err)
			}
		}
	}
}

func TestWhatIsNoPlainFileFails(t *testing.T) {
	dir := t.TempDir()
	for _, input := range []string{dir, "/dev/zero", "file://elsewhere/etc/hosts", "file:", "file://", "file:///%zz"} {
		if page, err := fetcher(t).Fetch(limit(t), input); KindOf(err) == "" {
			t.Errorf("%s: %+v, %v", input, page, err)
		}
	}
	if _, err := fetcher(t).Fetch(limit(t), "./nothing-here.html"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestFileIsReadNoFurtherThanMaxBody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.html")
	if err := os.WriteFile(path, []byte("<title>0123456789</title>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if page, err := fetcher(t, MaxBody(10)).Fetch(limit(t), path); page.Title != "012" || err != nil {
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}

func TestEndedContextEndsAFile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := contextReader{ctx, zeros{}}
	if _, _, err := Extract(body, "text/html"); !errors.Is(err, context.Canceled) {
		t.Errorf("Extract = %v", err)
	}
}
