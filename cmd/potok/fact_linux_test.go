package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// busyWorker waits for a child that has used so much time that it runs a call: starting takes less.
func (s *session) busyWorker(t *testing.T) (pid int) {
	t.Helper()
	const ticks = 20 // of 10 ms
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			children, _ := os.ReadFile(file) // a thread that is gone has none
			for _, child := range strings.Fields(string(children)) {
				if usedTicks(child) < ticks {
					continue
				}
				if pid, err = strconv.Atoi(child); err != nil {
					t.Fatal(err)
				}
				return pid
			}
		}
	}
	t.Fatal("no worker does anything")
	return 0
}

// usedTicks returns how much processor time a process has used. 0: there is none.
func usedTicks(pid string) int {
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, behind, _ := strings.Cut(string(stat), ") ") // its name may have blanks
	if fields := strings.Fields(behind); len(fields) > 11 {
		n, _ := strconv.Atoi(fields[11]) // utime
		return n
	}
	return 0
}

func TestDeadWorkerFailsOnlyItsNumber(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			s := start(t, "fact", "--on", "processes", "--workers", "1", "--format", format, "10000000", "5", "6")
			if err := syscall.Kill(s.busyWorker(t), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			s.wantLine(t, s.errOut, "10000000: ")
			want := "5\t120\n6\t720\n"
			if format == "json" {
				s.wantLine(t, s.out, `{"n":10000000,"error":"`)
				want = `{"n":5,"factorial":"120"}` + "\n" + `{"n":6,"factorial":"720"}` + "\n"
			}
			s.wantEnd(t, exitFailed, want)
		})
	}
}

func TestFirstInterruptFinishesNumbersThatRun(t *testing.T) {
	s := start(t, "fact", "--on", "processes", "--workers", "1")
	fmt.Fprintln(s.in, 700_000) // a second, of which 0.2 s are waited for
	s.busyWorker(t)
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantLine(t, s.errOut, "potok: interrupted; finishing the numbers")
	s.wantLine(t, s.out, "700000\t")
	s.wantEnd(t, exitInterrupted, "")
}

func TestSecondInterruptStopsNumbersAtOnce(t *testing.T) {
	for _, on := range []string{"goroutines", "processes"} {
		t.Run(on, func(t *testing.T) {
			s := start(t, "fact", "--on", on, "5", "10000000")
			s.wantLine(t, s.out, "5\t120")
			worker := 0
			if on == "processes" {
				worker = s.busyWorker(t)
			}
			interrupt := func() {
				if err := s.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
			}
			interrupt()
			s.wantLine(t, s.errOut, "potok: interrupted")
			interrupt()
			s.wantEnd(t, exitInterrupted, "")
			if worker == 0 {
				return
			}
			for end := time.Now().Add(patience); syscall.Kill(worker, 0) == nil; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the worker lives on")
				}
			}
		})
	}
}

func TestInterruptWhileWaitingForNumbersEndsTheRun(t *testing.T) {
	s := start(t, "fact")
	fmt.Fprintln(s.in, 5)
	s.wantLine(t, s.out, "5\t120")
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	s.wantEnd(t, exitInterrupted, "")
}

func TestEachFactorialIsOneWrite(t *testing.T) {
	var out writes
	if code := run([]string{"fact", "5", "100", "5000"}, strings.NewReader(""), &out, io.Discard); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if len(out) != 3 {
		t.Errorf("%d writes, want 3", len(out))
	}
}
