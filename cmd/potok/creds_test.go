//go:build unix

package main

import (
	"path/filepath"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
)

// startForeignServer starts a NATS server that is not ours, where an operator says who may do what, and returns its URL and
// the credentials of a user.
func startForeignServer(t *testing.T) (url, creds string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	newKey := func(create func() (nkeys.KeyPair, error)) (key nkeys.KeyPair, public string) {
		key, err := create()
		must(err)
		public, err = key.PublicKey()
		must(err)
		return key, public
	}
	operator, operatorID := newKey(nkeys.CreateOperator)
	claims := jwt.NewOperatorClaims(operatorID)
	_, err := claims.Encode(operator)
	must(err)
	resolver := &server.MemAccResolver{}
	newAccount := func(limits jwt.JetStreamLimits) (key nkeys.KeyPair, public string) {
		key, public = newKey(nkeys.CreateAccount)
		account := jwt.NewAccountClaims(public)
		account.Limits.JetStreamLimits = limits
		text, err := account.Encode(operator)
		must(err)
		must(resolver.Store(public, text))
		return key, public
	}
	account, _ := newAccount(jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1})
	_, system := newAccount(jwt.JetStreamLimits{})
	user, userID := newKey(nkeys.CreateUser)
	text, err := jwt.NewUserClaims(userID).Encode(account)
	must(err)
	seed, err := user.Seed()
	must(err)
	file, err := jwt.FormatUserConfig(text, seed)
	must(err)
	creds = filepath.Join(t.TempDir(), "user.creds")
	write(t, creds, string(file))
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
		TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: resolver, SystemAccount: system,
	})
	must(err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server is not ready")
	}
	return s.ClientURL(), creds
}

func TestAForeignServerWithCredentials(t *testing.T) {
	url, creds := startForeignServer(t)
	worker := start(t, "worker", "--nats", url, "--creds", creds)
	worker.wantLine(t, worker.errOut, "serves")
	f := start(t, "fact", "--on", "cluster", "--nats", url, "--creds", creds, "--run", "r", "5", "20")
	f.wantEnd(t, 0, "5\t120\n20\t2432902008176640000\n")
	f = start(t, "fact", "--on", "cluster", "--nats", url, "5")
	f.wantLine(t, f.errOut, "set POTOK_TOKEN to the token that `potok server` shows, or give --creds")
	f.wantEnd(t, exitFailed, "")
	runs := start(t, "runs", "show", "r", "--nats", url, "--creds", creds)
	runs.wantLine(t, runs.out, "RUN")
	runs.wantLine(t, runs.out, "r ")
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
	worker.wantDrained(t)
}
