//go:build unix

package process_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A scene is another program, which a test talks with over its stdin and stdout.
type scene struct {
	t     testing.TB
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
}

// play starts the scene of that name, in a process group of its own.
func play(t testing.TB, name string, env ...string) *scene {
	t.Helper()
	return playFile(t, os.Args[0], name, env...)
}

func playFile(t testing.TB, path, name string, env ...string) *scene {
	t.Helper()
	s := &scene{t: t, cmd: exec.Command(path), lines: make(chan string, 1000)}
	s.cmd.Env = append(append(os.Environ(), sceneVar+"="+name), env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr strings.Builder
	s.cmd.Stderr = &stderr
	s.cmd.WaitDelay = time.Second
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { // the clean-up waits for it
		defer close(read)
		defer close(s.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // the group: nothing is left, whatever the test has found
		in.Close()
		_ = s.cmd.Wait()
		<-read
		if t.Failed() {
			t.Logf("stderr of %q:\n%s", name, stderr.String())
		}
	})
	return s
}

// line is the next line that it prints.
func (s *scene) line() string {
	s.t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			s.t.Fatal("the scene has ended")
		}
		return line
	case <-time.After(30 * time.Second):
		s.t.Fatal("the scene says nothing")
		return ""
	}
}

// say gives it a line.
func (s *scene) say(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// end waits until it prints no more, and fails the test if it does.
func (s *scene) end() {
	s.t.Helper()
	for limit := time.After(30 * time.Second); ; {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return
			}
			s.t.Errorf("one line more: %s", line)
		case <-limit:
			s.t.Fatal("the scene does not end")
		}
	}
}
