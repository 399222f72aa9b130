package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/potok-go/potok/process"
)

func main() {
	process.Main() // workers of the process goals are this program again
	if code, played := playPart(os.Args[1:]); played {
		os.Exit(code)
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// manyInputsDefault is the most that T5 has time for in a minute or so.
const manyInputsDefault = 500_000

const (
	exitOK    = 0
	exitFault = 1 // a wrong result, a goal missed under -strict, a README that differs
	exitUsage = 2
)

// options are what the flags say.
type options struct {
	goals         []string
	list          bool
	rounds, cpus  int
	inputs        int
	short, strict bool
	out           string
	readme, check bool
}

// run is main, for tests. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil: // and told, by the flag package
		return exitUsage
	}
	picked, err := selectGoals(goals(o.inputs), o.goals)
	if err == nil {
		err = o.validate()
	}
	if err != nil {
		fmt.Fprintln(stderr, "benchmarks:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // what has been started is ended before we end
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	if err := o.do(ctx, picked, stdout); err != nil {
		fmt.Fprintln(stderr, "benchmarks:", err)
		return exitFault
	}
	return exitOK
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	set := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Func("goal", "run only these `goals`, as G3,G9; a letter names all goals that begin with it", func(names string) error {
		o.goals = strings.Split(names, ",")
		return nil
	})
	set.BoolVar(&o.list, "list", false, "list the goals and run nothing")
	set.IntVar(&o.rounds, "rounds", 11, "how many `rounds`; odd, so that a median is a figure that was measured")
	set.IntVar(&o.cpus, "cpus", 2, "GOMAXPROCS is `n`")
	set.IntVar(&o.inputs, "inputs", manyInputsDefault, "T5's longest run has `n` inputs; 10000000 is the goal's, and takes about a quarter of an hour")
	set.BoolVar(&o.short, "short", false, "one round of tiny workloads, to see that they work; nothing is judged")
	set.BoolVar(&o.strict, "strict", false, "exit with 1 if a goal is missed")
	set.StringVar(&o.out, "o", "", "write the report into `file` too; usually results/goroutines.txt, results/titles.txt, results/process.txt or results/cluster.txt")
	set.BoolVar(&o.readme, "readme", false, "run nothing; write the table of ../README.md from results/*.txt")
	set.BoolVar(&o.check, "check", false, "with -readme: write nothing, exit with 1 if the table is not the one to write")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", set.Arg(0))
		fmt.Fprintln(stderr, "benchmarks:", err)
		return o, err
	}
	return o, nil
}

func (o options) validate() error {
	switch {
	case o.rounds < 1 || o.rounds%2 == 0:
		return fmt.Errorf("-rounds %d is not an odd number of rounds", o.rounds)
	case o.cpus < 1:
		return fmt.Errorf("-cpus %d is less than 1", o.cpus)
	case o.inputs <= 100_000:
		return fmt.Errorf("-inputs %d is not more than the other runs of T5 have", o.inputs)
	case o.short && (o.strict || o.out != ""):
		return errors.New("-short judges nothing and its figures mean nothing: not with -strict or -o")
	case o.check && !o.readme:
		return errors.New("-check goes with -readme")
	}
	return nil
}

func (o options) do(ctx context.Context, picked []goal, stdout io.Writer) error {
	switch {
	case o.list:
		for _, g := range picked {
			fmt.Fprintf(stdout, "%-4s %s\n", g.name, g.text)
		}
		return nil
	case o.readme:
		return rewriteReadme("../README.md", "results", o.check)
	}
	if o.out != "" { // now, not after minutes
		if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
			return err
		}
	}
	runtime.GOMAXPROCS(o.cpus)
	r, err := o.measure(ctx, picked, stdout)
	if err != nil {
		return err
	}
	if o.out != "" {
		if err := os.WriteFile(o.out, []byte(r.String()), 0o644); err != nil {
			return err
		}
	}
	if missed := r.missed(); o.strict && len(missed) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(missed, ", "))
	}
	return nil
}

// measure runs the goals, and prints each as soon as it has been.
func (o options) measure(ctx context.Context, picked []goal, stdout io.Writer) (r report, err error) {
	p := plan{rounds: o.rounds, short: o.short, shop: new(workshop)}
	defer func() { err = errors.Join(err, p.shop.close()) }()
	r = report{head: newHead(mostRounds(picked, p), o.short)}
	fmt.Fprint(stdout, r.head)
	for _, g := range picked {
		res, err := runGoal(ctx, g, p)
		if err != nil {
			return r, err
		}
		fmt.Fprint(stdout, res)
		r.goals = append(r.goals, res)
	}
	return r, nil
}

// mostRounds is how many rounds there are at most, which is what the head says.
func mostRounds(picked []goal, p plan) int {
	most := 1
	for _, g := range picked {
		for _, w := range g.workloads {
			most = max(most, w.rounds(p))
		}
	}
	return most
}
