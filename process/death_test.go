//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// Ways in which a task can harm the process it runs in.
var (
	harm = potok.Define("process_test.harm", func(ctx context.Context, how string) (int, error) {
		switch how {
		case "nothing":
		case "os.Exit(3)":
			os.Exit(3)
		case "os.Exit(0)":
			os.Exit(0)
		case "SIGKILL":
			return 0, kill(syscall.SIGKILL)
		case "SIGTERM":
			return 0, kill(syscall.SIGTERM)
		case "SIGSEGV":
			return 0, kill(syscall.SIGSEGV)
		case "SIGSTOP":
			return 0, kill(syscall.SIGSTOP)
		case "panic in a goroutine":
			go func() { panic("ouch") }()
			select {}
		case "concurrent map write":
			runtime.GOMAXPROCS(4)
			m := map[int]int{}
			for range 8 {
				go func() {
					for i := 0; ; i++ {
						m[i%8] = i
					}
				}()
			}
			select {}
		case "stack overflow":
			return overflow(1), nil
		case "fatal error":
			fmt.Fprintln(os.Stderr, "some words\nfatal error: as Go says it\nmore words")
			os.Exit(2)
		case "much on stderr":
			fmt.Print("on stdout\n")
			for range 1 << 14 {
				fmt.Fprintln(os.Stderr, strings.Repeat("x", 63))
			}
		case "closed pipes": // with something in their places: else the process might see it first, and end by itself
			var silent [2]int
			if err := errors.Join(syscall.Pipe(silent[:]), unix.Dup2(silent[0], 3), unix.Dup2(silent[1], 4)); err != nil {
				return 0, err
			}
			time.Sleep(time.Hour)
		case "garbage":
			_, err := syscall.Write(4, []byte("this is no frame, and what would be its length is large"))
			time.Sleep(time.Hour)
			return 0, err
		case "a frame that is cut off":
			_, err := syscall.Write(4, []byte{100, 0, 0, 0, 'a', 1, 2, 3})
			time.Sleep(time.Hour)
			return 0, err
		case "endless":
			fmt.Println("round and round")
			for i := 0; ; i++ {
				spun.Store(int64(i))
			}
		case "asleep":
			<-ctx.Done()
			return 0, context.Cause(ctx)
		case "memory":
			var all [][]byte
			for {
				b := make([]byte, 8<<20)
				for i := 0; i < len(b); i += 4096 {
					b[i] = 1
				}
				all = append(all, b)
				if len(all) > 500 {
					return len(all), nil
				}
			}
		case "a child":
			c := exec.Command("sleep", "60")
			c.Stdout, c.Stderr = os.Stdout, os.Stderr
			if err := c.Start(); err != nil {
				return 0, err
			}
			fmt.Fprintf(os.Stderr, "child %d\n", c.Process.Pid)
			os.Exit(7)
		}
		return os.Getpid(), nil
	})
)

func kill(s syscall.Signal) error {
	if err := syscall.Kill(os.Getpid(), s); err != nil {
		return err
	}
	time.Sleep(time.Hour)
	return nil
}

func overflow(n int) int {
	if n < 0 { // never
		return 0
	}
	return overflow(n+1) + 1
}

var spun atomic.Int64

// within is a context that fails what takes too long.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestADeathFailsTheCallThatRanAndNoOther(t *testing.T) {
	for how, want := range map[string]struct {
		code   int
		signal os.Signal
		cause  string
	}{
		"os.Exit(3)":              {code: 3},
		"os.Exit(0)":              {code: 0},
		"SIGKILL":                 {code: -1, signal: syscall.SIGKILL},
		"SIGTERM":                 {code: -1, signal: syscall.SIGTERM},
		"SIGSEGV":                 {code: 2, cause: "SIGSEGV"},
		"panic in a goroutine":    {code: 2, cause: "panic: ouch"},
		"concurrent map write":    {code: 2, cause: "fatal error: concurrent map writes"},
		"stack overflow":          {code: 2, cause: "fatal error: stack overflow"},
		"fatal error":             {code: 2, cause: "fatal error: as Go says it"},
		"closed pipes":            {code: -1, signal: syscall.SIGKILL},
		"garbage":                 {code: -1, signal: syscall.SIGKILL, cause: "protocol: "},
		"a frame that is cut off": {code: -1, signal: syscall.SIGKILL, cause: "protocol: "},
	} {
		t.Run(strings.ReplaceAll(how, " ", "_"), func(t *testing.T) {
			p := newPool(t, 2, process.Output(io.Discard), process.Grace(50*time.Millisecond))
			defer p.Close()
			ctx := within(t)
			lethal := harm.Submit(ctx, p, how)
			var others []*potok.Future[int]
			for range 20 {
				others = append(others, harm.Submit(ctx, p, "nothing"))
			}
			_, err := lethal.Result(ctx)
			died, ok := errors.AsType[*process.WorkerDied](err)
			if !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if died.ExitCode != want.code || died.Signal != want.signal || !strings.Contains(died.Cause, want.cause) || died.PID == 0 || died.Task != harm.Name() {
				t.Errorf("%+v", died)
			}
			if lethal.State() != potok.Failed {
				t.Errorf("state %v", lethal.State())
			}
			if _, err := potok.Gather(ctx, others...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMuchOutputIsHarmless(t *testing.T) {
	var out strings.Builder
	p := newPool(t, 1, process.Output(&out), process.WithName("loud"))
	ctx := within(t)
	pid, err := harm.Submit(ctx, p, "much on stderr").Result(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	tag := fmt.Sprintf("[loud/0 %d] ", pid)
	if n := strings.Count(out.String(), tag+strings.Repeat("x", 63)+"\n"); n != 1<<14 {
		t.Errorf("%d lines of %d", n, 1<<14)
	}
	if !strings.Contains(out.String(), tag+"on stdout\n") {
		t.Error("nothing of stdout")
	}
}

// lines are what workers print.
type lines struct {
	mu  sync.Mutex // guards all; never held while blocking
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (l *lines) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Reset()
}

// A stuck writer holds up nobody but who waits for what was printed: Close.
type stuck struct{ open chan struct{} }

func (s stuck) Write(b []byte) (int, error) {
	<-s.open
	return len(b), nil
}

func TestNewsOfADeathDoNotWaitForWhoReadsOutput(t *testing.T) {
	w := stuck{make(chan struct{})}
	p := newPool(t, 1, process.Output(w))
	defer p.Close()
	defer close(w.open)
	ctx := within(t)
	_, err := harm.Submit(ctx, p, "panic in a goroutine").Result(ctx)
	died, ok := errors.AsType[*process.WorkerDied](err)
	if !ok || died.Cause != "panic: ouch" {
		t.Errorf("%v", err)
	}
	if _, err := harm.Submit(ctx, p, "nothing").Result(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnEndlessCallIsKilledAfterTheGrace(t *testing.T) {
	var out lines
	p := newPool(t, 1, process.Output(&out), process.Grace(10*time.Millisecond))
	defer p.Close()
	ctx := within(t)

	f := harm.With(potok.Timeout(50*time.Millisecond)).Submit(ctx, p, "endless")
	_, err := f.Result(ctx)
	if died, ok := errors.AsType[*process.WorkerDied](err); !ok || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, potok.ErrCancelled) || f.State() != potok.Failed ||
		died.Cause != "killed, as the call did not end within 10ms" {
		t.Errorf("after a timeout: %v, %v", f.State(), err)
	}

	out.reset() // of the one before
	f = harm.Submit(ctx, p, "endless")
	eventually(t, "it spins", func() bool { return strings.Contains(out.String(), "round and round") })
	f.Cancel()
	_, err = f.Result(ctx)
	if _, ok := errors.AsType[*process.WorkerDied](err); !ok || !errors.Is(err, potok.ErrCancelled) || f.State() != potok.Cancelled {
		t.Errorf("after Cancel: %v, %v", f.State(), err)
	}

	if _, err := harm.Submit(ctx, p, "nothing").Result(ctx); err != nil { // the next worker is there
		t.Error(err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	f = harm.Submit(short, p, "SIGSTOP")
	_, err = f.Result(ctx)
	if _, ok := errors.AsType[*process.WorkerDied](err); !ok || !errors.Is(err, context.DeadlineExceeded) || f.State() != potok.Cancelled {
		t.Errorf("a worker that is stopped: %v, %v", f.State(), err)
	}
	if _, err := harm.Submit(ctx, p, "nothing").Result(ctx); err != nil {
		t.Error(err)
	}
}

func TestACallThatEndsWhenAskedIsNotKilled(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard), process.Grace(time.Minute))
	defer p.Close()
	ctx := within(t)
	before, err := harm.Submit(ctx, p, "nothing").Result(ctx)
	if err != nil {
		t.Fatal(err)
	}
	f := harm.Submit(ctx, p, "asleep")
	for p.Stats().Running == 0 {
		time.Sleep(time.Millisecond)
	}
	f.Cancel()
	if _, err := f.Result(ctx); !errors.Is(err, potok.ErrCancelled) {
		t.Error(err)
	}
	if after, err := harm.Submit(ctx, p, "nothing").Result(ctx); err != nil || after != before {
		t.Errorf("worker %d, then %d, %v", before, after, err)
	}
}

func TestTheMemoryLimitEndsOneWorker(t *testing.T) {
	if process.RaceEnabled {
		t.Skip("the race detector takes more memory than that for itself")
	}
	p := newPool(t, 2, process.Output(io.Discard), process.MemoryLimit(256<<20))
	defer p.Close()
	ctx := within(t)
	other := harm.Submit(ctx, p, "nothing")
	_, err := harm.Submit(ctx, p, "memory").Result(ctx)
	if !errors.Is(err, process.ErrMemoryLimit) {
		t.Errorf("%v", err)
	}
	if _, err := other.Result(ctx); err != nil {
		t.Error(err)
	}
}

func TestAChildThatIsLeftBehindIsNotWaitedFor(t *testing.T) {
	var out strings.Builder
	p := newPool(t, 1, process.Output(&out))
	ctx := within(t)
	_, err := harm.Submit(ctx, p, "a child").Result(ctx)
	died, ok := errors.AsType[*process.WorkerDied](err)
	if !ok || died.ExitCode != 7 {
		t.Fatal(err)
	}
	if _, err := harm.Submit(ctx, p, "nothing").Result(ctx); err != nil {
		t.Error(err)
	}
	p.Close()
	var child int
	if _, err := fmt.Sscanf(died.Stderr, "child %d", &child); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}
