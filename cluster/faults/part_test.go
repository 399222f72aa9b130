package faults_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

// A part is a program that can be killed. It ends with its standard input, so none outlives the tests.
type part struct {
	Role string // server, worker or client

	// Of a server.
	Listen, Dir string
	Mode        embedded.Mode
	Name, Peer  string // of one of a cluster
	Peers       []string

	// Of the others.
	URL    string
	Places int
	Run    string
	Orders []order
}

func (p *part) play() error {
	switch p.Role {
	case "server":
		return p.serve()
	case "worker":
		return p.work()
	}
	return p.submit()
}

func untilInputEnds() { _, _ = io.Copy(io.Discard, os.Stdin) }

func (p *part) serve() error {
	opts := []embedded.Option{embedded.Listen(p.Listen), embedded.StoreDir(p.Dir), embedded.Durability(p.Mode)}
	if p.Name != "" {
		opts = append(opts, embedded.Name(p.Name), embedded.Cluster("faults", p.Peer, p.Peers...))
	}
	s, err := embedded.Start(opts...)
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	untilInputEnds()
	return s.Close()
}

func dial(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.RetryOnFailedConnect(true))
}

func (p *part) work() error {
	nc, err := dial(p.URL)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() { untilInputEnds(); stop() }()
	return cluster.Serve(ctx, nc, potok.NewPool(p.Places), cluster.OnReady(func() { fmt.Println("ready") }))
}

// submit prints each answer, in order.
func (p *part) submit() error {
	nc, err := dial(p.URL)
	if err != nil {
		return err
	}
	ctx := context.Background()
	c, err := cluster.Connect(ctx, nc, cluster.WithRun(p.Run))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for i, f := range work.SubmitAll(ctx, c, p.Orders) {
		v, err := f.Result(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("call %d: %w", i, err)
		case v != p.Orders[i].answer():
			return fmt.Errorf("call %d: %d, want %d", i, v, p.Orders[i].answer())
		}
		fmt.Println("answer", i)
	}
	fmt.Println("all")
	untilInputEnds()
	return c.Close()
}

// A player is a process that plays a part.
type player struct {
	t     testing.TB
	role  string
	cmd   *exec.Cmd
	input io.Closer
	lines chan string
	once  sync.Once
}

// play starts a process, and kills it when the test ends.
func play(t testing.TB, p part) *player {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partVar+"="+string(text))
	if len(text) > 100_000 { // more than a variable takes
		t.Fatal("too many orders")
	}
	words, err := os.CreateTemp(t.TempDir(), p.Role)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = words
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pl := &player{t: t, role: p.Role, cmd: cmd, input: input, lines: make(chan string, 1<<12)} // all that a client prints
	read := make(chan struct{})
	go func() { // ends with the process; kill waits for it
		defer close(read)
		defer close(pl.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			pl.lines <- s.Text()
		}
	}()
	pl.t.Cleanup(func() {
		pl.kill()
		<-read
		words.Close()
		if text, err := os.ReadFile(words.Name()); t.Failed() && err == nil && len(text) > 0 {
			t.Logf("the %s said:\n%s", p.Role, text)
		}
	})
	return pl
}

// kill ends the process with SIGKILL.
func (pl *player) kill() {
	pl.once.Do(func() {
		_ = pl.cmd.Process.Kill()
		_ = pl.cmd.Wait()
		pl.input.Close()
	})
}

// line returns the next line that the process prints.
func (pl *player) line() string {
	pl.t.Helper()
	select {
	case line, ok := <-pl.lines:
		if !ok || strings.HasPrefix(line, "error:") {
			pl.t.Fatalf("the %s has ended: %q", pl.role, line)
		}
		return line
	case <-time.After(patience):
		pl.t.Fatalf("the %s says nothing", pl.role)
	}
	return ""
}

func (pl *player) ready() *player {
	pl.t.Helper()
	if line := pl.line(); line != "ready" {
		pl.t.Fatalf("the %s says %q", pl.role, line)
	}
	return pl
}

// answers reads so many answers of a client.
func (pl *player) answers(n int) {
	pl.t.Helper()
	for i := range n {
		if line, want := pl.line(), fmt.Sprintf("answer %d", i); line != want {
			pl.t.Fatalf("the client says %q, want %q", line, want)
		}
	}
}

// startServer starts a server of its own process, and returns its address.
func startServer(t testing.TB, dir, listen string, mode embedded.Mode) (*player, string) {
	t.Helper()
	pl := play(t, part{Role: "server", Listen: listen, Dir: dir, Mode: mode})
	return pl, pl.line()
}

func startWorker(t testing.TB, url string, places int) *player {
	t.Helper()
	return play(t, part{Role: "worker", URL: url, Places: places}).ready()
}

// connectTo connects a client in this process.
func connectTo(t testing.TB, url, run string) *cluster.Client {
	t.Helper()
	nc, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := cluster.Connect(ctx, nc, cluster.WithRun(run))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// submitAll submits all, and returns what waits until each future has its answer.
func submitAll(t testing.TB, c *cluster.Client, all []order) (wait func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	futures := work.SubmitAll(ctx, c, all)
	return func() {
		t.Helper()
		for i, f := range futures {
			v, err := f.Result(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("call %d has no answer: %v, %+v", i, err, c.Stats())
			}
			if v != all[i].answer() || err != nil {
				t.Errorf("call %d: %d, %v; want %d", i, v, err, all[i].answer())
			}
		}
	}
}
