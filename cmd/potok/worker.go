package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
	"github.com/potok-go/potok/process"
)

// serverURL is where potok server listens unless told otherwise.
const serverURL = nats.DefaultURL

// served are the tasks that a worker is for.
var served = []string{factorialTask.Name(), fetchPage.Name()}

// workerFlags are the flags of the verb, as they were given.
type workerFlags struct {
	nats    natsFlags
	workers int
	on      string
	name    string
}

// workerPlaces are what --on takes.
var workerPlaces = []string{"goroutines", "processes"}

func newWorker() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use:   "worker [flags]",
		Short: "Work for the runs of a cluster",
		Long: `Take calls from the server at --nats and run them, whoever has sent them: numbers of "potok fact --on cluster" and pages of
"potok titles --on cluster". Any number of workers may do so, on any machines; each takes as many calls at a time as --workers says.

What it does is said on stderr. The first Ctrl-C or SIGTERM drains it: it takes no more calls, finishes those that it has and stores
their results. A second one ends it at once; as after a kill, or when its machine is gone, other workers get its calls, at most ten
seconds later. When the server cannot be reached it waits, however long.

Who may work is in the URL, in $POTOK_TOKEN, where the worker token of "potok server" suffices, or in --creds. Who may use the server can
have this machine fetch any address that it reaches, and nothing else: no file is read.

With --on processes calls run in processes of their own, so that what kills one costs one call.

Every flag can be set by a variable, --nats by POTOK_NATS and so on; the flag wins.

Exit code: 0 it was drained, 1 it could not begin or the server sent it away, 2 called wrongly, 130 ended by a second signal.`,
		Example: `  POTOK_TOKEN=… potok worker
  potok worker --nats tls://queue.example.com:4222 --creds worker.creds --workers 16`,
		Args: cobra.NoArgs,
		RunE: f.run,
	}
	f.register(cmd)
	return cmd
}

func (f *workerFlags) register(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.nats.register(cmd, serverURL, "take calls from the server at `URL`, several with commas")
	flags := cmd.Flags()
	flags.IntVarP(&f.workers, "workers", "j", 0, "run `N` calls at once (default as many as there are processors)")
	flags.StringVar(&f.on, "on", "goroutines", "run them on `PLACE`: goroutines or processes")
	flags.StringVar(&f.name, "name", "", "the `NAME` that clients hear (default that of the machine, and the process)")
	complete(cmd, "on", workerPlaces)
	complete(cmd, "workers", nil)
	complete(cmd, "name", nil)
}

func (f *workerFlags) check(cmd *cobra.Command) error {
	if !slices.Contains(workerPlaces, f.on) {
		return unknownValue("place", f.on, workerPlaces)
	}
	most := maxWorkers
	if f.on == "processes" {
		most = maxProcesses
	}
	switch {
	case !cmd.Flags().Changed("workers"):
		f.workers = min(runtime.GOMAXPROCS(0), most)
	case f.workers < 1 || f.workers > most:
		return fmt.Errorf("--workers is %d, must be from 1 to %d on %s", f.workers, most, f.on)
	}
	if f.name == "" {
		host, _ := os.Hostname() // without one it has only the number
		f.name = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	return f.nats.check()
}

// run serves until a signal.
func (f *workerFlags) run(cmd *cobra.Command, _ []string) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	if err := f.check(cmd); err != nil {
		return err
	}
	errOut := cmd.ErrOrStderr()
	restore := showWarnings(errOut)
	defer restore()
	ex, err := f.executor(errOut)
	if err != nil {
		return tellFault(errOut, err)
	}
	defer ex.Close() //nolint:errcheck // nothing runs any more, or nobody wants it
	defer fetchers.close()
	// The worker's token lets it listen under this prefix only.
	nc, err := f.nats.dial("worker "+f.name, nats.CustomInboxPrefix(embedded.WorkerInbox))
	if err != nil {
		return tellFault(errOut, err)
	}
	defer nc.Close()
	signals, stop := watchInterrupts(cmd.Context(), errOut, "calls", nil)
	stop = sync.OnceFunc(stop)
	defer stop()
	over := make(chan error, 1)
	go func() { // waited for, but after a second signal
		over <- cluster.Serve(signals.soon, nc, ex, cluster.WorkerName(f.name), cluster.Tasks(served...), cluster.OnReady(func() { f.ready(errOut, nc) }))
	}()
	select {
	case err = <-over:
	case <-signals.now.Done():
		return exitError(exitInterrupted)
	}
	switch {
	case err == nil:
		stop() // which has been said then
		fmt.Fprintln(errOut, "potok: drained")
		return nil
	case signals.soon.Err() != nil && errors.Is(err, context.Canceled): // before it served
		return nil
	case errors.Is(err, nats.ErrConnectionClosed):
		err = fmt.Errorf("the server at %s sent it away: %w", withoutSecret(f.nats.url), lastError(nc, err))
	}
	return tellFault(errOut, err)
}

// lastError is why the connection was closed.
func lastError(nc *nats.Conn, err error) error {
	if last := nc.LastError(); last != nil {
		return last
	}
	return err
}

// ready says what is served.
func (f *workerFlags) ready(errOut io.Writer, nc *nats.Conn) {
	fmt.Fprintf(errOut, "potok: worker %s serves %s at %s with %s of %s; Ctrl-C drains it\n",
		harmless(f.name), strings.Join(served, " and "), withoutSecret(nc.ConnectedUrlRedacted()), count(f.workers, "place"), f.on)
}

func (f *workerFlags) executor(errOut io.Writer) (potok.Executor, error) {
	if f.on == "processes" {
		pool, err := process.NewPool(f.workers, process.WithName("worker"), process.Output(errOut))
		if err != nil {
			return nil, err
		}
		return pool, nil
	}
	return potok.NewPool(f.workers, potok.WithName("worker")), nil
}
