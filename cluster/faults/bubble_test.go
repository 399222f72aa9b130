package faults_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

const (
	ackWait   = 10 * time.Second
	heartbeat = 3 * time.Second
	late      = time.Millisecond // the server looks for what was not acknowledged so much later than it has to
)

// A bubble is a cluster in fake time, whose server has no port open.
type bubble struct {
	*testing.T
	server *server.Server
	dir    string
	log    *log
	cables []*cable
}

// inBubble runs a test in fake time. Tests in bubbles are not parallel to each other: they share slog.Default and acts.
func inBubble(t *testing.T, test func(b *bubble)) {
	t.Helper()
	// nats.go keeps timers for reuse, and those of a bubble must not get out of it: what is in a sync.Pool is gone after
	// two collections.
	defer func() { runtime.GC(); runtime.GC() }()
	runtime.GC()
	runtime.GC()
	was := slog.Default()
	defer slog.SetDefault(was)
	l := &log{}
	slog.SetDefault(slog.New(slog.NewTextHandler(l, nil)))
	defer func() {
		if t.Failed() {
			t.Logf("log:\n%s", l.String())
		}
	}()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, dir: dir, log: l}
		b.server = b.start(dir)
		test(b)
	})
}

// log is where slog.Default writes.
type log struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (b *bubble) start(dir string) *server.Server {
	b.Helper()
	s, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 30,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		b.Fatal("the server is not ready")
	}
	b.Cleanup(func() { shutDown(s) })
	return s
}

// shutDown ends a server that has nothing to do: it sleeps with a lock held, which somebody whose request is carried out
// may wait for, and then a bubble's clock stands still.
func shutDown(s *server.Server) {
	synctest.Wait()
	s.Shutdown()
	s.WaitForShutdown()
}

func (b *bubble) cable() *cable {
	c := &cable{server: b.server}
	b.cables = append(b.cables, c)
	return c
}

// copyStore copies what the server has on disk now, or a part of it.
func (b *bubble) copyStore(to, part string) {
	b.Helper()
	from := filepath.Join(b.dir, "jetstream", part)
	to = filepath.Join(to, "jetstream", part)
	if err := os.RemoveAll(to); err != nil {
		b.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		b.Fatal(err)
	}
}

// replace ends the server, and starts another on this store, to which everybody reconnects.
func (b *bubble) replace(dir string) {
	b.Helper()
	for _, c := range b.cables {
		c.cut() // who comes too early is refused at once
	}
	shutDown(b.server)
	b.server, b.dir = b.start(dir), dir
	for _, c := range b.cables {
		c.set(func() { c.server, c.deaf = b.server, false })
	}
}

func (b *bubble) connect(c *cable) *nats.Conn {
	b.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(c), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

// worker starts a worker, and waits until it asks for calls, or has ended: of a call that came at once.
func (b *bubble) worker(nc *nats.Conn, places int, name string) {
	b.Helper()
	pool := potok.NewPool(places)
	ctx, stop := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_ = cluster.Serve(ctx, nc, pool, cluster.WorkerName(name), cluster.OnReady(func() { close(ready) }))
	}()
	select {
	case <-ready:
	case <-over:
	}
	synctest.Wait()
	b.Cleanup(func() { stop(); nc.Close(); <-over; pool.Close() })
}

func (b *bubble) client(nc *nats.Conn, opts ...cluster.Option) *cluster.Client {
	b.Helper()
	c, err := cluster.Connect(context.Background(), nc, opts...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		hangs := time.AfterFunc(time.Hour, func() { panic("Close hangs") })
		defer hangs.Stop()
		c.Close()
		nc.Close()
	})
	synctest.Wait()
	return c
}

// An act is what a call does, by its name and how many times it was called before.
type act func(ctx context.Context, n int) (int, error)

var acts = struct {
	mu    sync.Mutex // guards the fields below
	all   map[string]act
	begun map[string][]time.Time
}{all: map[string]act{}, begun: map[string][]time.Time{}}

var perform = potok.Define("faults.perform", func(ctx context.Context, name string) (int, error) {
	acts.mu.Lock()
	n, act := len(acts.begun[name]), acts.all[name]
	acts.begun[name] = append(acts.begun[name], time.Now())
	acts.mu.Unlock()
	return act(ctx, n)
})

// act gives a name to what calls do.
func (b *bubble) act(name string, do act) {
	acts.mu.Lock()
	acts.all[name], acts.begun[name] = do, nil
	acts.mu.Unlock()
}

// begun returns when calls of this name have begun.
func (b *bubble) begun(name string) []time.Time {
	acts.mu.Lock()
	defer acts.mu.Unlock()
	return slices.Clone(acts.begun[name])
}

// want waits for a future of fake time.
func (b *bubble) want(f *potok.Future[int], want int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if v, err := f.Result(ctx); v != want || err != nil {
		b.Errorf("result %d, %v; want %d", v, err, want)
	}
}

// noCalls checks that the server has no calls any more.
func (b *bubble) noCalls(js *nats.Conn) {
	b.Helper()
	synctest.Wait()
	if left := subjects(b, newJetStream(b, js), "POTOK_CALLS", "potok.call.>"); len(left) > 0 {
		b.Errorf("calls are left: %v", left)
	}
}
