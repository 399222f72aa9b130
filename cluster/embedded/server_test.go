package embedded_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

// patience bounds every wait: it is long, as machines are shared.
const patience = 20 * time.Second

func start(t testing.TB, opts ...embedded.Option) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func connect(t testing.TB, srv *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := srv.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func newJetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestWithoutListenNoPortIsOpen(t *testing.T) {
	srv := start(t)
	if url := srv.URL(); url != "" {
		t.Errorf("URL %q, want none", url)
	}
	if nc := connect(t, srv); nc.ConnectedAddr() != "pipe" {
		t.Errorf("connected through %q, want a pipe", nc.ConnectedAddr())
	}
}

func TestCloseIsFinalAndRepeatable(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	srv := start(t, embedded.Listen("127.0.0.1:0"))
	address := strings.TrimPrefix(srv.URL(), "nats://")
	for range 2 {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the port is still open: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := srv.Connect(); err == nil {
		t.Error("connected to a closed server")
	}
}

func TestClientSeesWhereStreamsAreKept(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   []embedded.Option
		memory bool
	}{
		{"Memory", nil, true},
		{"Fast", []embedded.Option{embedded.StoreDir(t.TempDir())}, false},
		{"Strict", []embedded.Option{embedded.StoreDir(t.TempDir()), embedded.Durability(embedded.Strict)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			js, ctx := newJetStream(t, connect(t, start(t, tt.opts...))), timeLimit(t)
			info, err := js.AccountInfo(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Limits.MaxStore == 0; got != tt.memory {
				t.Errorf("limit of the store %d: memory %v, want %v", info.Limits.MaxStore, got, tt.memory)
			}
			_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Storage: jetstream.FileStorage})
			if refused := err != nil; refused != tt.memory {
				t.Errorf("a stream on disk: %v", err)
			}
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "M", Storage: jetstream.MemoryStorage}); err != nil {
				t.Errorf("a stream in memory: %v", err)
			}
		})
	}
}

func TestStreamsOutliveTheServer(t *testing.T) {
	dir, ctx := filepath.Join(t.TempDir(), "new"), timeLimit(t)
	srv := start(t, embedded.StoreDir(dir))
	nc := connect(t, srv)
	js := newJetStream(t, nc)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	js = newJetStream(t, connect(t, start(t, embedded.StoreDir(dir))))
	stream, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := stream.GetMsg(ctx, 1); err != nil || string(msg.Data) != "kept" {
		t.Errorf("message %v, %v", msg, err)
	}
}

func TestStoreBelongsToOneServer(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, embedded.StoreDir(dir))
	if second, err := embedded.Start(embedded.StoreDir(dir)); err == nil {
		second.Close()
		t.Fatal("two servers have one store")
	} else if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "another server has it") {
		t.Error(err)
	}
	srv.Close()
	start(t, embedded.StoreDir(dir))
}

func TestOnlyTokensOpenTheDoor(t *testing.T) {
	srv := start(t, embedded.Listen("localhost:0"), embedded.Token(fullToken), embedded.WorkerToken(workerToken))
	if strings.Contains(srv.URL(), fullToken) {
		t.Errorf("the URL %s has the token", srv.URL())
	}
	for _, token := range []string{"", "wrong", fullToken + "x"} {
		if nc, err := nats.Connect(srv.URL(), nats.Token(token)); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("token %q: %v", token, err)
			if nc != nil {
				nc.Close()
			}
		}
	}
	nc, err := nats.Connect(srv.URL(), nats.Token(fullToken))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := newJetStream(t, nc).AccountInfo(timeLimit(t)); err != nil {
		t.Error(err)
	}
}

func TestPortInUseIsAnErrorOfTheSystem(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	srv, err := embedded.Start(embedded.Listen(l.Addr().String()))
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v, %v; want address in use", srv, err)
	}
}
