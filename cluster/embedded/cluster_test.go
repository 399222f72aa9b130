package embedded_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

// startThree starts the servers of a cluster, waits until they have a leader, and returns them with what their clients need.
func startThree(t *testing.T) (servers []*embedded.Server, secure nats.Option) {
	t.Helper()
	config, roots := newTLS(t)
	var routes []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, l.Addr().String())
		l.Close()
	}
	for i, name := range []string{"a", "b", "c"} {
		servers = append(servers, start(t, embedded.Name(name), embedded.Listen("127.0.0.1:0"), embedded.StoreDir(t.TempDir()), embedded.TLS(config),
			embedded.Token(fullToken), embedded.WorkerToken(workerToken), embedded.Cluster("three", routes[i], routes...)))
	}
	ctx := timeLimit(t)
	js := newJetStream(t, connect(t, servers[0]))
	create := func() error {
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // while they have no leader nobody answers
		defer cancel()
		_, err := js.CreateStream(short, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
		return err
	}
	for err := create(); err != nil; err = create() {
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return servers, nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})
}

func TestThreeServersReplicate(t *testing.T) {
	servers, _ := startThree(t)
	ctx := timeLimit(t)
	if _, err := newJetStream(t, connect(t, servers[0])).Publish(ctx, "s", []byte("replicated")); err != nil {
		t.Fatal(err)
	}
	stream, err := newJetStream(t, connect(t, servers[2])).Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := stream.Info(ctx); err != nil || info.State.Msgs != 1 || info.Cluster == nil || len(info.Cluster.Replicas) != 2 {
		t.Errorf("%+v, %v; want one message at a leader with two replicas", info, err)
	}
}

func TestWorkersServeThroughAnyServer(t *testing.T) {
	servers, secure := startThree(t)
	with := func(token string) nats.Option {
		return func(o *nats.Options) error {
			o.Token = token
			return secure(o)
		}
	}
	// The servers choose where the streams are: hardly all at the one that the worker is at.
	r := rightsAt(t, servers[2].URL(), with(fullToken), with(workerToken))
	t.Run("Calls", r.serve)
	t.Run("LargePayloads", r.largePayloads)
}
