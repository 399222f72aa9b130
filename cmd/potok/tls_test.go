//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newCertificate writes a certificate that vouches for itself, and its key.
func newCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key
}

func TestAClusterWithCertificatesOnBothSides(t *testing.T) {
	cert, key := newCertificate(t)
	c := newCluster(t, patience, "--tls-cert", cert, "--tls-key", key, "--tls-ca", cert)
	if !strings.HasPrefix(c.url, "tls://127.0.0.1:") {
		t.Errorf("URL %s", c.url)
	}
	ours := []string{"--tls-ca", cert, "--tls-cert", cert, "--tls-key", key}
	worker := c.work(t, ours...)
	f := start(t, append([]string{"fact", "--on", "cluster", "--nats", c.full, "20"}, ours...)...)
	f.wantEnd(t, 0, "20\t2432902008176640000\n")
	for hint, flags := range map[string][]string{
		"show the server a certificate by --tls-cert and --tls-key":       {"--tls-ca", cert},
		"give the certificate of who has signed the server's by --tls-ca": {"--tls-cert", cert, "--tls-key", key},
	} {
		f := start(t, append([]string{"fact", "--on", "cluster", "--nats", c.full, "20"}, flags...)...)
		f.wantLine(t, f.errOut, hint)
		f.wantEnd(t, exitFailed, "")
	}
	worker.wantDrained(t)
	c.end(t)
}
