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
// built into it the minder and the program under test, the latter from the tree that
// this is in. It is empty until one opens it.
type workshop struct {
	dir    string
	minder string
	potok  string
	help   string // of potok titles

	lean, engine string // "" until they are wanted
}

// open makes the directory and the minder, if nobody has yet.
func (w *workshop) open(ctx context.Context) (err error) {
	if w.minder != "" {
		return nil
	}
	if w.dir, err = os.MkdirTemp("", "potok-benchmarks-"); err != nil {
		return err
	}
	w.minder, err = w.build(ctx, ".", "./minder")
	return err
}

// openTitles makes the program too.
func (w *workshop) openTitles(ctx context.Context) error {
	if w.help != "" {
		return nil
	}
	err := w.open(ctx)
	if err != nil {
		return err
	}
	if w.potok, err = w.build(ctx, "..", "./cmd/potok"); err != nil {
		return err
	}
	help, err := exec.CommandContext(ctx, w.potok, "titles", "--help").Output()
	if err != nil {
		return fmt.Errorf("potok titles --help: %w", err)
	}
	w.help = string(help)
	return nil
}

// openLean makes the program with workers that imports no rival, if nobody has yet.
func (w *workshop) openLean(ctx context.Context) (err error) {
	if w.lean == "" {
		w.lean, err = w.build(ctx, ".", "./lean")
	}
	return err
}

// openEngine makes the program with the cluster's server in it, if nobody has yet.
func (w *workshop) openEngine(ctx context.Context) (file string, err error) {
	if w.engine == "" {
		w.engine, err = w.build(ctx, ".", "./engine")
	}
	return w.engine, err
}

// build builds a program of the module in a directory.
func (w *workshop) build(ctx context.Context, module, program string) (file string, err error) {
	file = filepath.Join(w.dir, filepath.Base(program))
	build := exec.CommandContext(ctx, "go", "build", "-C", module, "-buildvcs=false", "-o", file, program)
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", program, err, lastOf(string(said)))
	}
	return file, nil
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
