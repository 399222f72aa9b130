package cluster_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
	"github.com/potok-go/potok/internal/exectest"
)

func startServer(t testing.TB, opts ...embedded.Option) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if inBubble() { // else its clock could stand still while the server waits for a request that it holds a lock for
			synctest.Wait()
		}
		s.Close()
	})
	return s
}

// inBubble says whether this is a synctest bubble, where time begins in another year.
func inBubble() bool { return time.Now().Year() == 2000 }

func connect(t testing.TB, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// newCluster returns a client of a cluster with one worker, on a server of its own.
func newCluster(t testing.TB, workers int, opts ...cluster.Option) *cluster.Client {
	t.Helper()
	// nats.go keeps timers for reuse, and those of a bubble must not get out of it: what is in a sync.Pool is gone after
	// two collections.
	t.Cleanup(func() { runtime.GC(); runtime.GC() })
	return joinCluster(t, startServer(t), workers, opts...)
}

func joinCluster(t testing.TB, s *embedded.Server, workers int, opts ...cluster.Option) *cluster.Client {
	t.Helper()
	pool := potok.NewPool(workers)
	serve(t, s, pool)
	c, err := cluster.Connect(t.Context(), connect(t, s), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	until(t, "the worker is known", func() bool { return c.Stats().Workers == workers })
	return c
}

// serve runs a worker until the end of the test, and closes its executor. It does not drain, which takes a while.
func serve(t testing.TB, s *embedded.Server, ex potok.Executor, opts ...cluster.ServeOption) {
	t.Helper()
	ready, over := make(chan struct{}), make(chan error, 1)
	nc := connect(t, s)
	go func() {
		over <- cluster.Serve(context.Background(), nc, ex, append(opts, cluster.OnReady(func() { close(ready) }))...)
	}()
	t.Cleanup(func() {
		nc.Close()
		if err := <-over; !errors.Is(err, nats.ErrConnectionClosed) {
			t.Error(err)
		}
		ex.Close()
	})
	<-ready
}

// until polls for what nobody signals.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// spares are servers that cases outside of bubbles take one after the other: stopping one takes 50 ms.
type spares struct {
	mu   sync.Mutex // guards free
	free []*embedded.Server
}

func (p *spares) take(t testing.TB) *embedded.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return startServer(t)
	}
	s := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	t.Cleanup(func() { // as it was
		nc, err := s.Connect()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		for name := range js.StreamNames(context.Background()).Name() {
			if err := js.DeleteStream(context.Background(), name); err != nil {
				t.Error(err)
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, s)
	})
	return s
}

func TestConformance(t *testing.T) {
	var servers spares
	for range 8 {
		servers.free = append(servers.free, startServer(t))
	}
	exectest.Run(t, exectest.Options{
		Calls:           2000,
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
			if inBubble() {
				return newCluster(t, workers, opts...)
			}
			return joinCluster(t, servers.take(t), workers, opts...)
		},
	})
}
