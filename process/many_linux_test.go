package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// kept is what must not grow: files, goroutines and children, dead ones included.
func kept(t testing.TB) (files, goroutines int, children string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(threads) == 0 {
		t.Skip("this system does not tell of children")
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err == nil { // else it has ended
			children += string(text)
		}
	}
	return len(entries), runtime.NumGoroutine(), children
}

// leavesNothing runs fn and waits until all that it has made is gone.
func leavesNothing(t testing.TB, fn func()) {
	t.Helper()
	first := newPool(t, 1, process.Output(io.Discard)) // it makes what is made once, such as the poller's files
	pidOf(t, first)
	first.Close()
	files, goroutines, children := kept(t)
	fn()
	var now string
	defer func() {
		if t.Failed() {
			t.Logf("%d files, %d goroutines, children %q before; %s after", files, goroutines, children, now)
		}
	}()
	eventually(t, "nothing is left", func() bool {
		f, g, c := kept(t)
		now = fmt.Sprintf("%d, %d, %q", f, g, c)
		return f <= files && g <= goroutines && c == children
	})
}

func TestAThousandDeathsAreAThousandErrorsAndLeaveNothing(t *testing.T) {
	n := 1000
	if process.RaceEnabled || testing.Short() {
		n = 100
	}
	leavesNothing(t, func() {
		p := newPool(t, 4, process.Output(io.Discard))
		defer p.Close()
		ctx := within(t)
		var all []*potok.Future[int]
		for range n {
			all = append(all, harm.Submit(ctx, p, "os.Exit(3)"))
		}
		pids := map[int]bool{}
		for _, f := range all {
			_, err := f.Result(ctx)
			died, ok := errors.AsType[*process.WorkerDied](err)
			if !ok || died.ExitCode != 3 {
				t.Fatalf("%T: %v", err, err)
			}
			pids[died.PID] = true
		}
		if len(pids) != n {
			t.Errorf("%d workers died for %d calls", len(pids), n)
		}
		if s := p.Stats(); s.Failed != uint64(n) {
			t.Errorf("%+v", s)
		}
		pidOf(t, p)
	})
}

func TestOneDeathInTwentyCallsGivesNineteenResults(t *testing.T) {
	p := newPool(t, 4, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	for range 3 {
		var all []*potok.Future[int]
		for i := range 20 {
			how := "nothing"
			if i == 7 {
				how = "SIGKILL"
			}
			all = append(all, harm.Submit(ctx, p, how))
		}
		results := 0
		for i, f := range all {
			_, err := f.Result(ctx)
			if err == nil {
				results++
				continue
			}
			if died, ok := errors.AsType[*process.WorkerDied](err); !ok || i != 7 || died.Signal != syscall.SIGKILL {
				t.Errorf("call %d: %v", i, err)
			}
		}
		if results != 19 {
			t.Errorf("%d results", results)
		}
	}
}

func TestMaxTasksWithABacklogStrandsNoCall(t *testing.T) {
	leavesNothing(t, func() {
		p := newPool(t, 2, process.Output(io.Discard), process.MaxTasks(3), process.WithBacklog(2), process.Grace(0))
		defer p.Close()
		ctx := within(t)
		var all []*potok.Future[int]
		for range 40 {
			all = append(all, whoAmI.Submit(ctx, p, 0))
		}
		pids, err := potok.Gather(ctx, all...)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[int]int{}
		for _, pid := range pids {
			if calls[pid]++; calls[pid] > 3 {
				t.Errorf("worker %d had more than 3 calls", pid)
			}
		}
	})
}

func TestAWorkerKilledWhileIdleFailsNoCall(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	before := pidOf(t, p)
	for range 30 {
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		after := pidOf(t, p) // at once: the pool may not know yet
		if after == before {
			t.Fatal("it lives")
		}
		before = after
	}
}

func TestCloseWhileCallsRunLeavesNothing(t *testing.T) {
	for name, end := range map[string]func(p *process.Pool){
		"once":  func(p *process.Pool) { p.Close() },
		"twice": func(p *process.Pool) { p.Close(); p.Close() },
		"from several goroutines": func(p *process.Pool) {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		},
		"after Shutdown": func(p *process.Pool) {
			ctx, cancel := contextWithTimeout(t, 20*time.Millisecond)
			defer cancel()
			if err := p.Shutdown(ctx); err == nil {
				t.Error("Shutdown has waited for an endless call")
			}
			p.Close()
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			leavesNothing(t, func() {
				p := newPool(t, 2, process.Output(io.Discard), process.Grace(20*time.Millisecond))
				ctx := within(t)
				all := []*potok.Future[int]{
					harm.Submit(ctx, p, "endless"), harm.Submit(ctx, p, "asleep"),
					harm.Submit(ctx, p, "nothing"), harm.Submit(ctx, p, "nothing"),
				}
				eventually(t, "two run", func() bool { return p.Stats().Running == 2 })
				end(p)
				for i, f := range all {
					if _, err := f.Result(ctx); !errors.Is(err, potok.ErrCancelled) || f.State() != potok.Cancelled {
						t.Errorf("call %d: %v: %v", i, f.State(), err)
					}
				}
				if _, err := harm.Submit(ctx, p, "nothing").Result(ctx); !errors.Is(err, potok.ErrClosed) {
					t.Errorf("after Close: %v", err)
				}
			})
		})
	}
}

func TestShutdownLetsRunningCallsFinish(t *testing.T) {
	leavesNothing(t, func() {
		p := newPool(t, 2, process.Output(io.Discard))
		ctx := within(t)
		var all []*potok.Future[int]
		for range 6 {
			all = append(all, whoAmI.Submit(ctx, p, 30))
		}
		if err := p.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if _, err := potok.Gather(ctx, all...); err != nil {
			t.Error(err)
		}
	})
}

func TestAPoolThatIsClosedAtOnceLeavesNothing(t *testing.T) {
	leavesNothing(t, func() {
		for range 10 {
			if err := newPool(t, 3, process.Output(io.Discard)).Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

var lingers = potok.Define("process_test.lingers", func(ctx context.Context, d time.Duration) (int, error) {
	fmt.Println("lingering")
	<-ctx.Done()
	time.Sleep(d)
	return os.Getpid(), nil
})

// The successor of a worker is started before it is killed, and goes again if it is not.
func TestACallThatEndsJustBeforeItsGraceKeepsItsWorker(t *testing.T) {
	leavesNothing(t, func() {
		var out lines
		p := newPool(t, 1, process.Output(&out), process.Grace(200*time.Millisecond))
		defer p.Close()
		ctx := within(t)
		before := pidOf(t, p)
		f := lingers.Submit(ctx, p, 190*time.Millisecond) // when its successor is about to be there
		eventually(t, "it runs", func() bool { return strings.Contains(out.String(), "lingering") })
		f.Cancel()
		if pid, err := f.Result(ctx); err == nil && pid == before {
			if after := pidOf(t, p); after != before {
				t.Errorf("worker %d, then %d", before, after)
			}
			eventually(t, "no other worker is left", func() bool {
				_, _, children := kept(t)
				return len(strings.Fields(children)) == 1
			})
		} // else it was killed after all
		pidOf(t, p)
	})
}
