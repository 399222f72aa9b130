package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/titles"
)

func newTitles() *cobra.Command {
	f := titlesFlags{fetch: fetchFlags{MaxBody: titles.DefaultMaxBody}}
	cmd := &cobra.Command{
		Use:   "titles [flags] [URL|FILE]… | -",
		Short: "Print the titles of pages",
		Long: `Read pages from the web and from files, many at once, and print their titles in the order of the input.

An input is a URL (http, https or file), the path of an existing file, or a bare host, which gets https://. Without arguments, and
for the argument -, inputs are read from stdin, one a line, however many. White space around a line, empty lines and lines that
begin with # are skipped; a file whose name begins so is ./#name.

text:  INPUT, a tab and the title of every good page, one a line. Of a failed page a line "INPUT: reason" goes to stderr.
json:  an object a line for every input: input, url, status, title, charset, error, kind, attempts, ms. A failed page has an error, and
       its kind (dns, connect, tls, timeout, reset, http, redirect, private, robots, no_title, down or io), and no title.
csv, tsv: the same in columns, under a row of their names.

No worker waits for a host, a rate or another attempt: the page is set aside and another one is read. Connections that fail, resets,
time-outs and the statuses 429, 500, 502, 503 and 504 are tried again, after a random pause or when the server's Retry-After says so.

With --on processes a page is fetched in a process of its own: one that brings it down costs only itself. Limits hold for the run.

With --on cluster pages are fetched by the workers of a cluster: those that "potok worker" runs anywhere and that use the server at
--nats, or, without --nats, by as many as --workers says in this process, with a server in it. Which page is asked for when is decided
here: limits for a host hold for this run, but each run has its own, a page that waits for a worker counts as begun, and robots.txt and
connections are kept by each worker. Files are read here. Who may use the server is in the URL, in $POTOK_TOKEN or in --creds.
With --run ID results are kept on the server, for a week: the same command prints those that are there, and only what is missing is
fetched, also after a kill. A page that failed has a result as well, and is not tried again: for that take another ID. Pages are known by
their address and the flags that say how to fetch them. A page whose worker dies is fetched again, at most three times.

With -o FILE every record is written as soon as it is known, and the file is put in order at the end. With --resume a run that was
killed goes on where it was: what has a good record in FILE is not fetched again, an input that occurs twice is fetched once, and
records stay in the order in which they came.

Every flag can be set by a variable, --per-host by POTOK_PER_HOST and so on; the flag wins.

Exit code: 0 all pages are good, 1 some page failed or the output could not be written, 2 called wrongly, 130 interrupted. Ctrl-C takes
no more input and finishes what runs; a second one stops at once. A closed pipe (… | head -1) ends the run quietly, with 0.`,
		Example: `  potok titles https://go.dev go.dev/blog page.html
  potok titles -i urls.txt -i more.gz --format json >titles.jsonl
  potok titles -i urls.txt --rate 2/s -o titles.csv --format csv --resume
  curl -s https://example.com/urls.txt | potok titles -j 256 --unordered -`,
		RunE: f.run,
	}
	f.register(cmd)
	return cmd
}

// run wires the inputs, the crawl and the output.
func (f *titlesFlags) run(cmd *cobra.Command, args []string) error {
	if err := fromEnvironment(cmd); err != nil {
		return err
	}
	format, err := f.check(cmd, args)
	if err != nil {
		return err
	}
	if len(args) == 0 && len(f.lists) == 0 {
		if isTerminal(cmd.InOrStdin()) {
			fmt.Fprintf(cmd.ErrOrStderr(), "potok: no pages given; use - to type them\n%s", cmd.UsageString())
			return exitError(exitUsage)
		}
		args = []string{"-"}
	}
	place, err := f.place(cmd.Context(), args, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	closePlace := sync.OnceFunc(place.close)
	defer closePlace()
	in, err := openInputs(args, f.lists, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer in.close()
	out, err := openOutput(f.output, f.resume, !f.unordered, format, cmd.OutOrStdout())
	if err != nil {
		return err
	}

	errOut := cmd.ErrOrStderr()
	r := &titlesRun{
		titlesFlags: f, in: in, out: out, summary: newSummary(), monitor: newMonitor(errOut, f.progress, "page", f.quiet),
		place: place, crawl: f.crawl(place.fetch, out.order != nil), pool: potok.NewPool(f.workers, potok.WithName("titles")),
	}
	defer r.pool.Close() //nolint:errcheck // nothing runs any more
	if r.monitor.bar != nil && f.output == "" && isTerminal(out.w) {
		out.w = r.monitor // both are on one terminal: the bar makes room for what is printed
	}
	if place.cluster != nil {
		restore := showWarnings(r.monitor)
		defer restore()
	}
	signals, stop := watchInterrupts(cmd.Context(), r.monitor, "pages", r.finish)
	fault := r.run(signals)
	interrupted := signals.soon.Err() != nil
	closePlace() // now, that a second Ctrl-C does not end the program before workers elsewhere hear that nobody wants what they do
	fault = out.close(fault)
	r.monitor.close()
	err = r.end(errOut, fault, interrupted)
	stop()
	return err
}

// titlesRun is one run of the verb.
type titlesRun struct {
	*titlesFlags

	in      *inputs
	out     *output
	place   *pagePlace
	crawl   *titles.Crawl
	pool    *potok.Pool
	monitor *monitor
	summary *summary
}

// run reads the pages and writes their records, until all are done, or the output is gone: then it says why.
func (r *titlesRun) run(signals interrupts) error {
	if err := r.out.begin(); err != nil {
		return err
	}
	counting, uncount := context.WithCancel(signals.soon)
	counted := r.in.count(counting, r.monitor.expect)
	defer counted()
	defer uncount()
	now, cancel := context.WithCancel(signals.now)
	defer cancel()
	reading, stopReading := context.WithCancel(signals.soon)
	defer stopReading()
	if c := r.place.cluster; c != nil {
		unwatch := context.AfterFunc(c.cancelled, func() { r.crawl.Stop(); stopReading() })
		defer unwatch()
	}
	for page, err := range r.crawl.Pages(now, r.pool, r.inputs(reading)) {
		if signals.now.Err() != nil { // and so has reading
			break
		}
		if errors.Is(err, errWithdrawn) {
			continue
		}
		r.summary.add(err)
		r.monitor.add(err)
		if line := r.out.format.line(page, err); line == nil {
			if !r.quiet {
				r.monitor.println(harmless(page.Input) + ": " + harmless(reason(err)))
			}
		} else if err := r.out.write(page, line); err != nil {
			stopReading() // or the range would wait for an input that may never come
			return err
		}
	}
	return nil
}

// finish lets no further page begin.
func (r *titlesRun) finish() {
	r.crawl.Stop() // first: what is withdrawn is not tried again
	if c := r.place.cluster; c != nil {
		c.withdraw()
	}
}

// inputs yields those that have to be read.
func (r *titlesRun) inputs(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range r.in.all(ctx) {
			if !r.out.take(i.text) {
				r.monitor.skip()
				continue
			}
			if !yield(i.text, i.err) {
				return
			}
		}
	}
}

// end says what is left to say and returns the exit code.
func (r *titlesRun) end(errOut io.Writer, fault error, interrupted bool) error {
	r.summary.skipped = r.monitor.skipped()
	if fault != nil {
		if closedPipe(fault) {
			return nil
		}
		fmt.Fprintf(errOut, "potok: %v\n", outputFault(fault))
	} else if c := r.place.cluster; c != nil && c.cancelled.Err() != nil {
		fault = errors.New("the run was cancelled by somebody else")
		fmt.Fprintf(errOut, "potok: %v\n", fault)
	} else if !interrupted {
		fault = r.in.err()
		if fault != nil {
			fmt.Fprintf(errOut, "potok: %v\n", fault)
		}
	}
	if r.verbose || !r.quiet && isTerminal(errOut) {
		fmt.Fprintf(errOut, "potok: %v\n", r.summary)
		if interrupted || fault != nil {
			switch {
			case r.cluster.run != "":
				fmt.Fprintln(errOut, "potok: the same command goes on from here")
			case r.output != "":
				fmt.Fprintln(errOut, "potok: the same command with --resume goes on from here")
			}
		}
	}
	switch {
	case interrupted:
		return exitError(exitInterrupted)
	case fault != nil || r.summary.failed() > 0:
		return exitError(exitFailed)
	}
	return nil
}
