package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok/cluster/embedded"
)

// minToken is the length below which a token could be guessed.
const minToken = 16

// serverFlags are the flags of the verb, as they were given; options completes them.
type serverFlags struct {
	listen               string
	store, durability    string
	token, workerToken   token
	cert, key, ca        string
	name                 string
	cluster, clusterAddr string
	routes               []string
}

var durabilities = []embedded.Mode{embedded.Fast, embedded.Strict, embedded.Memory}

// flagOfOption is how the options of a server are called here, of those that are left to it to judge.
var flagOfOption = map[string]string{"Listen": "--listen", "Cluster": "--cluster"}

func (f *serverFlags) register(cmd *cobra.Command) {
	f.token.variable, f.workerToken.variable = "POTOK_TOKEN", "POTOK_WORKER_TOKEN"
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", "127.0.0.1:4222", "let clients connect at `HOST:PORT`; port 0 takes a free one")
	flags.StringVar(&f.store, "store", "", "keep calls and results in `DIR` (default in memory, gone when the server ends)")
	flags.StringVar(&f.durability, "durability", "", "how safe what was accepted is, `MODE`: fast, strict or memory (default fast with --store, else memory)")
	flags.StringVar(&f.token.file, "token-file", "", "read the token for all rights from `FILE` (default $POTOK_TOKEN, or a random one)")
	flags.StringVar(&f.workerToken.file, "worker-token-file", "", "read the token of workers from `FILE` (default $POTOK_WORKER_TOKEN, or a random one)")
	flags.StringVar(&f.cert, "tls-cert", "", "encrypt, with the certificate in `FILE`")
	flags.StringVar(&f.key, "tls-key", "", "the key of the certificate, in `FILE`")
	flags.StringVar(&f.ca, "tls-ca", "", "let in only who has a certificate signed by one in `FILE`")
	flags.StringVar(&f.name, "name", "", "the `NAME` of this server, unique in its cluster (default random)")
	flags.StringVar(&f.cluster, "cluster", "", "be one of the servers of the cluster `NAME`")
	flags.StringVar(&f.clusterAddr, "cluster-listen", "127.0.0.1:6222", "let the other servers of the cluster connect at `HOST:PORT`")
	flags.StringSliceVar(&f.routes, "routes", nil, "where other servers of the cluster listen: `HOST:PORT,…`")
	complete(cmd, "durability", modeNames())
	for _, name := range []string{"token-file", "worker-token-file", "tls-cert", "tls-key", "tls-ca"} {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // a misspelled name
		}
	}
}

func modeNames() []string {
	var names []string
	for _, m := range durabilities {
		names = append(names, m.String())
	}
	return names
}

// options checks the flags and makes the server's options of them.
func (f *serverFlags) options() ([]embedded.Option, error) {
	if f.cluster == "" && len(f.routes) > 0 {
		return nil, errors.New("--routes are those of a --cluster, which is not given")
	}
	shared := f.cluster != "" // all servers of a cluster have the same tokens: none can make them up
	if err := errors.Join(f.token.read("--token-file", shared), f.workerToken.read("--worker-token-file", shared)); err != nil {
		return nil, err
	}
	if f.token.value == f.workerToken.value {
		return nil, errors.New("token and worker token are the same")
	}
	opts := []embedded.Option{embedded.Listen(f.listen), embedded.Token(f.token.value), embedded.WorkerToken(f.workerToken.value)}
	if f.durability == "" {
		f.durability = embedded.Memory.String()
		if f.store != "" {
			f.durability = embedded.Fast.String()
		}
	}
	mode := slices.Index(modeNames(), f.durability)
	switch {
	case mode < 0:
		return nil, unknownValue("durability", f.durability, modeNames())
	case durabilities[mode] == embedded.Memory && f.store != "":
		return nil, errors.New("--durability memory keeps nothing in a --store; leave one of them out")
	case durabilities[mode] != embedded.Memory && f.store == "":
		return nil, fmt.Errorf("--durability %s needs a --store", f.durability)
	}
	opts = append(opts, embedded.Durability(durabilities[mode]))
	if f.store != "" {
		opts = append(opts, embedded.StoreDir(f.store))
	}
	config, err := f.tls()
	if err != nil {
		return nil, err
	}
	if config != nil {
		opts = append(opts, embedded.TLS(config))
	}
	if f.name != "" {
		opts = append(opts, embedded.Name(f.name))
	}
	if f.cluster != "" {
		var routes []string
		for _, r := range f.routes {
			_, after, ok := strings.Cut(r, "://") // as nats.conf has them
			if !ok {
				after = r
			}
			routes = append(routes, after)
		}
		opts = append(opts, embedded.Cluster(f.cluster, f.clusterAddr, routes...))
	}
	return opts, nil
}

// tls reads the certificates; nil: there are none.
func (f *serverFlags) tls() (*tls.Config, error) {
	if f.cert == "" && f.key == "" && f.ca == "" {
		return nil, nil
	}
	if f.cert == "" || f.key == "" {
		return nil, errors.New("TLS needs both --tls-cert and --tls-key")
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", f.cert, f.key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if f.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-ca: %s has no certificate in PEM", f.ca)
	}
	config.ClientAuth, config.ClientCAs, config.RootCAs = tls.RequireAndVerifyClientCert, pool, pool
	return config, nil
}

// A token is a secret and where it came from: a file, else a variable, else it is random.
type token struct {
	file, variable, value string
	random                bool
}

// read finds the token. Where others must have the same one, it is not made up.
func (t *token) read(flag string, shared bool) error {
	where := "$" + t.variable
	t.value = os.Getenv(t.variable)
	switch {
	case t.file != "":
		text, err := os.ReadFile(t.file)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		where, t.value = flag+" "+t.file, strings.TrimSpace(string(text))
	case t.value == "" && shared:
		return fmt.Errorf("all servers of a --cluster have the same tokens: give %s or $%s", flag, t.variable)
	case t.value == "":
		t.value, t.random = rand.Text(), true
	}
	if len(t.value) < minToken || strings.ContainsAny(t.value, " \t\r\n'") {
		return fmt.Errorf("%s: a token has at least %d characters, without white space and quotes; `openssl rand -hex 16` makes one", where, minToken)
	}
	return nil
}

// assignment is what stands before a command that is to show the token. Only one that nobody knows yet is in it.
func (t *token) assignment() string {
	switch {
	case t.random:
		return "POTOK_TOKEN=" + t.value + " "
	case t.file != "":
		return `POTOK_TOKEN="$(cat ` + quoted(t.file) + `)" `
	case t.variable == "POTOK_TOKEN":
		return ""
	}
	return `POTOK_TOKEN="$` + t.variable + `" `
}

// quoted is a word for a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
