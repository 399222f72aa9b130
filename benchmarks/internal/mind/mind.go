// Package mind is what a minder does, the parent of a program that is measured or
// that serves. It says what the program spent, and ends it, by its pid, when the
// one who started the minder closes a pipe: the benchmarks do that when they need
// the program no more, and the kernel does it for them when they end, however they
// end.
//
//	life, its end of which goes to the minder as descriptor LifePipe
//	report, its end of which goes there as ReportPipe
//	minder AsItIs program argument…
//	Read(report)
//
// There has to be such a process for another reason too. On Linux the memory of a
// process counts from before its exec, when it still is its parent: a child of the
// benchmarks, which fill their heap on purpose, would be said to have used as much.
// So a minder is a program of its own that imports little. What is measured never
// seems to be smaller than it, which is about 3 MB.
package mind

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// The first argument of a minder.
const (
	AsItIs  = "as-it-is"
	Lowered = "lowered" // the program runs as nobody, if we are root
)

// The pipes of a minder, by their descriptors.
const (
	LifePipe   = 3
	ReportPipe = 4
)

// Spent is what a process took from its beginning to its end.
type Spent struct {
	Took, CPU time.Duration // CPU is user and system, its own and that of children that it waited for
	MaxRSS    int64         // bytes
	Read      int64         // bytes that it got by read(2), from files and from connections; -1 where nobody counts
	Fault     string        // how it failed, "" if it did not
}

// The report is one line, in this form.
const form = "%d %d %d %d %q\n"

// Read reads a minder's report. It blocks until the program has ended.
func Read(r io.Reader) (Spent, error) {
	var s Spent
	_, err := fmt.Fscanf(r, form, &s.Took, &s.CPU, &s.MaxRSS, &s.Read, &s.Fault)
	if err != nil {
		err = fmt.Errorf("the minder's report: %w", err)
	}
	return s, err
}

// Mind runs the program that the arguments name to its end, or until the life pipe
// is closed, and reports. A program that fails is in the report, one that cannot be
// started is an error.
func Mind(args []string) error {
	if len(args) < 2 {
		return errors.New("nothing to mind")
	}
	life, report, err := inheritPipes()
	if err != nil {
		return err
	}
	// On Ctrl-C the benchmarks close the pipe; who died at once would leave the
	// program alone. Nobody reads the channel, signals that do not fit are dropped.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)

	s, err := run(args, life)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(report, form, s.Took, s.CPU, s.MaxRSS, s.Read, s.Fault)
	return errors.Join(err, report.Close())
}

func run(args []string, life *os.File) (Spent, error) {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if args[0] == Lowered {
		if err := lower(cmd); err != nil {
			return Spent{}, err
		}
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return Spent{}, err
	}
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		if _, err := io.Copy(io.Discard, life); errors.Is(err, os.ErrClosed) {
			return // by us: it has ended
		}
		end(cmd.Process, ended)
	})
	read := bytesRead(cmd.Process.Pid)
	fault := cmd.Wait()
	s := Spent{Took: time.Since(begin), Read: read}
	close(ended)
	life.Close()
	watching.Wait()

	if fault != nil {
		s.Fault = fault.Error()
	}
	s.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.MaxRSS = maxRSS(cmd.ProcessState)
	return s, nil
}

// end asks a process to end, and after a while no longer asks. Errors say that it
// has ended already.
func end(p *os.Process, ended <-chan struct{}) {
	const patience = 5 * time.Second
	_ = p.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(patience):
		_ = p.Kill()
	}
}
