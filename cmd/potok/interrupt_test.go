//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// session is the program with an input that stays open.
type session struct {
	*exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errOut *bufio.Reader
}

func start(t *testing.T, args ...string) *session {
	t.Helper()
	return startFor(t, patience, args...)
}

// startFor is start for a session that may take so long.
func startFor(t *testing.T, most time.Duration, args ...string) *session {
	t.Helper()
	path, err := exec.LookPath("potok")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), most)
	t.Cleanup(cancel)
	s := &session{Cmd: exec.CommandContext(ctx, path, args...)}
	s.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector's second at every exit
	pipes := []func() error{
		func() (err error) { s.in, err = s.StdinPipe(); return err },
		func() error { out, err := s.StdoutPipe(); s.out = bufio.NewReader(out); return err },
		func() error { out, err := s.StderrPipe(); s.errOut = bufio.NewReader(out); return err },
		s.Start,
	}
	for _, step := range pipes {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { // what a case has not waited for
		cancel()
		_ = s.Wait()
	})
	return s
}

func (s *session) wantLine(t *testing.T, from *bufio.Reader, part string) {
	t.Helper()
	if line, err := from.ReadString('\n'); err != nil || !strings.Contains(line, part) {
		t.Fatalf("line %q, %v; want %q in it", line, err, part)
	}
}

// wantEnd reads what is still written to stdout, and waits for the end.
func (s *session) wantEnd(t *testing.T, code int, out string) {
	t.Helper()
	rest, err := io.ReadAll(s.out)
	if err != nil || string(rest) != out {
		t.Errorf("rest of stdout %q, %v; want %q", rest, err, out)
	}
	words, _ := io.ReadAll(s.errOut)
	s.Wait()
	if got := s.ProcessState.ExitCode(); got != code {
		t.Errorf("%v, want exit code %d; it said %q", s.ProcessState, code, words)
	}
}

func wantAsked(t *testing.T, site *site, path string) {
	t.Helper()
	select {
	case got := <-site.arrived:
		if got != path {
			t.Fatalf("asked for %s, want %s", got, path)
		}
	case <-time.After(patience):
		t.Fatalf("nobody asked for %s", path)
	}
}

func TestFirstInterruptFinishesWhatRuns(t *testing.T) {
	site := newSite(t)
	s := start(t, "titles", "-j", "1")
	fmt.Fprintf(s.in, "%[1]s/title/a\n%[1]s/hang/b\n%[1]s/title/c\n", site.address)
	s.wantLine(t, s.out, "\ta\n") // streamed, though the input is open and the next page hangs
	wantAsked(t, site, "/hang/b")
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantLine(t, s.errOut, "potok: interrupted")
	site.let <- struct{}{}
	s.wantEnd(t, exitInterrupted, site.address+"/hang/b\tb\n")
}

func TestSecondInterruptStopsAtOnce(t *testing.T) {
	site := newSite(t)
	s := start(t, "titles")
	fmt.Fprintf(s.in, "%s/hang/a\n", site.address)
	wantAsked(t, site, "/hang/a")
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantLine(t, s.errOut, "potok: interrupted")
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantEnd(t, exitInterrupted, "")
}

func TestInterruptWhileWaitingForInputEndsTheRun(t *testing.T) {
	s := start(t, "titles")
	page := t.TempDir() + "/a.html"
	if err := os.WriteFile(page, []byte("<title>a</title>"), 0o600); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(s.in, page)
	s.wantLine(t, s.out, "\ta\n")
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantEnd(t, exitInterrupted, "")
}

func TestEachLineIsOneWrite(t *testing.T) {
	var out writes
	page := t.TempDir() + "/a.html"
	if err := os.WriteFile(page, []byte("<title>a</title>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run([]string{"titles", page, page}, strings.NewReader(""), &out, io.Discard); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, w := range out {
		if bytes.Count(w, []byte("\n")) != 1 || w[len(w)-1] != '\n' {
			t.Errorf("a write of %q", w)
		}
	}
	if len(out) != 2 {
		t.Errorf("%d writes, want 2", len(out))
	}
}

type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}
