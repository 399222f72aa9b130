package embedded_test

import (
	"runtime"
	"testing"

	"github.com/potok-go/potok/cluster/embedded"
)

// BenchmarkStart starts and closes a server, and connects. heap-B is what one that idles holds.
func BenchmarkStart(b *testing.B) {
	for _, mode := range []embedded.Mode{embedded.Memory, embedded.Fast, embedded.Strict} {
		b.Run("durability="+mode.String(), func(b *testing.B) {
			opts := []embedded.Option{embedded.Durability(mode)}
			if mode != embedded.Memory {
				opts = append(opts, embedded.StoreDir(b.TempDir()))
			}
			before := inUse()
			var held int64
			first := true
			b.ReportAllocs()
			for b.Loop() {
				srv, err := embedded.Start(opts...)
				if err != nil {
					b.Fatal(err)
				}
				nc, err := srv.Connect()
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if first {
					held, first = inUse()-before, false
				}
				nc.Close()
				if err := srv.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(held), "heap-B")
		})
	}
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
