package cluster_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/internal/exectest"
)

func startServer(t testing.TB) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 30,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("not ready")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func connect(t testing.TB, s *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func newCluster(t testing.TB, workers int, opts ...cluster.Option) *cluster.Client {
	t.Helper()
	// nats.go keeps timers for reuse, and those of a bubble must not get out of it: what is in a sync.Pool is gone after
	// two collections.
	t.Cleanup(func() { runtime.GC(); runtime.GC() })
	s := startServer(t)
	pool := potok.NewPool(workers)
	ctx, stop := context.WithCancel(context.Background())
	ready, over := make(chan struct{}), make(chan error, 1)
	wc := connect(t, s)
	go func() { over <- cluster.Serve(ctx, wc, pool, cluster.OnReady(func() { close(ready) })) }()
	<-ready
	c, err := cluster.Connect(ctx, connect(t, s), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
		pool.Close()
	})
	for c.Stats().Workers < workers {
		time.Sleep(time.Millisecond)
	}
	return c
}

var double = potok.Define("cluster.double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

func TestACall(t *testing.T) {
	c := newCluster(t, 2)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := double.Submit(ctx, c, 21).Result(ctx)
	if v != 42 || err != nil {
		t.Fatal(v, err)
	}
}

var _ = exectest.Run

func TestConformance(t *testing.T) {
	exectest.Run(t, exectest.Options{
		SameProcess:     true,
		MayRunCancelled: true,
		Bubbles:         true,
		New: func(t testing.TB, workers int, settings ...exectest.Setting) potok.Executor {
			s := exectest.Collect(settings...)
			opts := []cluster.Option{cluster.WithName(s.Name)}
			if s.Backlog >= 0 {
				opts = append(opts, cluster.WithBacklog(s.Backlog))
			}
			if s.Observer != nil {
				opts = append(opts, cluster.WithObserver(*s.Observer))
			}
			return newCluster(t, workers, opts...)
		},
	})
}
