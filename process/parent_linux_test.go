package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

// The scene "pool" has a pool of two workers, and does what it is told: a word a line.
func init() {
	scenes["pool"] = func() {
		ctx := context.Background()
		p, err := process.NewPool(2, process.Output(io.Discard), process.Grace(50*time.Millisecond))
		if err != nil {
			fmt.Println(err)
			return
		}
		interrupts := make(chan os.Signal, 10)
		signal.Notify(interrupts, os.Interrupt)
		go func() { // ends with the program
			for range interrupts {
				fmt.Println("interrupt")
			}
		}()
		var slow *potok.Future[int]
		var was syscall.Rlimit
		for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
			switch orders.Text() {
			case "pids": // of both, each once
				pids := map[int]bool{}
				for len(pids) < 2 {
					a, b := whoAmI.Submit(ctx, p, 20), whoAmI.Submit(ctx, p, 20)
					got, err := potok.Gather(ctx, a, b)
					if err != nil {
						fmt.Println(err)
						return
					}
					pids[got[0]], pids[got[1]] = true, true
				}
				for pid := range pids {
					fmt.Println(pid)
				}
			case "busy":
				harm.Submit(ctx, p, "endless")
				harm.Submit(ctx, p, "endless")
				for p.Stats().Running < 2 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond) // until they spin
				fmt.Println("busy")
			case "begin":
				slow = whoAmI.Submit(ctx, p, 500)
				for p.Stats().Running < 1 {
					time.Sleep(time.Millisecond)
				}
				fmt.Println("begun")
			case "result":
				fmt.Println(slow.Result(ctx))
			case "call":
				fmt.Println(whoAmI.Submit(ctx, p, 0).Result(ctx))
			case "limit":
				fmt.Println(limitFiles(&was))
			case "no limit":
				fmt.Println(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was))
			case "close":
				fmt.Println(p.Close())
				return
			}
		}
	}
}

// limitFiles makes it impossible to open one more.
func limitFiles(was *syscall.Rlimit) error {
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, was); err != nil {
		return err
	}
	next, err := syscall.Dup(0)
	if err != nil {
		return err
	}
	syscall.Close(next)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(next), Max: was.Max})
}

func (s *scene) pids() (pids [2]int) {
	s.t.Helper()
	s.say("pids")
	for i := range pids {
		line := s.line()
		pid, err := strconv.Atoi(line)
		if err != nil {
			s.t.Fatal(line)
		}
		pids[i] = pid
	}
	return pids
}

func (s *scene) tell(order, answer string) {
	s.t.Helper()
	s.say(order)
	if got := s.line(); got != answer {
		s.t.Fatalf("%s: %q, want %q", order, got, answer)
	}
}

// runs says whether there is such a process: one that is dead and not yet waited for is none.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	state := string(stat[strings.LastIndexByte(string(stat), ')')+2:])
	return state[0] != 'Z' && state[0] != 'X'
}

func TestNoWorkerOutlivesAParentThatIsKilled(t *testing.T) {
	for _, how := range []string{"idle", "busy", "busy with one processor"} {
		t.Run(strings.ReplaceAll(how, " ", "_"), func(t *testing.T) {
			var env []string
			if strings.HasSuffix(how, "one processor") {
				env = append(env, "GOMAXPROCS=1")
			}
			s := play(t, "pool", env...)
			pids := s.pids()
			for _, pid := range pids {
				if !runs(pid) {
					t.Fatalf("%d does not run", pid)
				}
			}
			if how != "idle" {
				s.tell("busy", "busy")
			}
			if err := syscall.Kill(s.cmd.Process.Pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			for _, pid := range pids {
				eventually(t, "the workers are gone", func() bool { return !runs(pid) })
			}
			t.Logf("gone after %v", time.Since(begin))
		})
	}
}

func TestAnInterruptIsForTheParentAlone(t *testing.T) {
	s := play(t, "pool")
	before := s.pids()
	s.tell("begin", "begun")
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if line := s.line(); line != "interrupt" {
		t.Fatal(line)
	}
	s.say("result")
	pid, err, _ := strings.Cut(s.line(), " ")
	if n, _ := strconv.Atoi(pid); err != "<nil>" || n != before[0] && n != before[1] {
		t.Errorf("the call that ran: %s, %s", pid, err)
	}
	after := s.pids()
	if after[0]+after[1] != before[0]+before[1] {
		t.Errorf("workers %v, then %v", before, after)
	}
	s.tell("close", "<nil>")
	s.end()
	for _, pid := range before {
		eventually(t, "the workers are gone", func() bool { return !runs(pid) })
	}
}

func TestWithoutFilesLivingWorkersGoOnAndStartsAreTriedAgain(t *testing.T) {
	s := play(t, "pool")
	before := s.pids()
	s.tell("limit", "<nil>")
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker is gone", func() bool { return !runs(before[0]) })
	for limit := time.Now().Add(time.Second); time.Now().Before(limit); { // more than five starts
		s.tell("call", fmt.Sprintf("%d <nil>", before[1]))
	}
	s.tell("no limit", "<nil>")
	after := s.pids()
	if after[0] == before[0] || after[1] == before[0] {
		t.Errorf("workers %v, then %v", before, after)
	}
	s.tell("limit", "<nil>")
	for _, pid := range after {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	s.say("call")
	line := s.line()
	for _, word := range []string{"workers do not start", "5 times in a row", "too many open files"} {
		if !strings.Contains(line, word) {
			t.Errorf("%q is not in: %s", word, line)
		}
	}
	s.tell("close", "<nil>")
	s.end()
}

func TestAProgramThatWasReplacedOrRemovedStartsItsOwnWorkers(t *testing.T) {
	for _, how := range []string{"replaced", "removed"} {
		t.Run(how, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("cp", self, program).CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
			s := playFile(t, program, "pool")
			before := s.pids()
			if err := os.Remove(program); err != nil {
				t.Fatal(err)
			}
			if how == "replaced" {
				if err := os.WriteFile(program, []byte("#!/bin/sh\necho another program\nexit 1\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, pid := range before {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				eventually(t, "the worker is gone", func() bool { return !runs(pid) })
			}
			after := s.pids()
			for _, pid := range after {
				if pid == before[0] || pid == before[1] {
					t.Errorf("workers %v, then %v", before, after)
				}
			}
			s.tell("close", "<nil>")
			s.end()
		})
	}
}

// What files a worker has, and what a program has that it starts.
var files = potok.Define("process_test.files", func(_ context.Context, file string) (string, error) {
	if file == "" {
		return ownFiles()
	}
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer out.Close()
	c := exec.Command("ls", "-l", "/proc/self/fd")
	c.Stdout = out
	if err := c.Run(); err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	return string(text), err
})

func ownFiles() (string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			fmt.Fprintf(&b, "%s %s\n", e.Name(), to)
		}
	}
	return b.String(), nil
}

func TestWhatATaskStartsHasNoFileOfThePool(t *testing.T) {
	inherited, err := ownFiles() // some may be on their way through all programs: not ours
	if err != nil {
		t.Fatal(err)
	}
	pipes := func(text string) (n int) {
		for line := range strings.Lines(text) {
			_, pipe, ok := strings.Cut(strings.TrimSpace(line), "pipe:")
			if ok && !strings.Contains(inherited, "pipe:"+pipe+"\n") {
				n++
			}
		}
		return n
	}
	p := newPool(t, 3, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	pidsOf(t, p, 3)
	text, err := files.Submit(ctx, p, filepath.Join(t.TempDir(), "files")).Result(ctx)
	if err != nil || !strings.Contains(text, "/dev/null") || pipes(text) != 0 {
		t.Errorf("%v, files:\n%s", err, text)
	}
	// And no worker has a file of another.
	for range 6 {
		text, err := files.Submit(ctx, p, "").Result(ctx)
		if err != nil || pipes(text) != 4 || !strings.Contains(text, "0 /dev/null\n") {
			t.Errorf("%v, files:\n%s", err, text)
		}
	}
}
