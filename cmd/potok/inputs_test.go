package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/potok-go/potok/titles"
)

// readLines gives all inputs of a list, and the error that ended it.
func readLines(r io.Reader) ([]input, error) {
	lines, err := newLineReader(r)
	var all []input
	for err == nil {
		var i input
		if i, err = lines.next(); err == nil {
			all = append(all, i)
		}
	}
	return all, err
}

func TestLinesAreTrimmedAndEmptyOnesSkipped(t *testing.T) {
	list := "\xef\xbb\xbfa\r\n\n  b\t \n#c\n \t\n # d\ne#f\nlast"
	got, err := readLines(strings.NewReader(list))
	if want := "[{a <nil>  1} {b <nil>  3} {e#f <nil>  7} {last <nil>  8}]"; fmt.Sprint(got) != want || !errors.Is(err, io.EOF) {
		t.Errorf("inputs %v, %v; want %s", got, err, want)
	}
}

func TestLongLineFailsAlone(t *testing.T) {
	fits := strings.Repeat("x", maxLine-1)
	list := "a\n" + strings.Repeat("é", maxLine) + "\n" + fits + "\n" + strings.Repeat("y", 3*maxLine)
	got, err := readLines(strings.NewReader(list))
	if len(got) != 4 || !errors.Is(err, io.EOF) {
		t.Fatalf("%d inputs, %v", len(got), err)
	}
	if got[0].err != nil || !errors.Is(got[1].err, errLineTooLong) || got[2].text != fits || !errors.Is(got[3].err, errLineTooLong) {
		t.Errorf("errors %v, %v, %v, %v", got[0].err, got[1].err, got[2].err, got[3].err)
	}
	if want := strings.Repeat("é", shownOfLine/2) + "…"; got[1].text != want {
		t.Errorf("text %q, want %q", got[1].text, want)
	}
}

func TestGzipListIsUnpackedWhateverItsName(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "a\nb\n")
	z.Close()
	whole := packed.Bytes()
	if got, err := readLines(iotest.OneByteReader(bytes.NewReader(whole))); len(got) != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("inputs %v, %v", got, err)
	}
	if got, err := readLines(bytes.NewReader(whole[:len(whole)-4])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: inputs %v, %v", got, err)
	}
}

func TestListThatBreaksIsToldBehindItsInputs(t *testing.T) {
	dir := t.TempDir()
	page, list := filepath.Join(dir, "a.html"), filepath.Join(dir, "list.gz")
	write(t, page, "<title>a</title>")
	write(t, list, "\x1f\x8bthis is no gzip")
	var out, errOut strings.Builder
	code := run([]string{"titles", "-i", list, "-i", "-"}, strings.NewReader(page), &out, &errOut)
	if want := page + "\ta\n"; code != exitFailed || out.String() != want {
		t.Errorf("exit code %d, output %q; want %d, %q", code, out.String(), exitFailed, want)
	}
	if want := "potok: cannot read " + list + " to its end: gzip: invalid header\n"; errOut.String() != want {
		t.Errorf("stderr %q, want %q", errOut.String(), want)
	}
}

func TestClosedPipeEndsTheRunQuietly(t *testing.T) {
	page := filepath.Join(t.TempDir(), "a.html")
	write(t, page, "<title>a</title>")
	r, w := io.Pipe()
	r.Close()
	for _, format := range formatNames() {
		var errOut strings.Builder
		if code := run([]string{"titles", "--format", format}, &endlessly{line: page + "\n"}, w, &errOut); code != 0 || errOut.String() != "" {
			t.Errorf("%s: exit code %d, stderr %q", format, code, errOut.String())
		}
	}
}

// 100,000 inputs that are no good, of every sort, cost neither memory nor each other.
func TestManyBadInputsKeepMemoryFlat(t *testing.T) {
	const count = 100_000
	bad := []string{"http://[::1", "http://", "ftp://x/", "http://a b/", "http://%zz/", "/no/such/file", "file:///no/such", "http://x:y/", "a\x00b", "https://\x7f/"}
	list := &endlessly{line: strings.Join(bad, "\n") + "\n", times: count / len(bad)}
	var failed, peak atomic.Uint64
	errOut := writerFunc(func(p []byte) (int, error) {
		if n := failed.Add(1); n%10_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
		}
		return len(p), nil
	})
	begin := time.Now()
	if code := run([]string{"titles", "-j", "8"}, list, io.Discard, errOut); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if n := failed.Load(); n != count {
		t.Errorf("%d failures told, want %d", n, count)
	}
	if peak.Load() > 40<<20 {
		t.Errorf("%d MiB in use", peak.Load()>>20)
	}
	t.Logf("%v, %d MiB", time.Since(begin), peak.Load()>>20)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// endlessly repeats a line, for ever unless it is told how often.
type endlessly struct {
	line  string
	times int
	rest  string
}

func (e *endlessly) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = e.line
		switch e.times {
		case 0:
		case 1:
			e.times = -1
		case -1:
			return 0, io.EOF
		default:
			e.times--
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzInputLine(f *testing.F) {
	for _, list := range []string{
		"https://go.dev\n", "\xef\xbb\xbfa\r\n", "#\n\n \n", "\x1f\x8b", "a\x00b", "\xff\xfeh\x00", "no end",
	} {
		f.Add([]byte(list))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		whole, wholeErr := readLines(bytes.NewReader(list))
		parts, partsErr := readLines(iotest.HalfReader(bytes.NewReader(list)))
		if fmt.Sprint(whole) != fmt.Sprint(parts) || (wholeErr == io.EOF) != (partsErr == io.EOF) {
			t.Errorf("whole %v, %v; in parts %v, %v", whole, wholeErr, parts, partsErr)
		}
		for _, i := range whole {
			line := string(textLine(titles.Page{}, nil)) + harmless(i.text)
			if i.text == "" || len(i.text) > maxLine || strings.ContainsAny(line[2:], "\x00\n\t\x7f") {
				t.Errorf("input %q", i.text)
			}
		}
	})
}

func TestShortLineDoesNotWaitForTheNext(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go io.WriteString(w, "5\n")
	lines, err := newLineReader(r)
	if err != nil {
		t.Fatal(err)
	}
	if i, err := lines.next(); err != nil || i.text != "5" || i.line != 1 {
		t.Errorf("input %v, %v", i, err)
	}
}
