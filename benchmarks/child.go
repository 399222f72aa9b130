package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// A command is a program to run under a minder.
type command struct {
	path    string
	args    []string
	stdin   io.Reader // nil: nothing
	stdout  io.Writer // nil: nowhere
	lowered bool      // not as root
	dir     string    // where it runs, "": here
}

// run runs a program to its end and says what it spent and what it wrote to
// stderr. When ctx ends the program is ended, and run returns when it has.
func (w *workshop) run(ctx context.Context, c command) (mind.Spent, string, error) {
	started, err := w.start(c)
	if err != nil {
		return mind.Spent{}, "", err
	}
	stop := context.AfterFunc(ctx, func() { started.life.Close() })
	defer stop()
	s, err := started.wait()
	said := strings.TrimSpace(started.stderr.String())
	switch {
	case ctx.Err() != nil:
		return s, said, context.Cause(ctx)
	case err != nil:
		return s, said, err
	case s.Fault != "":
		return s, said, fmt.Errorf("%s: %s\n%s", filepath.Base(c.path), s.Fault, lastOf(said))
	}
	return s, said, nil
}

// A child is a program that runs under its minder.
type child struct {
	minder       *exec.Cmd
	life, report *os.File     // our ends
	stderr       bytes.Buffer // to be read when it has ended
}

// start starts a program. Who called it calls end, or wait, once.
func (w *workshop) start(c command) (*child, error) {
	rights := mind.AsItIs
	if c.lowered {
		rights = mind.Lowered
	}
	lifeTheirs, life, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer lifeTheirs.Close()
	report, reportTheirs, err := os.Pipe()
	if err != nil {
		life.Close()
		return nil, err
	}
	defer reportTheirs.Close()

	started := &child{life: life, report: report}
	cmd := exec.Command(w.minder, append([]string{rights, c.path}, c.args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, &started.stderr
	cmd.Env, cmd.Dir = environment(), c.dir
	cmd.ExtraFiles = []*os.File{lifeTheirs, reportTheirs} // mind.LifePipe and mind.ReportPipe
	cmd.WaitDelay = 10 * time.Second                      // for who has inherited an output and lives on
	started.minder = cmd
	if err := cmd.Start(); err != nil {
		life.Close()
		report.Close()
		return nil, err
	}
	return started, nil
}

// wait waits for the end of the program and of its minder.
func (c *child) wait() (mind.Spent, error) {
	defer c.life.Close()
	defer c.report.Close()
	s, err := mind.Read(c.report)
	if fault := c.minder.Wait(); fault != nil {
		return s, fmt.Errorf("%w\n%s", fault, lastOf(c.stderr.String()))
	}
	return s, err
}

// end ends a program that would go on, and waits for that.
func (c *child) end() error {
	if err := c.life.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	_, err := c.wait()
	return err
}

// environment is ours, without proxies, which some programs would ask even for this
// machine's pages, and with as many processors for a program in Go as we have.
func environment() []string {
	all := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(strings.ToLower(entry), "=")
		return strings.HasSuffix(name, "_proxy") || name == "gomaxprocs"
	})
	return append(all, "GOMAXPROCS="+strconv.Itoa(runtime.GOMAXPROCS(0)))
}

// lastOf is the end of what a program said, where the reason stands.
func lastOf(said string) string {
	const enough = 1000
	said = strings.TrimSpace(said)
	return said[max(0, len(said)-enough):]
}
