package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

const (
	connectTime   = 5 * time.Second        // that a server has to let us in
	reconnectWait = 500 * time.Millisecond // between two attempts, when it was there once
)

// natsFlags say which server to use, and who we are.
type natsFlags struct{ url, creds, ca, cert, key string }

func (f *natsFlags) register(cmd *cobra.Command, preset, usage string) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "nats", preset, usage)
	flags.StringVar(&f.creds, "creds", "", "show the server the NATS credentials in `FILE` (default the token in $POTOK_TOKEN)")
	flags.StringVar(&f.ca, "tls-ca", "", "believe the server's certificate if one in `FILE` has signed it (default the system's)")
	flags.StringVar(&f.cert, "tls-cert", "", "show the server the certificate in `FILE`, where it asks for one")
	flags.StringVar(&f.key, "tls-key", "", "the key of that certificate, in `FILE`")
	complete(cmd, "nats", nil)
	for _, name := range natsFiles {
		if err := cmd.MarkFlagFilename(name); err != nil {
			panic(err) // a misspelled name
		}
	}
}

// natsFiles are the flags that name a file.
var natsFiles = []string{"creds", "tls-ca", "tls-cert", "tls-key"}

// check finds what is wrong with the flags themselves.
func (f *natsFlags) check() error {
	for i, file := range []string{f.creds, f.ca, f.cert, f.key} {
		if file == "" {
			continue
		}
		if _, err := os.ReadFile(file); err != nil {
			return fmt.Errorf("--%s: %w", natsFiles[i], err)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	for one := range strings.SplitSeq(f.url, ",") {
		if strings.TrimSpace(one) == "" {
			return errors.New("--nats is empty; want a URL, such as nats://127.0.0.1:4222")
		}
	}
	return nil
}

// dial connects to the server, which has to be there now. When it is not later it is waited for, without end, and said so.
func (f *natsFlags) dial(name string, more ...nats.Option) (*nats.Conn, error) {
	opts := append([]nats.Option{
		nats.Name("potok " + name),
		nats.Timeout(connectTime),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil && !nc.IsClosed() {
				slog.Default().Warn("the connection to the server is lost: waiting for it")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			slog.Default().Warn("connected again", "server", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			slog.Default().Warn("connection", "err", err)
		}), // nats.go's own prints to stderr
	}, more...)
	if token := os.Getenv("POTOK_TOKEN"); token != "" && f.creds == "" {
		opts = append(opts, nats.Token(token))
	}
	if f.creds != "" {
		opts = append(opts, nats.UserCredentials(f.creds))
	}
	if f.ca != "" {
		opts = append(opts, nats.RootCAs(f.ca))
	}
	if f.cert != "" {
		opts = append(opts, nats.ClientCert(f.cert, f.key))
	}
	nc, err := nats.Connect(f.url, opts...)
	if err != nil {
		return nil, f.explain(err)
	}
	return nc, nil
}

// explain says what to do about an error of the first connection.
func (f *natsFlags) explain(err error) error {
	hint := "is it running? `potok server` starts one"
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		hint = "set POTOK_TOKEN to the token that `potok server` shows, or give --creds"
	case strings.Contains(err.Error(), "certificate required"), strings.Contains(err.Error(), "after TLS handshake"): // as it is read, or is too late to be
		hint = "show the server a certificate by --tls-cert and --tls-key"
	case errors.Is(err, nats.ErrSecureConnWanted), strings.Contains(err.Error(), "x509"), strings.Contains(err.Error(), "tls:"):
		hint = "give the certificate of who has signed the server's by --tls-ca"
	}
	return fmt.Errorf("no connection to %s: %s; %s", withoutSecret(f.url), strings.TrimPrefix(err.Error(), "nats: "), hint)
}

// withoutSecret is a list of URLs without who we are.
func withoutSecret(list string) string {
	var shown []string
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if u, err := url.Parse(one); err == nil {
			u.User = nil
			one = u.String()
		} else if _, after, ok := strings.Cut(one, "@"); ok {
			one = after
		}
		shown = append(shown, one)
	}
	return strings.Join(shown, ",")
}

// leave closes a connection when what was sent has arrived, or a second later.
func leave(nc *nats.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if nc.IsConnected() {
		_ = nc.FlushWithContext(ctx) // what is lost was not waited for
	}
	nc.Close()
}

// tellFault says why a verb could not begin or go on, and returns the exit code.
func tellFault(errOut io.Writer, err error) error {
	fmt.Fprintf(errOut, "potok: %s\n", harmless(withoutPackage(err)))
	return exitError(exitFailed)
}
