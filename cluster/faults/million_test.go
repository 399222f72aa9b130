package faults_test

import (
	"context"
	"fmt"
	"iter"
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
	begun := time.Now()
	var early uint64
	i := 0
	for v, err := range addOne.Map(t.Context(), c, numbers(calls)) {
		if v != i+1 || err != nil {
			t.Fatalf("item %d: %d, %v", i, v, err)
		}
		if i++; i == calls/10 {
			early = heap()
		}
	}
	took, late := time.Since(begun), heap()
	t.Logf("%d calls in %v: heap of the client %d KiB after a tenth, %d KiB at the end; server %d KiB",
		i, took.Round(time.Millisecond), early>>10, late>>10, resident(t, server))
	if late > early+4<<20 {
		t.Errorf("the client's heap has grown from %d to %d KiB", early>>10, late>>10)
	}
}

// What a run with a name costs, where each call is a message, is printed.
func TestAHundredThousandCallsOfARunWithAName(t *testing.T) {
	needsTime(t)
	const calls = 100_000
	server, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	startWorker(t, url, 2)
	c := connectTo(t, url, "named")
	if _, err := addOne.Submit(t.Context(), c, -1).Result(t.Context()); err != nil { // the server has all its parts then
		t.Fatal(err)
	}
	before, heapBefore, begun := resident(t, server), heap(), time.Now()
	i := 0
	for v, err := range addOne.Map(t.Context(), c, numbers(calls)) {
		if v != i+1 || err != nil {
			t.Fatalf("item %d: %d, %v", i, v, err)
		}
		i++
	}
	took := time.Since(begun)
	t.Logf("%d calls in %v: %d B of memory a call in the client; %d B a result in the server, which has %d KiB",
		i, took.Round(time.Millisecond), int(heap()-heapBefore)/calls, (resident(t, server)-before)<<10/calls, resident(t, server))
}

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident returns how many KiB of memory a process has, where the system says so; else 0.
func resident(t *testing.T, p *player) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Error(err)
	}
	return kib
}
