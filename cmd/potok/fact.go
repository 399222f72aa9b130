package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/big"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

func newFact() *cobra.Command {
	var f factFlags
	cmd := &cobra.Command{
		Use:   "fact [flags] N… | -",
		Short: "Print factorials",
		Long: fmt.Sprintf(`Compute the factorials of whole numbers, many at once, and print them in the order of the input.

N is from 0 to %d: the factorial of that has 66 million digits, and takes minutes and about a gigabyte. Without arguments, and for
the argument -, numbers are read from stdin, one a line, however many. White space around a line, empty lines and lines that begin
with # are skipped.

text:  N, a tab and N! in decimal, one a line.
json:  an object a line for every N: {"n":20,"factorial":"2432902008176640000"}. The factorial is a string, as many programs that read
       JSON make a rounded number of what has more than 15 digits. One that failed has an error in its place.

With --on processes they are computed in as many processes as there are workers. If one dies, killed for its memory say, the number that
it was at fails: a line "N: reason" on stderr, in every format. All others go on. Decimal they are made here, on as many goroutines.

With --on cluster they are computed by the workers of a cluster: those that "potok worker" runs anywhere and that use the server at
--nats, or, without --nats, by as many as --workers says in this process, with a server in it. Who may use the server is in the URL, in
$POTOK_TOKEN or in --creds. With --run ID results are kept on the server, for a week: the same command prints those that are there, and
only what is missing is computed, also after a kill. A number whose worker dies is computed again, at most three times.

Memory is bounded: at most twice as many numbers as there are workers are under way, and more only while the lines of all together have
less than %d MiB.

Every flag can be set by a variable, --format by POTOK_FORMAT and so on; the flag wins.

Exit code: 0 all is well, 1 some number failed or the output could not be written, 2 called wrongly, 130 interrupted. A wrong argument is
told before anything is computed, a wrong line of the input when all before it are printed. Ctrl-C takes no more input and finishes
what runs; a second one stops at once. A closed pipe (… | head -1) ends the run quietly, with 0.`, maxFact, largeInFlight>>20),
		Example: `  potok fact 5 100
  potok fact --format json 20 | jq -r .factorial
  seq 10000 | potok fact --on processes --workers 4 >factorials
  potok fact -i numbers.txt`,
		RunE: f.run,
	}
	cmd.SetFlagErrorFunc(numberNotFlag)
	f.register(cmd)
	return cmd
}

// run wires the numbers, the executor and the output.
func (f *factFlags) run(cmd *cobra.Command, args []string) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	line, err := f.check(cmd, args)
	if err != nil {
		return err
	}
	if len(args) == 0 && len(f.lists) == 0 {
		if isTerminal(cmd.InOrStdin()) {
			fmt.Fprintf(cmd.ErrOrStderr(), "potok: no numbers given; use - to type them\n%s", cmd.UsageString())
			return exitError(exitUsage)
		}
		args = []string{"-"}
	}
	in, err := openInputs(args, f.lists, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer in.close()
	errOut := cmd.ErrOrStderr()
	ex, err := f.executor(cmd.Context(), errOut)
	if err != nil {
		return err
	}
	always := 2 * f.workers
	if f.cluster.nats.url != "" {
		always = numbersOut
	}
	r := &factRun{
		factFlags: f, in: in, line: line, out: cmd.OutOrStdout(), ex: ex, flight: newFlight(always),
		monitor: newMonitor(errOut, f.progress, "number", f.quiet),
	}
	if r.monitor.bar != nil && isTerminal(r.out) {
		r.out = r.monitor // both are on one terminal: the bar makes room for what is printed
	}
	if f.on == "cluster" {
		restore := showWarnings(r.monitor)
		defer restore()
	}
	signals, stop := watchInterrupts(cmd.Context(), r.monitor, "numbers", nil)
	fault := r.run(signals)
	interrupted := signals.soon.Err() != nil
	r.monitor.close()
	err = r.end(errOut, fault, interrupted)
	stop()
	return err
}

// numbersOut is how many numbers are with the workers of a cluster at a time, however large they are.
const numbersOut = 64

// executor makes that on which the factorials are computed. An exitError has been told.
func (f *factFlags) executor(ctx context.Context, errOut io.Writer) (potok.Executor, error) {
	switch f.on {
	case "cluster":
		place, err := f.cluster.open(ctx, "fact", f.workers)
		if err != nil {
			return nil, tellFault(errOut, err)
		}
		return place, nil
	case "processes":
		pool, err := process.NewPool(f.workers, process.WithName("fact"), process.Output(errOut))
		if err != nil {
			return nil, err
		}
		return pool, nil
	}
	return potok.NewPool(f.workers, potok.WithName("fact")), nil
}

// factRun is one run of the verb. Numbers go through two stages: the executor computes factorials, and goroutines of this process
// make lines of them.
type factRun struct {
	*factFlags

	in      *inputs
	line    lineOf
	out     io.Writer
	ex      potok.Executor
	flight  *flight
	monitor *monitor
	wrong   error // the input that is no number; to be read when the stages have ended
	failed  int
	dropped bool // somebody else has cancelled the run of a cluster
}

// run prints factorials until all are done, or the output is gone: then it says why. A multiplication of large numbers cannot be
// ended: so nobody waits for what runs when the user wants the program to stop at once, or nobody reads what it prints. The end of the
// program ends the goroutine then, and the processes.
func (r *factRun) run(signals interrupts) error {
	ended := make(chan error, 1)
	go func() { // waited for, but in these cases
		ended <- r.print(signals, ended)
	}()
	select {
	case fault := <-ended:
		return fault
	case <-signals.now.Done():
		if place, ok := r.ex.(*clusterPlace); ok {
			place.Close() //nolint:errcheck // workers elsewhere should not go on for nobody
		}
		return nil
	}
}

// print is the goroutine of run. It tells broken of an output that is gone, as leaving the range waits for what runs.
func (r *factRun) print(signals interrupts, broken chan<- error) error {
	defer r.ex.Close() //nolint:errcheck // nothing runs any more
	counting, uncount := context.WithCancel(signals.soon)
	counted := r.in.count(counting, r.monitor.expect)
	defer counted()
	defer uncount()
	now, cancel := context.WithCancel(signals.now)
	defer cancel()
	reading, stopReading := context.WithCancel(signals.soon)
	defer stopReading()
	lines := potok.NewPool(r.workers, potok.WithName("lines"))
	defer lines.Close() //nolint:errcheck // nothing runs any more
	for done, err := range potok.Map(now, lines, r.factorials(now, reading), r.makeLine) {
		if signals.now.Err() != nil {
			return nil
		}
		if err != nil { // makeLine has none: it panicked
			return err
		}
		r.flight.land(done.n)
		if r.on == "cluster" && errors.Is(done.err, potok.ErrCancelled) {
			r.dropped = true
			stopReading()
			continue
		}
		r.monitor.add(done.err)
		if done.err != nil {
			r.failed++
			if !r.quiet {
				r.monitor.println(fmt.Sprintf("%d: %s", done.n, harmless(reason(done.err))))
			}
		}
		if done.line == nil {
			continue
		}
		if _, err := r.out.Write(done.line); err != nil {
			stopReading()
			cancel()
			broken <- err
			return nil
		}
	}
	return nil
}

// A fact is a number on its way.
type fact struct {
	n    int
	f    *big.Int
	line []byte // nil: none to print
	err  error
}

// factorials yields the results of the executor.
func (r *factRun) factorials(now, reading context.Context) iter.Seq[fact] {
	return func(yield func(fact) bool) {
		for f, err := range factorialTask.Map(now, r.ex, r.numbers(reading)) {
			n, ok := r.flight.next()
			if !ok { // the pair of no number that tells that now has ended
				return
			}
			if !yield(fact{n: n, f: f, err: err}) {
				return
			}
		}
	}
}

// numbers yields those that are to be computed, each when there is room for it, up to the first input that is none.
func (r *factRun) numbers(reading context.Context) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range r.in.all(reading) {
			n, err := i.number()
			if err != nil {
				r.wrong = err
				return
			}
			if !r.flight.start(reading, n) || !yield(n) {
				return
			}
		}
	}
}

// makeLine makes the line of a factorial, for a Map: hence the error.
func (r *factRun) makeLine(_ context.Context, f fact) (fact, error) {
	return fact{n: f.n, line: r.line(f.n, f.f, f.err), err: f.err}, nil
}

// end says what is left to say and returns the exit code.
func (r *factRun) end(errOut io.Writer, fault error, interrupted bool) error {
	code := 0
	switch {
	case fault != nil && closedPipe(fault):
		return nil
	case fault != nil:
		fault, code = outputFault(fault), exitFailed
	case interrupted:
		return exitError(exitInterrupted)
	case r.dropped:
		fault = errors.New("the run was cancelled by somebody else")
	case r.wrong != nil:
		fault, code = r.wrong, exitUsage
	default:
		fault = r.in.err()
	}
	if fault != nil {
		fmt.Fprintf(errOut, "potok: %v\n", fault)
		code = max(code, exitFailed)
	}
	if code == 0 && r.failed > 0 {
		code = exitFailed
	}
	if code == 0 {
		return nil
	}
	return exitError(code)
}
