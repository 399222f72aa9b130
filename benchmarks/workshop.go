package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A workshop is what workloads of processes share: a directory for their files, and
// built into it the program under test, from the tree that this is in, and the
// minder. It is empty until one opens it.
type workshop struct {
	dir    string
	potok  string
	minder string
	help   string // of potok titles
}

// open fills the workshop, if nobody has yet.
func (w *workshop) open(ctx context.Context) error {
	if w.help != "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "potok-benchmarks-")
	if err != nil {
		return err
	}
	w.dir, w.potok, w.minder = dir, filepath.Join(dir, "potok"), filepath.Join(dir, "minder")
	for _, b := range []struct{ module, program, into string }{{"..", "./cmd/potok", w.potok}, {".", "./minder", w.minder}} {
		build := exec.CommandContext(ctx, "go", "build", "-C", b.module, "-buildvcs=false", "-o", b.into, b.program)
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", b.program, err, lastOf(string(said)))
		}
	}
	help, err := exec.CommandContext(ctx, w.potok, "titles", "--help").Output()
	if err != nil {
		return fmt.Errorf("potok titles --help: %w", err)
	}
	w.help = string(help)
	return nil
}

// close removes the directory.
func (w *workshop) close() error {
	if w.dir == "" {
		return nil
	}
	return os.RemoveAll(w.dir)
}

// place makes a directory in the workshop for one workload, which everybody may
// read: a server need not be the user that we are.
func (w *workshop) place() (string, error) {
	dir, err := os.MkdirTemp(w.dir, "")
	if err != nil {
		return "", err
	}
	for _, d := range []string{w.dir, dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// titles is the command that reads a list, "-" for stdin, with as little as can be
// besides: no limits for the only host, no second attempts that would hide a failed
// one, nothing drawn. The program may be older than some of the flags; then it does
// without what they turn off.
func (w *workshop) titles(list string, workers int, flags ...string) command {
	args := []string{"titles", "-i", list, "-j", strconv.Itoa(workers), "--format", "json", "-q"}
	for _, flag := range append(flags, "--per-host=0", "--retries=0", "--progress=none") {
		if w.knows(flag) {
			args = append(args, flag)
		}
	}
	return command{path: w.potok, args: args}
}

// knows says whether the program has the flag, as --flag or --flag=value.
func (w *workshop) knows(flag string) bool {
	name, _, _ := strings.Cut(flag, "=")
	return regexp.MustCompile(`(^|[\s,])` + regexp.QuoteMeta(name) + `($|[^\w-])`).MatchString(w.help)
}
