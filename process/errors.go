package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

var (
	// ErrMemoryLimit is matched by the *WorkerDied of a call whose worker has passed the limit of MemoryLimit.
	ErrMemoryLimit = errors.New("potok/process: memory limit passed")

	// ErrPoolBroken is matched by the error of calls that no worker will ever run, as workers do not start. The words of
	// the last start's error are in it.
	ErrPoolBroken = errors.New("potok/process: workers do not start")

	// ErrUnknownTask is matched by the error of a call whose task the worker does not know.
	ErrUnknownTask = errors.New("potok/process: unknown task")
)

func init() {
	potok.RegisterError("process.ErrMemoryLimit", ErrMemoryLimit)
	potok.RegisterError("process.ErrPoolBroken", ErrPoolBroken)
	potok.RegisterError("process.ErrUnknownTask", ErrUnknownTask)
	registry.AddErrorType("process.WorkerDied", sendDeath, receiveDeath)
}

// WorkerDied is the error of a call that ran in a worker when that died, or was killed since the call did not end when it
// should. No other call fails because of it.
type WorkerDied struct {
	Task     string    // that ran
	PID      int       // of the worker
	ExitCode int       // -1 if a signal ended it
	Signal   os.Signal // nil if it exited
	Stderr   string    // the last of what it wrote there, 64 KB at most
	Cause    string    // in a few words: what Go wrote as it died, or what the pool knows
}

// Error says which task, and why in a few words.
func (e *WorkerDied) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "potok/process: worker %d died while it ran %s: ", e.PID, e.Task)
	if e.Signal != nil {
		fmt.Fprintf(&b, "signal: %v", e.Signal)
	} else {
		fmt.Fprintf(&b, "exit status %d", e.ExitCode)
	}
	if e.Cause != "" {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	return b.String()
}

// Is makes a death at the memory limit match ErrMemoryLimit.
func (e *WorkerDied) Is(target error) bool {
	return target == ErrMemoryLimit && e.Cause == causeMemory
}

const causeMemory = "memory limit passed"

// causeOf finds what Go wrote as it died in what a worker wrote to stderr: the last such line, as a log may have had others
// before. A worker that did not end as Go does has written none.
func causeOf(stderr string, code int, signal os.Signal, limited bool) string {
	if signal != nil && signal != syscall.SIGABRT || signal == nil && code != goPanic && code != exitProtocol {
		return ""
	}
	lines := strings.Split(stderr, "\n")
	for _, line := range slices.Backward(lines) {
		for _, begin := range []string{"fatal error: ", "panic: ", "SIG"} {
			switch {
			case !strings.HasPrefix(line, begin):
			case limited && outOfMemory(line):
				return causeMemory
			default:
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// sentDeath is a WorkerDied that crosses a wire: from a worker that has a Pool itself.
type sentDeath struct {
	Task          string
	PID, ExitCode int
	Signal        int // 0: none
	Stderr, Cause string
}

func sendDeath(e *WorkerDied) sentDeath {
	return sentDeath{e.Task, e.PID, e.ExitCode, numberOf(e.Signal), e.Stderr, e.Cause}
}

func receiveDeath(s sentDeath) *WorkerDied {
	return &WorkerDied{s.Task, s.PID, s.ExitCode, signalWith(s.Signal), s.Stderr, s.Cause}
}

func numberOf(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return int(number)
	}
	return 0
}

func signalWith(number int) os.Signal {
	if number == 0 {
		return nil
	}
	return syscall.Signal(number)
}
