package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/titles"
)

const (
	// window is how many inputs may be under way behind a slow page before the pages after it wait for it to be printed.
	window     = 10_000
	maxWorkers = 100_000
)

type titlesFlags struct {
	lists     []string
	workers   int
	timeout   time.Duration
	maxBody   byteSize
	userAgent string
	format    string
	unordered bool
	quiet     bool
}

func newTitles() *cobra.Command {
	f := titlesFlags{maxBody: titles.DefaultMaxBody}
	cmd := &cobra.Command{
		Use:   "titles [flags] [URL|FILE]… | -",
		Short: "Print the titles of pages",
		Long: `Read pages from the web and from files, many at once, and print their titles in the order of the input.

An input is a URL (http, https or file), the path of an existing file, or a bare host, which gets https://. Without arguments, and
for the argument -, inputs are read from stdin, one a line, however many. White space around a line, empty lines and lines that
begin with # are skipped; a file whose name begins so is ./#name.

text:  INPUT, a tab and the title of every good page, one a line. Of a failed page a line "INPUT: reason" goes to stderr.
json:  an object a line for every input: input, url, status, title, charset, error, kind, attempts, ms. A failed page has an error, and
       its kind (dns, connect, tls, timeout, reset, http, redirect, no_title or io), and no title.

Exit code: 0 all pages are good, 1 some page failed or the output could not be written, 2 called wrongly, 130 interrupted. Ctrl-C takes
no more input and finishes what runs; a second one stops at once. A closed pipe (… | head -1) ends the run quietly, with 0.`,
		Example: `  potok titles https://go.dev go.dev/blog page.html
  potok titles -i urls.txt -i more.gz --format json >titles.jsonl
  curl -s https://example.com/urls.txt | potok titles -j 256 --unordered -`,
		RunE: f.run,
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.lists, "input", "i", nil, "read inputs from `FILE`, one a line, gzip too; repeatable, - is stdin")
	flags.IntVarP(&f.workers, "workers", "j", 64, "fetch `N` pages at once")
	flags.DurationVar(&f.timeout, "timeout", titles.DefaultTimeout, "give a page up after `D`")
	flags.Var(&f.maxBody, "max-body", "look at the first `N` bytes of a page, also 64KiB, 1MiB")
	flags.StringVar(&f.userAgent, "user-agent", titles.DefaultUserAgent, "`name` that servers are told")
	flags.StringVar(&f.format, "format", "text", "print `FORMAT`, text or json")
	flags.BoolVar(&f.unordered, "unordered", false, "print pages as they come")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not tell on stderr which pages failed, and why (text)")
	flags.SortFlags = false
	for name, values := range map[string][]string{"format": formatNames(), "workers": nil, "timeout": nil, "max-body": nil, "user-agent": nil} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // a flag that is not there
		}
	}
	return cmd
}

// run wires the inputs, the pool and the output.
func (f *titlesFlags) run(cmd *cobra.Command, args []string) error {
	format, err := f.check(args)
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
	in, err := openInputs(args, f.lists, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer in.close()

	s := &titlesRun{
		fetch:  titles.New(titles.Timeout(f.timeout), titles.Workers(f.workers), titles.MaxBody(int64(f.maxBody)), titles.UserAgent(f.userAgent)),
		format: format, quiet: f.quiet,
		out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(),
	}
	defer s.fetch.Close()
	ctx, stop := watchInterrupts(cmd.Context(), s.errOut)
	defer stop()
	pool := potok.NewPool(f.workers, potok.WithName("titles"))
	defer pool.Close() //nolint:errcheck // nothing runs any more
	options := []potok.MapOption{potok.Lookahead(max(window, 2*f.workers)), potok.Chunk(1)}
	if f.unordered {
		options = append(options, potok.Unordered())
	}
	return s.run(ctx, pool, in, options)
}

// check finds what is wrong with the flags and arguments.
func (f *titlesFlags) check(args []string) (format, error) {
	switch {
	case f.workers < 1 || f.workers > maxWorkers:
		return nil, fmt.Errorf("--workers is %d, must be from 1 to %d", f.workers, maxWorkers)
	case f.timeout <= 0:
		return nil, fmt.Errorf("--timeout is %v, must be more than 0", f.timeout)
	}
	for _, arg := range args {
		if looksLikeList(arg) {
			return nil, fmt.Errorf("%s looks like a list; use -i %s", arg, arg)
		}
	}
	return formatNamed(f.format)
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// titlesRun is one run of the verb.
type titlesRun struct {
	fetch       *titles.Fetcher
	format      format
	quiet       bool
	out, errOut io.Writer
}

// errNotBegun is for the inputs that were read ahead when the run was interrupted. Nothing is printed of them.
var errNotBegun = errors.New("not begun")

func (s *titlesRun) run(ctx interrupts, pool *potok.Pool, in *inputs, options []potok.MapOption) error {
	now, cancel := context.WithCancel(ctx.now)
	defer cancel() // when the output is gone, too
	fetch := func(call context.Context, in input) (record, error) {
		if ctx.soon.Err() != nil {
			return record{}, errNotBegun
		}
		return s.page(call, in)
	}
	failed := false
	for rec, err := range potok.Map(now, pool, in.all(ctx.soon), fetch, options...) {
		if ctx.now.Err() != nil {
			break
		}
		if errors.Is(err, errNotBegun) {
			continue
		}
		failed = failed || err != nil
		if err := s.print(rec, err); err != nil {
			cancel()
			return outputError(s.errOut, err)
		}
	}
	if ctx.soon.Err() != nil {
		return exitError(exitInterrupted)
	}
	if err := in.err(); err != nil {
		fmt.Fprintf(s.errOut, "potok: %v\n", err)
		failed = true
	}
	if failed {
		return exitError(exitFailed)
	}
	return nil
}

// page fetches one page. A panic in there is this page's failure: the error alone would not say which page it was.
func (s *titlesRun) page(ctx context.Context, in input) (rec record, err error) {
	begin := time.Now()
	rec.Page = titles.Page{Input: in.text}
	defer func() {
		if v := recover(); v != nil {
			err = &potok.PanicError{Value: v, Stack: debug.Stack()}
		}
		rec.took = time.Since(begin)
	}()
	if in.err != nil {
		return rec, in.err
	}
	rec.Page, err = s.fetch.Fetch(ctx, in.text)
	return rec, err
}

// print writes what there is to say of one page, in one write.
func (s *titlesRun) print(rec record, err error) error {
	if line := s.format(rec, err); line != nil {
		if _, err := s.out.Write(line); err != nil {
			return err
		}
		return nil
	}
	if !s.quiet {
		fmt.Fprintf(s.errOut, "%s: %s\n", harmless(rec.Input), harmless(reason(err)))
	}
	return nil
}

// outputError ends a run whose output is gone. Who closed a pipe has what he wanted.
func outputError(errOut io.Writer, err error) error {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	if outer, ok := errors.AsType[*os.PathError](err); ok {
		err = outer.Err
	}
	fmt.Fprintf(errOut, "potok: cannot write the output: %v\n", err)
	return exitError(exitFailed)
}

// reason is what an error says without the program's name before it.
func reason(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(text, "potok: ")
}
