package embedded_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

// newTLS returns the configuration of a server that signed for itself, and whom to trust to reach it.
func newTLS(t *testing.T) (config *tls.Config, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: roots, MinVersion: tls.VersionTLS13}, roots
}

func TestTLSEncryptsThePortAndLetsThisProcessIn(t *testing.T) {
	config, roots := newTLS(t)
	srv := start(t, embedded.Listen("127.0.0.1:0"), embedded.TLS(config), embedded.Token(fullToken))
	if !strings.HasPrefix(srv.URL(), "tls://127.0.0.1:") {
		t.Errorf("URL %s", srv.URL())
	}
	nc, err := nats.Connect(srv.URL(), nats.Token(fullToken), nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Error(err)
	}
	if nc, err := nats.Connect(srv.URL(), nats.Token(fullToken)); err == nil {
		nc.Close()
		t.Error("a certificate that nobody vouches for is taken")
	}
	if _, err := newJetStream(t, connect(t, srv)).AccountInfo(timeLimit(t)); err != nil {
		t.Error(err)
	}
}

func TestThreeServersReplicate(t *testing.T) {
	config, _ := newTLS(t)
	var routes []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, l.Addr().String())
		l.Close()
	}
	var servers []*embedded.Server
	for i, name := range []string{"a", "b", "c"} {
		servers = append(servers, start(t, embedded.Name(name), embedded.Listen("127.0.0.1:0"), embedded.StoreDir(t.TempDir()), embedded.TLS(config),
			embedded.Token(fullToken), embedded.Cluster("three", routes[i], routes...)))
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
	if _, err := js.Publish(ctx, "s", []byte("replicated")); err != nil {
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
