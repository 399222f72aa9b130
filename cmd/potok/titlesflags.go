package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/potok-go/potok/titles"
)

const maxWorkers = 100_000

// titlesFlags are the flags of the verb, as they were given.
type titlesFlags struct {
	lists   []string
	workers int
	queue   int
	on      string
	cluster clusterFlags

	format    string
	unordered bool
	output    string
	resume    bool

	fetch fetchFlags

	deadline time.Duration
	retries  int
	maxWait  time.Duration
	perHost  int
	rate     rate
	deadHost int

	progress       string
	quiet, verbose bool
}

// fetchFlags are those that a Fetcher is made of. They are sent to workers, whole.
type fetchFlags struct {
	Timeout, Connect time.Duration
	MaxBody          byteSize
	Redirects        int

	Robots, Insecure, DenyPrivate bool
	UserAgent, Proxy              string
	Headers                       []string
	CSS, XPath                    string
	AllMatches                    bool
}

// places are what --on takes.
var places = []string{"goroutines", "processes", "cluster"}

func (f *titlesFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVarP(&f.lists, "input", "i", nil, "read inputs from `FILE`, one a line, gzip too; repeatable, - is stdin")
	flags.IntVarP(&f.workers, "workers", "j", 64, "fetch `N` pages at once")
	flags.IntVar(&f.queue, "queue", 0, "read at most `N` inputs ahead of the workers (default twice as many as workers)")
	flags.StringVar(&f.on, "on", "goroutines", "run on `PLACE`: goroutines, processes or cluster")
	f.cluster.register(cmd)

	flags.StringVar(&f.format, "format", "text", "print `FORMAT`: text, json, csv or tsv")
	flags.BoolVar(&f.unordered, "unordered", false, "print pages as they come, not in the order of the input")
	flags.StringVarP(&f.output, "output", "o", "", "write records to `FILE`, not to stdout")
	flags.BoolVar(&f.resume, "resume", false, "with -o, go on where FILE ends: inputs with a good record in it are skipped")

	flags.DurationVar(&f.fetch.Timeout, "timeout", titles.DefaultTimeout, "give an attempt up after `D`")
	flags.DurationVar(&f.fetch.Connect, "connect-timeout", titles.DefaultConnectTimeout, "give a connection up after `D`")
	flags.DurationVar(&f.deadline, "deadline", 0, "give a page up after `D`, with its retries and waits (default none)")
	flags.IntVar(&f.retries, "retries", titles.DefaultRetries, "try a page `N` times more that failed in a way that may pass")
	flags.DurationVar(&f.maxWait, "max-wait", titles.DefaultMaxWait, "obey a Retry-After of at most `D`; fail beyond")
	flags.IntVar(&f.perHost, "per-host", titles.DefaultPerHost, "fetch `N` pages of a host and port at once; 0: no limit")
	flags.Var(&f.rate, "rate", "begin `N[/s|/m]` fetches of a host and port at most; 0: no limit (default none)")
	flags.IntVar(&f.deadHost, "dead-host", titles.DefaultDeadHost, "after `N` failed connections in a row a host's other pages fail at once; 0: never")
	flags.Var(&f.fetch.MaxBody, "max-body", "look at the first `N` bytes of a page, also 64KiB, 1MiB")
	flags.IntVar(&f.fetch.Redirects, "redirects", titles.DefaultRedirects, "follow at most `N` redirects")

	flags.BoolVar(&f.fetch.Robots, "robots", false, "obey robots.txt")
	flags.StringVar(&f.fetch.UserAgent, "user-agent", titles.DefaultUserAgent, "`NAME` that servers are told")
	flags.StringVar(&f.fetch.Proxy, "proxy", "", "fetch through `URL`, http, https or socks5 (default from HTTP_PROXY, HTTPS_PROXY and NO_PROXY)")
	flags.StringArrayVarP(&f.fetch.Headers, "header", "H", nil, "send `'NAME: VALUE'`; repeatable")
	flags.BoolVar(&f.fetch.Insecure, "insecure", false, "take every certificate for good")
	flags.BoolVar(&f.fetch.DenyPrivate, "deny-private", false, "do not connect to private addresses, through redirects neither")
	flags.StringVar(&f.fetch.CSS, "select", "", "print the text of the first element that matches `CSS`, not the title")
	flags.StringVar(&f.fetch.XPath, "xpath", "", "print what the first match of `EXPR` says, not the title")
	flags.BoolVar(&f.fetch.AllMatches, "all-matches", false, "print all matches of --select or --xpath")

	flags.StringVar(&f.progress, "progress", "auto", "show on stderr how far it is, in `MODE`: auto (a bar on a terminal), bar, plain, json or none")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not tell on stderr which pages failed, nor a summary")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "tell a summary where stderr is no terminal, too")

	for name, values := range map[string][]string{"format": formatNames(), "on": places, "progress": progressModes} {
		complete(cmd, name, values)
	}
	for _, name := range []string{
		"workers", "queue", "timeout", "connect-timeout", "deadline", "retries", "max-wait", "per-host", "rate", "dead-host", "max-body", "redirects",
		"user-agent", "proxy", "header", "select", "xpath",
	} {
		complete(cmd, name, nil)
	}
}

func complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // a flag that is not there
	}
}

// check finds what is wrong with the flags and arguments before any page is fetched.
func (f *titlesFlags) check(cmd *cobra.Command, args []string) (format, error) {
	for _, n := range []struct {
		name            string
		value, from, to int
	}{
		{"workers", f.workers, 1, maxWorkers},
		{"queue", f.queue, 0, 100_000_000},
		{"retries", f.retries, 0, 100},
		{"per-host", f.perHost, 0, maxWorkers},
		{"dead-host", f.deadHost, 0, 1_000_000},
		{"redirects", f.fetch.Redirects, 0, 1000},
	} {
		if n.value < n.from || n.value > n.to {
			return format{}, fmt.Errorf("--%s is %d, must be from %d to %d", n.name, n.value, n.from, n.to)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
		zero  bool
	}{{"timeout", f.fetch.Timeout, false}, {"connect-timeout", f.fetch.Connect, false}, {"deadline", f.deadline, true}, {"max-wait", f.maxWait, true}} {
		if d.value < 0 || d.value == 0 && !d.zero {
			return format{}, fmt.Errorf("--%s is %v, must be more than 0", d.name, d.value)
		}
	}
	for _, v := range []struct {
		name, value string
		values      []string
	}{{"place", f.on, places}, {"mode of progress", f.progress, progressModes}} {
		if !slices.Contains(v.values, v.value) {
			return format{}, unknownValue(v.name, v.value, v.values)
		}
	}
	switch {
	case f.resume && f.output == "":
		return format{}, errors.New("--resume goes on with a file; say which by -o FILE")
	case f.fetch.CSS != "" && f.fetch.XPath != "":
		return format{}, errors.New("--select and --xpath exclude each other")
	case f.fetch.AllMatches && f.fetch.CSS == "" && f.fetch.XPath == "":
		return format{}, errors.New("--all-matches goes with --select or --xpath")
	case f.quiet && f.verbose:
		return format{}, errors.New("-q and -v exclude each other")
	}
	for _, arg := range args {
		if looksLikeList(arg) {
			return format{}, fmt.Errorf("%s looks like a list; use -i %s", arg, arg)
		}
	}
	if err := f.cluster.check(cmd, f.on); err != nil {
		return format{}, err
	}
	if f.on == "cluster" && f.cluster.nats.url != "" {
		f.workers = pagesOut
	}
	return formatNamed(f.format)
}

// flagFault says of which flag the value is wrong.
func flagFault(flag string, err error) error { return fmt.Errorf("--%s: %s", flag, reason(err)) }

// fetcher makes the Fetcher that the flags ask for.
func (f *fetchFlags) fetcher(workers int) (*titles.Fetcher, error) {
	options := []titles.Option{
		titles.Timeout(f.Timeout), titles.ConnectTimeout(f.Connect), titles.Workers(workers), titles.MaxBody(int64(f.MaxBody)),
		titles.Redirects(f.Redirects), titles.UserAgent(f.UserAgent),
	}
	for on, option := range map[*bool]func() titles.Option{
		&f.Robots: titles.Robots, &f.Insecure: titles.Insecure, &f.DenyPrivate: titles.DenyPrivate, &f.AllMatches: titles.AllMatches,
	} {
		if *on {
			options = append(options, option())
		}
	}
	add := func(o titles.Option, err error) error {
		options = append(options, o)
		return err
	}
	if _, err := titles.Header("User-Agent", f.UserAgent); err != nil {
		return nil, flagFault("user-agent", err)
	}
	for _, h := range f.Headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, fmt.Errorf("--header %q has no colon; write 'Name: value'", h)
		}
		if err := add(titles.Header(strings.TrimSpace(name), strings.TrimSpace(value))); err != nil {
			return nil, flagFault("header", err)
		}
	}
	if f.Proxy != "" {
		u, err := url.Parse(f.Proxy)
		if err == nil {
			err = add(titles.Proxy(u))
		}
		if err != nil {
			return nil, flagFault("proxy", err)
		}
	}
	if f.CSS != "" {
		if err := add(titles.Select(f.CSS)); err != nil {
			return nil, flagFault("select", err)
		}
	}
	if f.XPath != "" {
		if err := add(titles.XPath(f.XPath)); err != nil {
			return nil, flagFault("xpath", err)
		}
	}
	return titles.New(options...), nil
}

// crawl makes the Crawl that the flags ask for.
func (f *titlesFlags) crawl(fetch fetchFunc, sorted bool) *titles.Crawl {
	options := []titles.CrawlOption{
		titles.PerHost(f.perHost), titles.Every(f.rate.every), titles.Retries(f.retries), titles.MaxWait(f.maxWait), titles.DeadHost(f.deadHost),
	}
	if f.queue > 0 {
		options = append(options, titles.Queue(f.queue))
	}
	if f.deadline > 0 {
		options = append(options, titles.Deadline(f.deadline))
	}
	switch { // what is known is written at once, so that a killed run has lost nothing
	case f.unordered || f.resume:
		options = append(options, titles.Unordered())
	case sorted:
		options = append(options, titles.Early())
	}
	return titles.NewCrawl(fetch, options...)
}
