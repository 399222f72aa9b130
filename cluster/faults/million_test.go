package faults_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

var addOne = potok.Define("faults.addOne", func(_ context.Context, n int) (int, error) { return n + 1, nil })

// A million calls through Map need no more memory of their client than a tenth of them. What the server needs is printed:
// its results stay.
func TestAMillionCallsThroughMap(t *testing.T) {
	needsTime(t)
	const calls = 1_000_000
	server, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	startWorker(t, url, 2)
	nc, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c, err := cluster.Connect(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	numbers := func(yield func(int) bool) {
		for i := range calls {
			if !yield(i) {
				return
			}
		}
	}
	begun := time.Now()
	var early uint64
	i := 0
	for v, err := range addOne.Map(t.Context(), c, numbers) {
		if v != i+1 || err != nil {
			t.Fatalf("item %d: %d, %v", i, v, err)
		}
		if i++; i == calls/10 {
			early = heap()
		}
	}
	took, late := time.Since(begun), heap()
	t.Logf("%d calls in %v: heap of the client %d KiB after a tenth, %d KiB at the end; server %s", i, took.Round(time.Millisecond), early>>10, late>>10, resident(server.cmd.Process.Pid))
	if late > early+4<<20 {
		t.Errorf("the client's heap has grown from %d to %d KiB", early>>10, late>>10)
	}
}

// resident returns how much memory a process has, where the system says so.
func resident(pid int) string {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "unknown"
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
