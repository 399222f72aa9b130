package main

import (
	"bufio"
	"context"
	_ "embed" // go.mod
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstLine tells the result files of this command from others.
const firstLine = "potok benchmarks"

// A head says under which conditions the figures were taken: names and what
// they were, in the order in which they are printed.
type head []entry

type entry struct{ name, value string }

// newHead describes this run.
func newHead(rounds int, short bool) head {
	h := head{
		{"date", time.Now().UTC().Format(time.RFC3339)},
		{"machine", fmt.Sprintf("%s, %d cores", processor(), runtime.NumCPU())},
		{"system", runtime.GOOS + "/" + runtime.GOARCH},
		{"go", fmt.Sprintf("%s, GOMAXPROCS %d", runtime.Version(), runtime.GOMAXPROCS(0))},
		{"commit", commit()},
		{"peers", strings.Join(peers(), ", ")},
		{"rounds", strconv.Itoa(rounds)},
	}
	if short {
		h = append(h, entry{"short", "the workloads are tiny and the figures mean nothing"})
	}
	return h
}

// String is the first line, and a line for each entry.
func (h head) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, firstLine)
	for _, e := range h {
		fmt.Fprintf(&b, "%-7s  %s\n", e.name, e.value)
	}
	return b.String()
}

// get returns the value of that name, "" if there is none.
func (h head) get(name string) string {
	for _, e := range h {
		if e.name == name {
			return e.value
		}
	}
	return ""
}

// processor is the name of the machine's processor, where Linux tells it.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// commit is the revision of the tree, with "-dirty" if something in it has
// changed since. The result files do not count: they are what changes.
func commit() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rev, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ":/", ":!/benchmarks/results").Output()
	if err != nil || len(changes) > 0 {
		return strings.TrimSpace(string(rev)) + "-dirty"
	}
	return strings.TrimSpace(string(rev))
}

//go:embed go.mod
var goMod string

// peers are the modules compared with, and their versions. What they need
// themselves is not among them, which is why the build's own list does not do.
func peers() []string {
	var all []string
	for line := range strings.Lines(goMod) {
		word := strings.Fields(line)
		if len(word) == 2 && strings.Contains(word[0], "/") && word[0] != "github.com/potok-go/potok" {
			all = append(all, word[0]+" "+word[1])
		}
	}
	slices.Sort(all)
	return all
}
