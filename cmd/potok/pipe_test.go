//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// pipe INPUT LINE PROGRAM ARG… runs the program as in "yes INPUT | PROGRAM ARG… | head -1", checks the line that came through, that nothing was said on
// stderr, and that the program then ended by itself with exit code 0 although its input goes on.
func pipe(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath(args[2])
	ts.Check(err)
	cmd := exec.Command(program, args[3:]...)
	cmd.Dir = ts.MkAbs(".")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	in, err := cmd.StdinPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	killed := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killed.Stop()
	written := make(chan struct{})
	go func() { // ends with the program, and is waited for
		defer close(written)
		for {
			if _, err := in.Write([]byte(args[0] + "\n")); err != nil {
				return
			}
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	ts.Check(out.Close())
	err = cmd.Wait()
	<-written
	if err != nil || said.Len() > 0 {
		ts.Fatalf("ended with %v and said %q", err, said.String())
	}
	if want := strings.NewReplacer(`\t`, "\t").Replace(args[1]); strings.TrimSuffix(line, "\n") != want {
		ts.Fatalf("line %q, want %q", line, want)
	}
}
