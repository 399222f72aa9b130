package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/potok-go/potok/cluster"
)

// runsFlags are the flags of the verb and those below it.
type runsFlags struct {
	nats natsFlags
	json bool
}

func newRuns() *cobra.Command {
	var f runsFlags
	cmd := &cobra.Command{
		Use:   "runs [flags]",
		Short: "List the runs of a cluster, cancel and remove them",
		Long: `List the runs that the server at --nats knows, the first one first, and how many of their calls are done, failed, cancelled, dead or
wait. Runs have the name that --run ID gave them, or a random one that nobody can take up again.

A call is dead that was given up: each of its workers died, or it made no sense to one. It stands among the dead letters of its run, and
can be queued again. Of a run without a name calls that wait together count as one.

Who may use the server is in the URL, in $POTOK_TOKEN, where the worker token does not suffice, or in --creds.

Exit code: 0 all is well, 1 the server or the run is not there, or something could not be done, 2 called wrongly.`,
		Example: `  potok runs --nats nats://127.0.0.1:4222
  potok runs show --json nightly | jq .waiting
  potok runs requeue nightly`,
		Args: cobra.NoArgs,
		RunE: f.do(func(ctx context.Context, nc *nats.Conn, out io.Writer, _ []string) error {
			runs, err := cluster.Runs(ctx, nc)
			if err != nil {
				return err
			}
			return f.list(out, runs)
		}),
	}
	cmd.AddCommand(
		f.sub("show RUN", "Tell how far a run is, and which calls are dead", cobra.ExactArgs(1), true, f.show),
		f.sub("cancel RUN", "Cancel what waits and runs of a run", cobra.ExactArgs(1), false, cancelRun),
		f.sub("dead RUN", "List the dead letters of a run, with what was sent", cobra.ExactArgs(1), true, f.dead),
		f.sub("requeue RUN [CALL]…", "Have dead letters of a run tried again, all or some", cobra.MinimumNArgs(1), false, requeue),
		f.sub("rm RUN", "Remove a run and its results", cobra.ExactArgs(1), false, removeRun),
	)
	f.register(cmd, true)
	return cmd
}

func (f *runsFlags) register(cmd *cobra.Command, printable bool) {
	cmd.Flags().SortFlags = false
	f.nats.register(cmd, serverURL, "ask the server at `URL`, several with commas")
	if printable {
		cmd.Flags().BoolVar(&f.json, "json", false, "print an object a line")
	}
}

// An asking is what a verb asks of the server.
type asking func(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error

func (f *runsFlags) sub(use, short string, args cobra.PositionalArgs, printable bool, ask asking) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: f.do(ask)}
	f.register(cmd, printable)
	return cmd
}

// do connects, asks, and says what is in the way.
func (f *runsFlags) do(ask asking) func(cmd *cobra.Command, args []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := fromEnvironment(cmd); err != nil {
			return err
		}
		if err := f.nats.check(); err != nil {
			return err
		}
		errOut := cmd.ErrOrStderr()
		restore := showWarnings(errOut)
		defer restore()
		nc, err := f.nats.dial("runs")
		if err != nil {
			return tellFault(errOut, err)
		}
		defer leave(nc)
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = ask(ctx, nc, cmd.OutOrStdout(), args)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return exitError(exitInterrupted)
		case closedPipe(err):
			return nil
		}
		return tellFault(errOut, err)
	}
}

func (f *runsFlags) show(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error {
	run, err := cluster.FindRun(ctx, nc, args[0])
	if err != nil {
		return err
	}
	letters, err := cluster.DeadLetters(ctx, nc, args[0])
	if err != nil {
		return err
	}
	return f.showRun(out, run, letters)
}

func (f *runsFlags) dead(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error {
	letters, err := cluster.DeadLetters(ctx, nc, args[0])
	if err != nil {
		return err
	}
	return f.listDead(out, letters)
}

func cancelRun(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error {
	n, err := cluster.CancelRun(ctx, nc, args[0])
	if n > 0 || err == nil {
		fmt.Fprintf(out, "%s cancelled\n", count(n, "call"))
	}
	return err
}

func requeue(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error {
	n, err := cluster.Requeue(ctx, nc, args[0], args[1:]...)
	if n > 0 || err == nil {
		fmt.Fprintf(out, "%s queued again\n", count(n, "call"))
	}
	return err
}

func removeRun(ctx context.Context, nc *nats.Conn, out io.Writer, args []string) error {
	err := cluster.RemoveRun(ctx, nc, args[0])
	if errors.Is(err, cluster.ErrRunBusy) {
		return fmt.Errorf("%w; `potok runs cancel %s` first", err, args[0])
	}
	if err == nil {
		fmt.Fprintf(out, "run %s removed\n", args[0])
	}
	return err
}
