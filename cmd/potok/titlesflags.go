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

	format    string
	unordered bool
	output    string
	resume    bool

	timeout, connect, deadline time.Duration
	retries                    int
	maxWait                    time.Duration
	perHost                    int
	rate                       rate
	deadHost                   int
	maxBody                    byteSize
	redirects                  int

	robots, insecure, denyPrivate bool
	userAgent, proxy              string
	headers                       []string
	css, xpath                    string
	allMatches                    bool

	progress       string
	quiet, verbose bool
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

	flags.StringVar(&f.format, "format", "text", "print `FORMAT`: text, json, csv or tsv")
	flags.BoolVar(&f.unordered, "unordered", false, "print pages as they come, not in the order of the input")
	flags.StringVarP(&f.output, "output", "o", "", "write records to `FILE`, not to stdout")
	flags.BoolVar(&f.resume, "resume", false, "with -o, go on where FILE ends: inputs with a good record in it are skipped")

	flags.DurationVar(&f.timeout, "timeout", titles.DefaultTimeout, "give an attempt up after `D`")
	flags.DurationVar(&f.connect, "connect-timeout", titles.DefaultConnectTimeout, "give a connection up after `D`")
	flags.DurationVar(&f.deadline, "deadline", 0, "give a page up after `D`, with its retries and waits (default none)")
	flags.IntVar(&f.retries, "retries", titles.DefaultRetries, "try a page `N` times more that failed in a way that may pass")
	flags.DurationVar(&f.maxWait, "max-wait", titles.DefaultMaxWait, "obey a Retry-After of at most `D`; fail beyond")
	flags.IntVar(&f.perHost, "per-host", titles.DefaultPerHost, "fetch `N` pages of a host and port at once; 0: no limit")
	flags.Var(&f.rate, "rate", "begin `N[/s|/m]` fetches of a host and port at most; 0: no limit (default none)")
	flags.IntVar(&f.deadHost, "dead-host", titles.DefaultDeadHost, "after `N` failed connections in a row a host's other pages fail at once; 0: never")
	flags.Var(&f.maxBody, "max-body", "look at the first `N` bytes of a page, also 64KiB, 1MiB")
	flags.IntVar(&f.redirects, "redirects", titles.DefaultRedirects, "follow at most `N` redirects")

	flags.BoolVar(&f.robots, "robots", false, "obey robots.txt")
	flags.StringVar(&f.userAgent, "user-agent", titles.DefaultUserAgent, "`NAME` that servers are told")
	flags.StringVar(&f.proxy, "proxy", "", "fetch through `URL`, http, https or socks5 (default from HTTP_PROXY, HTTPS_PROXY and NO_PROXY)")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "send `'NAME: VALUE'`; repeatable")
	flags.BoolVar(&f.insecure, "insecure", false, "take every certificate for good")
	flags.BoolVar(&f.denyPrivate, "deny-private", false, "do not connect to private addresses, through redirects neither")
	flags.StringVar(&f.css, "select", "", "print the text of the first element that matches `CSS`, not the title")
	flags.StringVar(&f.xpath, "xpath", "", "print what the first match of `EXPR` says, not the title")
	flags.BoolVar(&f.allMatches, "all-matches", false, "print all matches of --select or --xpath")

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
func (f *titlesFlags) check(args []string) (format, error) {
	for _, n := range []struct {
		name            string
		value, from, to int
	}{
		{"workers", f.workers, 1, maxWorkers},
		{"queue", f.queue, 0, 100_000_000},
		{"retries", f.retries, 0, 100},
		{"per-host", f.perHost, 0, maxWorkers},
		{"dead-host", f.deadHost, 0, 1_000_000},
		{"redirects", f.redirects, 0, 1000},
	} {
		if n.value < n.from || n.value > n.to {
			return format{}, fmt.Errorf("--%s is %d, must be from %d to %d", n.name, n.value, n.from, n.to)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
		zero  bool
	}{{"timeout", f.timeout, false}, {"connect-timeout", f.connect, false}, {"deadline", f.deadline, true}, {"max-wait", f.maxWait, true}} {
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
	case f.on != "goroutines":
		return format{}, fmt.Errorf("--on %s is not there yet; leave it out to run on goroutines", f.on)
	case f.resume && f.output == "":
		return format{}, errors.New("--resume goes on with a file; say which by -o FILE")
	case f.css != "" && f.xpath != "":
		return format{}, errors.New("--select and --xpath exclude each other")
	case f.allMatches && f.css == "" && f.xpath == "":
		return format{}, errors.New("--all-matches goes with --select or --xpath")
	case f.quiet && f.verbose:
		return format{}, errors.New("-q and -v exclude each other")
	}
	for _, arg := range args {
		if looksLikeList(arg) {
			return format{}, fmt.Errorf("%s looks like a list; use -i %s", arg, arg)
		}
	}
	return formatNamed(f.format)
}

// flagFault says of which flag the value is wrong.
func flagFault(flag string, err error) error { return fmt.Errorf("--%s: %s", flag, reason(err)) }

// fetcher makes the Fetcher that the flags ask for.
func (f *titlesFlags) fetcher() (*titles.Fetcher, error) {
	options := []titles.Option{
		titles.Timeout(f.timeout), titles.ConnectTimeout(f.connect), titles.Workers(f.workers), titles.MaxBody(int64(f.maxBody)),
		titles.Redirects(f.redirects), titles.UserAgent(f.userAgent),
	}
	for on, option := range map[*bool]func() titles.Option{
		&f.robots: titles.Robots, &f.insecure: titles.Insecure, &f.denyPrivate: titles.DenyPrivate, &f.allMatches: titles.AllMatches,
	} {
		if *on {
			options = append(options, option())
		}
	}
	add := func(o titles.Option, err error) error {
		options = append(options, o)
		return err
	}
	if _, err := titles.Header("User-Agent", f.userAgent); err != nil {
		return nil, flagFault("user-agent", err)
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, fmt.Errorf("--header %q has no colon; write 'Name: value'", h)
		}
		if err := add(titles.Header(strings.TrimSpace(name), strings.TrimSpace(value))); err != nil {
			return nil, flagFault("header", err)
		}
	}
	if f.proxy != "" {
		u, err := url.Parse(f.proxy)
		if err == nil {
			err = add(titles.Proxy(u))
		}
		if err != nil {
			return nil, flagFault("proxy", err)
		}
	}
	if f.css != "" {
		if err := add(titles.Select(f.css)); err != nil {
			return nil, flagFault("select", err)
		}
	}
	if f.xpath != "" {
		if err := add(titles.XPath(f.xpath)); err != nil {
			return nil, flagFault("xpath", err)
		}
	}
	return titles.New(options...), nil
}

// crawl makes the Crawl that the flags ask for.
func (f *titlesFlags) crawl(fetcher *titles.Fetcher, sorted bool) *titles.Crawl {
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
	return titles.NewCrawl(fetcher.Fetch, options...)
}
