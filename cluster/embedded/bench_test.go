package embedded_test

import (
	"runtime"
	"testing"

	"github.com/potok-go/potok/cluster/embedded"
)

// BenchmarkStart starts a server and connects to it; closing is not counted. heap-B is what one that idles holds, with its connection and
// the stacks of both.
func BenchmarkStart(b *testing.B) {
	for _, mode := range []embedded.Mode{embedded.Memory, embedded.Fast, embedded.Strict} {
		b.Run("durability="+mode.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				end := begin(b, mode)
				b.StopTimer()
				end()
				b.StartTimer()
			}
			b.ReportMetric(idle(b, mode), "heap-B")
		})
	}
}

func begin(b *testing.B, mode embedded.Mode) (end func()) {
	b.Helper()
	opts := []embedded.Option{embedded.Durability(mode)}
	if mode != embedded.Memory {
		opts = append(opts, embedded.StoreDir(b.TempDir()))
	}
	srv, err := embedded.Start(opts...)
	if err != nil {
		b.Fatal(err)
	}
	nc, err := srv.Connect()
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		nc.Close()
		if err := srv.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// idle returns the mean of several servers, as the heap of one goes under in what the runtime does beside it.
func idle(b *testing.B, mode embedded.Mode) float64 {
	b.Helper()
	const servers = 16
	before := inUse()
	for range servers {
		end := begin(b, mode)
		defer end()
	}
	return float64(inUse()-before) / servers
}

func inUse() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools kept through the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
