//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// aServer is a session with potok server, and what it said when it was ready.
type aServer struct {
	*session
	url, said string
}

var shownToken = regexp.MustCompile(`POTOK_TOKEN=([A-Z0-9]+) potok (\w+)`)

func startServer(t *testing.T, args ...string) *aServer {
	t.Helper()
	return startServerFor(t, patience, args...)
}

func startServerFor(t *testing.T, most time.Duration, args ...string) *aServer {
	t.Helper()
	s := &aServer{session: startFor(t, most, append([]string{"server", "--listen", "127.0.0.1:0"}, args...)...)}
	url, err := s.out.ReadString('\n')
	if err != nil {
		rest, _ := io.ReadAll(s.errOut)
		t.Fatalf("no URL: %v\n%s", err, rest)
	}
	s.url = strings.TrimSpace(url)
	for !strings.Contains(s.said, "potok titles") {
		line, err := s.errOut.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		s.said += line
	}
	return s
}

// end ends it as Ctrl-C does.
func (s *aServer) end(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for line := ""; !strings.Contains(line, "the server ends"); { // after what it warned of
		var err error
		if line, err = s.errOut.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	s.wantEnd(t, 0, "")
}

func dial(t *testing.T, url, token string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.Token(token), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // the default prints
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestServerShowsRandomTokensThatWork(t *testing.T) {
	s := startServer(t)
	tokens := make(map[string]string)
	for _, m := range shownToken.FindAllStringSubmatch(s.said, -1) {
		tokens[m[2]] = m[1]
	}
	if !strings.HasPrefix(s.url, "nats://127.0.0.1:") || len(tokens) != 2 || tokens["worker"] == tokens["titles"] || !strings.Contains(s.said, "in memory") {
		t.Fatalf("URL %q, said:\n%s", s.url, s.said)
	}
	js, err := jetstream.New(dial(t, s.url, tokens["titles"]))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := js.AccountInfo(t.Context()); err != nil || info.Limits.MaxStore != 0 {
		t.Errorf("%+v, %v; want memory only", info, err)
	}
	worker := dial(t, s.url, tokens["worker"])
	if _, err := worker.SubscribeSync("potok.res.>"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(worker.Flush(), worker.LastError()); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("the worker's token reads results: %v", err)
	}
	s.end(t)
}

func TestServerKeepsWhatItHasOnDisk(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "it's a token")
	const secret = "0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--store", filepath.Join(dir, "store"), "--token-file", file}
	for _, kept := range []bool{false, true} {
		s := startServer(t, args...)
		if strings.Contains(s.said, secret) || !strings.Contains(s.said, `POTOK_TOKEN="$(cat '`+filepath.Join(dir, `it'\''s a token`)+`')" potok titles`) || !strings.Contains(s.said, "durability fast") {
			t.Errorf("said:\n%s", s.said)
		}
		nc := dial(t, s.url, secret)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = js.Stream(t.Context(), "S")
		if found := err == nil; found != kept {
			t.Errorf("stream kept: %v, want %v", err, kept)
		}
		if _, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S"}); err != nil {
			t.Fatal(err)
		}
		if kept {
			second := start(t, append([]string{"server", "--listen", "127.0.0.1:0"}, args...)...)
			second.wantLine(t, second.errOut, "another server has it")
			second.wantEnd(t, 1, "")
		}
		nc.Close()
		s.end(t)
	}
}

func TestServerTellsOfAPortInUse(t *testing.T) {
	first := startServer(t)
	second := start(t, "server", "--listen", strings.TrimPrefix(first.url, "nats://"))
	second.wantLine(t, second.errOut, "address already in use")
	second.wantLine(t, second.errOut, "--listen 127.0.0.1:0")
	second.wantEnd(t, 1, "")
	first.end(t)
}
