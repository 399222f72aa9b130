package progress_test

import (
	"io"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok/progress"
)

// BenchmarkAdd is goal B1: what counting costs beside an atomic addition, the least that a counter for several goroutines
// does. The bar draws meanwhile, ten times a second. seq is what a loop pays for an item.
func BenchmarkAdd(b *testing.B) {
	bar := func(b *testing.B) *progress.Bar {
		bar := progress.New(int64(b.N), progress.Output(io.Discard), progress.Always())
		b.Cleanup(func() { _ = bar.Close() })
		return bar
	}
	b.Run("goroutines=1/peer=atomic", func(b *testing.B) {
		b.ReportAllocs()
		n := new(atomic.Int64)
		for b.Loop() {
			n.Add(1)
		}
	})
	b.Run("goroutines=1/peer=bar", func(b *testing.B) {
		b.ReportAllocs()
		bar := bar(b)
		for b.Loop() {
			bar.Add(1)
		}
	})
	b.Run("goroutines=1/peer=silent", func(b *testing.B) {
		b.ReportAllocs()
		bar := progress.New(-1, progress.Output(io.Discard))
		for b.Loop() {
			bar.Add(1)
		}
	})
	b.Run("goroutines=4P/peer=atomic", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(4)
		n := new(atomic.Int64)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				n.Add(1)
			}
		})
	})
	b.Run("goroutines=4P/peer=bar", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(4)
		bar := bar(b)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				bar.Add(1)
			}
		})
	})
}
