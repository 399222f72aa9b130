package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

func TestPagesAreOfTheirSizeAndHaveOneTitle(t *testing.T) {
	for _, size := range []int{tinySize, slowPiece, lateSize, 50_000, 500_000} {
		for k := range distinctPages {
			page := htmlPage(k, size)
			if len(page) != size || bytes.Count(page, []byte("<title>")) != 1 {
				t.Fatalf("page %d of %d bytes has %d, and %d titles", k, size, len(page), bytes.Count(page, []byte("<title>")))
			}
			if title, err := findTitle(page); err != nil || string(title) != pageTitle(k) {
				t.Errorf("page %d has the title %q, %v", k, title, err)
			}
			if at := bytes.Index(page, []byte("</title>")); at > 500 {
				t.Errorf("the title of page %d ends at %d", k, at)
			}
		}
	}
	if !bytes.Equal(htmlPage(3, 50_000), htmlPage(3, 50_000)) {
		t.Error("a page is not the same each time")
	}
}

func TestListsAreTheSameFromAFileAndFromAReader(t *testing.T) {
	const base, n = "http://127.0.0.1:1/tiny", 1000
	l, err := writeList(t.TempDir(), base, n)
	if err != nil {
		t.Fatal(err)
	}
	fromFile, err := os.ReadFile(l.file)
	if err != nil {
		t.Fatal(err)
	}
	fromReader, err := io.ReadAll(&addressReader{base: base, n: n})
	if err != nil || !bytes.Equal(fromFile, fromReader) || bytes.Count(fromFile, []byte("\n")) != n {
		t.Errorf("the file has %d bytes, the reader %d, %v", len(fromFile), len(fromReader), err)
	}
}

// records are what the program prints for the titles.
func records(titles ...string) []byte {
	var b bytes.Buffer
	for _, title := range titles {
		fmt.Fprintf(&b, "{\"input\":\"x\",\"title\":%q}\n", title)
	}
	return b.Bytes()
}

func TestWrongTitlesAreFound(t *testing.T) {
	l := list{n: 2}
	if err := checkRecords(l, records(pageTitle(1), pageTitle(0))); err != nil {
		t.Errorf("right ones: %v", err)
	}
	potok, peer := potokTitles(nil, 1), goReader(byFast, "fasthttp", 1, 1)
	curl, script := curlParallel(tool{}, nil, 1, 7), notebookWorker(tool{}, nil, 1)
	tests := map[string]error{
		"one is missing":       potok.check(l, true, records(pageTitle(0))),
		"one twice":            potok.check(l, true, records(pageTitle(0), pageTitle(0))),
		"another one":          potok.check(l, true, records(pageTitle(0), "404 Not Found")),
		"no record":            potok.check(l, true, []byte("x\n")),
		"a rival had one":      peer.check(l, false, []byte(fmt.Sprintln(1, len(pageTitle(0))))),
		"a page was short":     curl.check(l, true, []byte("7\n6\n")),
		"a thread had died":    script.check(l, false, []byte(pageTitle(0)+"\n")),
		"a thread's was wrong": script.check(l, false, []byte(pageTitle(0)+";x\n")),
	}
	for name, err := range tests {
		if err == nil {
			t.Errorf("%s: not found", name)
		}
	}
}

func TestFlagsThatTheProgramDoesNotKnowAreLeftOut(t *testing.T) {
	shop := &workshop{potok: "potok", help: "  -j, --workers N\n      --per-host N   fetch N pages\n      --unordered[=true|false]   as they come\n"}
	got := strings.Join(shop.titles("LIST", 64, "--unordered", "--output=FILE").args, " ")
	if want := "titles -i LIST -j 64 --format json -q --unordered --per-host=0"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int]string{7: "7", 1000: "1,000", 10_050: "10,050", 10_000_000: "10,000,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestWhatNeedsAMissingToolIsSkipped(t *testing.T) {
	had := findNginx
	defer func() { findNginx = had }()
	findNginx = toolFinder("nginx", "nginx is not installed", "no-such-nginx")
	res, err := runGoal(always, fastPages(), plan{rounds: 1, shop: new(workshop)})
	if err != nil {
		t.Fatal(err)
	}
	w := res.workloads[0]
	if res.verdict() != skipped || len(w.rows) != 6 || len(w.notes) != 1 || !strings.Contains(w.notes[0], "nginx is not installed") {
		t.Errorf("verdict %s, rows %+v, notes %q", res.verdict(), w.rows, w.notes)
	}
	if text := (report{goals: []goalResult{res}}).String(); !strings.Contains(text, "T1 skipped: ") {
		t.Errorf("the report is\n%s", text)
	}
}
