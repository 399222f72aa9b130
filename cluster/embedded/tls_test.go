package embedded_test

import (
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
