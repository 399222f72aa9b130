package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	// maxFact is the largest number. Its factorial takes minutes and a gigabyte; ten times as much takes hours and ten gigabytes, which
	// as a slip of the finger would cost others their memory.
	maxFact      = 10_000_000
	maxProcesses = 1024
)

// factFlags are the flags of the verb, as they were given.
type factFlags struct {
	lists    []string
	workers  int
	on       string
	cluster  clusterFlags
	format   string
	progress string
	quiet    bool
}

func (f *factFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringArrayVarP(&f.lists, "input", "i", nil, "read numbers from `FILE`, one a line, gzip too; repeatable, - is stdin")
	flags.IntVarP(&f.workers, "workers", "j", 0, "compute `N` factorials at once (default as many as there are processors)")
	flags.StringVar(&f.on, "on", "goroutines", "compute on `PLACE`: goroutines, processes or cluster")
	f.cluster.register(cmd)
	flags.StringVar(&f.format, "format", "text", "print `FORMAT`: text or json")
	flags.StringVar(&f.progress, "progress", "auto", "show on stderr how far it is, in `MODE`: auto (a bar on a terminal), bar, plain, json or none")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not tell on stderr which numbers failed, nor show a bar")
	for name, values := range map[string][]string{"format": factFormats(), "on": places, "progress": progressModes, "workers": nil} {
		complete(cmd, name, values)
	}
}

// check finds what is wrong with the flags and arguments before anything is computed.
func (f *factFlags) check(cmd *cobra.Command, args []string) (lineOf, error) {
	for _, v := range []struct {
		name, value string
		values      []string
	}{{"place", f.on, places}, {"mode of progress", f.progress, progressModes}, {"format", f.format, factFormats()}} {
		if !slices.Contains(v.values, v.value) {
			return nil, unknownValue(v.name, v.value, v.values)
		}
	}
	if err := f.cluster.check(cmd, f.on); err != nil {
		return nil, err
	}
	most := maxWorkers
	if f.on == "processes" {
		most = maxProcesses
	}
	switch {
	case !cmd.Flags().Changed("workers"):
		f.workers = min(runtime.GOMAXPROCS(0), most)
	case f.workers < 1 || f.workers > most:
		return nil, fmt.Errorf("--workers is %d, must be from 1 to %d on %s", f.workers, most, f.on)
	}
	for _, arg := range args {
		if arg == "-" {
			continue
		}
		if _, err := (input{text: arg}).number(); err != nil {
			if info, gone := os.Stat(arg); gone == nil && info.Mode().IsRegular() {
				return nil, fmt.Errorf("%w; use -i %s for the numbers in that file", err, arg)
			}
			return nil, err
		}
	}
	return lineOfFormat[f.format], nil
}

// number returns the number that an input is, or an error that says where it stands and what is wanted.
func (i input) number() (int, error) {
	err := i.err
	if err == nil {
		var n int
		if n, err = parseNumber(i.text); err == nil {
			return n, nil
		}
	}
	shown := i.text
	if len(shown) > shownOfLine {
		shown = strings.ToValidUTF8(shown[:shownOfLine], "") + "…"
	}
	where := ""
	if i.list != "" {
		where = fmt.Sprintf("line %d of %s: ", i.line, i.list)
	}
	return 0, fmt.Errorf("%s%q %w; want a whole number from 0 to %d", where, shown, err, maxFact)
}

var (
	errNegative = errors.New("is negative")
	errFraction = errors.New("is not written as a whole number")
	errTooLarge = errors.New("is too large, its factorial would take too much memory")
	errNoNumber = errors.New("is no number")
)

// parseNumber reads a number from 0 to maxFact.
func parseNumber(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err == nil && 0 <= n && n <= maxFact:
		return int(n), nil
	case err == nil && n < 0, errors.Is(err, strconv.ErrRange) && text[0] == '-':
		return 0, errNegative
	case err == nil, errors.Is(err, strconv.ErrRange):
		return 0, errTooLarge
	}
	switch x, err := strconv.ParseFloat(text, 64); {
	case err != nil && !errors.Is(err, strconv.ErrRange), !strings.ContainsFunc(text, unicode.IsDigit): // inf, nan
		return 0, errNoNumber
	case x < 0:
		return 0, errNegative
	}
	return 0, errFraction
}

// numberNotFlag finds out that what was taken for flags is a negative number.
func numberNotFlag(_ *cobra.Command, fault error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](fault); ok {
		text := "-" + unknown.GetSpecifiedShortnames()
		if _, err := (input{text: text}).number(); errors.Is(err, errNegative) {
			return err
		}
	}
	return fault
}

// lineOf makes the line of a number, with its end: of its factorial, or of the error that came instead. nil: it has none.
type lineOf func(n int, f *big.Int, err error) []byte

var lineOfFormat = map[string]lineOf{"text": factText, "json": factJSON}

func factFormats() []string { return []string{"text", "json"} }

func factText(n int, f *big.Int, err error) []byte {
	if err != nil {
		return nil
	}
	line := strconv.AppendInt(make([]byte, 0, digitsOf(n)+24), int64(n), 10)
	line = append(line, '\t')
	line = f.Append(line, 10)
	return append(line, '\n')
}

func factJSON(n int, f *big.Int, err error) []byte {
	line := append(make([]byte, 0, digitsOf(n)+48), `{"n":`...)
	line = strconv.AppendInt(line, int64(n), 10)
	if err != nil {
		text, fault := json.Marshal(reason(err))
		if fault != nil {
			panic(fault) // a string
		}
		return append(append(append(line, `,"error":`...), text...), "}\n"...)
	}
	line = append(line, `,"factorial":"`...)
	line = f.Append(line, 10)
	return append(line, "\"}\n"...)
}
