package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/potok-go/potok/titles"
)

func TestRecordsAsText(t *testing.T) {
	page := titles.Page{Input: "a\tb\x1b\u0085", Title: "t\x7f\u009b"}
	if got, want := string(textLine(page, nil)), "a b  \tt  \n"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	if got := textLine(page, titles.ErrNoTitle); got != nil {
		t.Errorf("a failed page has the line %q", got)
	}
}

func TestRecordsAsJSON(t *testing.T) {
	for _, c := range []struct {
		page titles.Page
		err  error
		want string
	}{
		{
			titles.Page{Input: "a", URL: "https://a", Status: 200, Title: "<t>", Charset: "utf-8", Attempts: 1, Took: 1999 * time.Microsecond},
			nil,
			`{"input":"a","url":"https://a","status":200,"title":"<t>","charset":"utf-8","attempts":1,"ms":1}`,
		},
		{titles.Page{Input: "a"}, nil, `{"input":"a","url":"","status":0,"title":"","attempts":0,"ms":0}`},
		{
			titles.Page{Input: "a", Title: "t", Attempts: 3},
			titles.ErrNoTitle,
			`{"input":"a","url":"","status":0,"error":"no title","kind":"no_title","attempts":3,"ms":0}`,
		},
		{
			titles.Page{Title: "m", Matches: []string{"m", "n"}},
			nil,
			`{"input":"","url":"","status":0,"title":"m","matches":["m","n"],"attempts":0,"ms":0}`,
		},
		{
			titles.Page{},
			&titles.Error{Kind: titles.KindDNS, Err: errors.New("x\ny")},
			`{"input":"","url":"","status":0,"error":"x","kind":"dns","attempts":0,"ms":0}`,
		},
	} {
		if got := string(jsonLine(c.page, c.err)); got != c.want+"\n" {
			t.Errorf("line  %swant  %s", got, c.want)
		}
	}
}

func TestRecordsAsRows(t *testing.T) {
	page := titles.Page{Input: "a,\t\"b\"", URL: "u", Status: 200, Title: "x\ny,", Charset: "utf-8", Attempts: 2, Took: time.Second}
	if got, want := string(csvLine(page, nil)), `"a, ""b""",u,200,"x y,",utf-8,,,2,1000`+"\n"; got != want {
		t.Errorf("csv line %q, want %q", got, want)
	}
	if got, want := string(tsvLine(page, titles.ErrNoTitle)), "a, \"b\"\tu\t200\t\tutf-8\tno title\tno_title\t2\t1000\n"; got != want {
		t.Errorf("tsv line %q, want %q", got, want)
	}
	for _, f := range formats[1:] {
		input, good, err := f.parse(bytes.TrimSuffix(f.line(page, titles.ErrNoTitle), []byte("\n")))
		if err != nil || good || keyOf(input) != keyOf(page.Input) {
			t.Errorf("%s: parsed as %q, %v, %v", f.name, input, good, err)
		}
	}
}

func TestFormatsThatSoundAlikeAreProposed(t *testing.T) {
	for name, want := range map[string]string{
		"txt":  `unknown format "txt"; did you mean text?`,
		"JSON": `unknown format "JSON"; did you mean json?`,
		"jsnl": `unknown format "jsnl"; did you mean json?`,
		"cvs":  `unknown format "cvs"; did you mean csv?`,
		"pdf":  `unknown format "pdf"; there are text, json, csv and tsv`,
		"":     `unknown format ""; there are text, json, csv and tsv`,
	} {
		if _, err := formatNamed(name); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

func TestByteSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "500000": 500000, "64KiB": 64 << 10, "64k": 64 << 10, "1MB": 1 << 20, "2G": 2 << 30, "1mib": 1 << 20,
		"": 0, "0": 0, "-1": 0, "K": 0, "1X": 0, "1KiBs": 0, "9999999999G": 0, "1.5M": 0,
	} {
		var s byteSize
		if err := s.Set(text); int64(s) != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", text, int64(s), err, want)
		}
	}
	for size, want := range map[byteSize]string{1 << 20: "1MiB", 3 << 10: "3KiB", 1000: "1000", 0: "0"} {
		if got := size.String(); got != want {
			t.Errorf("%d is %q, want %q", int64(size), got, want)
		}
	}
}
