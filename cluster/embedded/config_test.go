package embedded_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/potok-go/potok/cluster/embedded"
)

func TestWhatCannotBeIsToldEarly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	token, worker := embedded.Token(fullToken), embedded.WorkerToken(workerToken)
	encrypted, listen := embedded.TLS(new(tls.Config)), embedded.Listen("127.0.0.1:0")
	machine := []string{"assign requested address", "not a directory"} // what another machine might let pass
	for _, tt := range []struct {
		name string
		opts []embedded.Option
		want string
	}{
		{"an address without a port", []embedded.Option{embedded.Listen("127.0.0.1")}, "want host:port"},
		{"a port that is none", []embedded.Option{embedded.Listen("127.0.0.1:nats")}, `"nats" is no port`},
		{"everybody, without anything", []embedded.Option{embedded.Listen("0.0.0.0:0")}, "needs TLS and a token"},
		{"everybody, by no host", []embedded.Option{embedded.Listen(":0"), token}, "needs TLS and a token"},
		{"everybody, without a token", []embedded.Option{embedded.Listen("[::]:0"), encrypted}, "needs TLS and a token"},
		{"a name", []embedded.Option{embedded.Listen("example.com:0")}, "needs TLS and a token"},
		{"an address of others", []embedded.Option{embedded.Listen("203.0.113.1:4222"), encrypted, token}, "assign requested address"},
		{"a store that is a file", []embedded.Option{embedded.StoreDir(file)}, "not a directory"},
		{"disk without a store", []embedded.Option{embedded.Durability(embedded.Strict)}, "Durability: strict needs a StoreDir"},
		{"memory with a store", []embedded.Option{embedded.Durability(embedded.Memory), embedded.StoreDir(file)}, "keeps nothing in a StoreDir"},
		{"an empty token", []embedded.Option{embedded.Token("")}, ": Token: it is empty"},
		{"an empty worker token", []embedded.Option{token, embedded.WorkerToken("")}, "WorkerToken: it is empty"},
		{"a worker token alone", []embedded.Option{worker}, "needs a Token beside it"},
		{"one token for both", []embedded.Option{token, embedded.WorkerToken(fullToken)}, "is the same as Token"},
		{"a cluster without a server name", []embedded.Option{listen, embedded.Cluster("c", "127.0.0.1:0")}, "need Names"},
		{"a cluster without clients", []embedded.Option{embedded.Name("a"), embedded.Cluster("c", "127.0.0.1:0")}, "need Listen"},
		{"a cluster without a name", []embedded.Option{embedded.Name("a"), listen, embedded.Cluster("", "127.0.0.1:0")}, "must not be empty"},
		{"a public cluster", []embedded.Option{embedded.Name("a"), listen, token, embedded.Cluster("c", "0.0.0.0:0")}, "Cluster: others can reach 0.0.0.0:0: that needs TLS and"},
		{"a route without a port", []embedded.Option{embedded.Name("a"), listen, embedded.Cluster("c", "127.0.0.1:0", "10.0.0.2")}, "route: address 10.0.0.2: missing port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv, err := embedded.Start(tt.opts...)
			if err == nil {
				srv.Close()
				t.Fatal("it starts")
			}
			if !strings.HasPrefix(err.Error(), "potok/embedded: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v; want %q in it", err, tt.want)
			}
			if _, ok := errors.AsType[*embedded.OptionError](err); ok == slices.Contains(machine, tt.want) {
				t.Errorf("%v: an OptionError: %v", err, ok)
			}
		})
	}
}

func TestMisuseOfOptionsPanics(t *testing.T) {
	for name, misuse := range map[string]func(){
		"Durability": func() { embedded.Durability(0) },
		"Limits":     func() { embedded.Limits(0, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v, ok := recover().(string); !ok || !strings.HasPrefix(v, "potok/embedded: "+name) {
					t.Errorf("panic %v", v)
				}
			}()
			misuse()
		})
	}
}
