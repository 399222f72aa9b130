package titles

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzExtract(f *testing.F) {
	pages, err := filepath.Glob("testdata/pages/*/*.html")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(page, "text/html")
	}
	f.Add([]byte("<svg xmlns='"+namespaceSVG+"'><title>a</title></svg>"), "image/svg+xml")
	f.Add([]byte("<title>a"), "text/html; charset=iso-2022-jp")
	f.Add([]byte("<?xml version='1.0'?>"), "")
	f.Fuzz(func(t *testing.T, page []byte, contentType string) {
		title, _, err := Extract(bytes.NewReader(page), contentType)
		if err != nil && title != "" {
			t.Errorf("a title, %q, beside the error %v", title, err)
		}
		if !utf8.ValidString(title) {
			t.Errorf("title %q is no UTF-8", title)
		}
		if strings.ContainsFunc(title, isControl) || strings.Contains(title, "  ") || strings.Trim(title, " ") != title {
			t.Errorf("title %q is not clean", title)
		}
		sameInChunks(t, "page", page, contentType)
	})
}

func FuzzResolve(f *testing.F) {
	for _, input := range []string{
		"https://go.dev/", "go.dev", "localhost:8080/x", "file:///etc/hosts", "file://localhost/x", "http://[::1", "http://", "://",
		"ftp://x/", "/no/such/file", "./x", "http://a b/", "http://x/%zz", "http://xn--/", "\x00", "http://user:pass@host/#frag",
	} {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		u, file, err := resolve(input)
		address := ""
		if u != nil {
			address = u.String()
		}
		switch {
		case err != nil && (address != "" || file != ""):
			t.Errorf("%q: an address beside the error %v", input, err)
		case err == nil && (address == "") == (file == ""):
			t.Errorf("%q is %q and %q: want one of them", input, address, file)
		case address != "" && !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://"):
			t.Errorf("%q is %q", input, address)
		}
	})
}
