//go:build unix

package faults_test

import (
	"syscall"
	"testing"

	"github.com/potok-go/potok/cluster/embedded"
)

func TestAWorkerThatIsStoppedLosesItsCallsAndComesBack(t *testing.T) {
	t.Parallel()
	_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	asleep := startWorker(t, url, 3)
	startWorker(t, url, 3)
	all := orders(t, 60, 200)
	c := connectTo(t, url, "stopped")
	wait := submitAll(t, c, all)
	begun(t, all, 10)
	if err := asleep.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wait()
	if err := asleep.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	more := orders(t, 20, 10) // the worker that was asleep answers late, and works on
	submitAll(t, c, more)()
	checkRun(t, connection(t, url), "stopped", append(all, more...))
}
