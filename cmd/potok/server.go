package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok/cluster/embedded"
)

func newServer() *cobra.Command {
	var f serverFlags
	cmd := &cobra.Command{
		Use:   "server [flags]",
		Short: "Run a server for a cluster of workers",
		Long: fmt.Sprintf(`Run a server that takes calls and hands them to workers on any number of machines, until Ctrl-C or SIGTERM. It is a NATS server with
JetStream, in this process.

Its URL is printed on stdout when clients can connect; what to type elsewhere to use it, on stderr. Only this machine can connect unless
--listen says otherwise, and an address that others can reach needs --tls-cert and --tls-key.

Without --store everything is kept in memory, at most %d GiB, and is gone when the server ends. With it calls and results are on disk, at
most %d GiB, in a directory that belongs to this server:
  fast    synced every second: a power cut costs at most the last one (the default)
  strict  synced before anything is accepted: a power cut costs nothing accepted; slower
The death of the process alone costs nothing in either.

Clients show a token. The token has all rights; the worker token only those that workers need. Where they are not given, in files or in
the variables POTOK_TOKEN and POTOK_WORKER_TOKEN, they are random and shown once, on stderr. They have %d characters or more.

--cluster makes it one of several servers, of three for example, that replicate what they keep: each with a --name and a --store of its own,
the same --cluster and tokens, and --routes to the --cluster-listen of the others.

Every flag can be set by a variable, --listen by POTOK_LISTEN and so on; the flag wins.

Exit code: 0 a signal ended it, 1 it could not start, 2 called wrongly. A second signal ends it at once.`,
			embedded.DefaultMemory>>30, embedded.DefaultDisk>>30, minToken),
		Example: `  potok server
  potok server --store /var/lib/potok --durability strict
  potok server --listen 0.0.0.0:4222 --tls-cert server.pem --tls-key server.key --token-file token --worker-token-file worker-token`,
		Args: cobra.NoArgs,
		RunE: f.run,
	}
	f.register(cmd)
	return cmd
}

// run starts the server and waits for a signal.
func (f *serverFlags) run(cmd *cobra.Command, _ []string) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	errOut := cmd.ErrOrStderr()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(errOut, nil))) // what the server warns of; main has silenced the default
	defer slog.SetDefault(before)
	signals, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv, err := embedded.Start(opts...)
	if err != nil {
		return f.cannotStart(errOut, err)
	}
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), srv.URL()); err != nil && !closedPipe(err) {
		fmt.Fprintf(errOut, "potok: %v\n", errors.Join(outputFault(err), srv.Close()))
		return exitError(exitFailed)
	}
	f.explain(errOut, srv.URL())
	<-signals.Done()
	stop() // the next signal ends the program
	fmt.Fprintln(errOut, "potok: the server ends (again to stop now)")
	if err := srv.Close(); err != nil {
		fmt.Fprintf(errOut, "potok: %s\n", withoutPackage(err))
		return exitError(exitFailed)
	}
	return nil
}

// explain says what is kept where, and what to type elsewhere.
func (f *serverFlags) explain(errOut io.Writer, url string) {
	kept := "in memory, gone when the server ends; --store DIR keeps them"
	if f.store != "" {
		kept = fmt.Sprintf("in %s, durability %s", f.store, f.durability)
	}
	fmt.Fprintf(errOut, `potok: server at %[1]s; Ctrl-C ends it
potok: calls and results are kept %[2]s
potok: a worker, which can only work, and a run on all workers:
  %[3]spotok worker --nats %[1]s
  %[4]spotok titles --on cluster --nats %[1]s https://go.dev
`, url, kept, f.workerToken.assignment(), f.token.assignment())
}

// cannotStart says what is in the way, and what to do. What options alone explain is about how the program was called.
func (f *serverFlags) cannotStart(errOut io.Writer, err error) error {
	if wrong, ok := errors.AsType[*embedded.OptionError](err); ok {
		return fmt.Errorf("%s: %w", flagOfOption[wrong.Option], wrong.Err)
	}
	fmt.Fprintf(errOut, "potok: %s\n", withoutPackage(err))
	if errors.Is(err, syscall.EADDRINUSE) {
		fmt.Fprintln(errOut, "Another program has the port, perhaps a server that runs already. Take another one with --listen 127.0.0.1:0 (any that is free).")
	}
	return exitError(exitFailed)
}

// withoutPackage is what an error says without the names of packages before it.
func withoutPackage(err error) string { return withoutPackages(err.Error()) }

func withoutPackages(text string) string {
	for _, p := range packages {
		text = strings.ReplaceAll(text, p, "")
	}
	return text
}
