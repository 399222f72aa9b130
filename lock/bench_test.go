package lock_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok/lock"
)

// BenchmarkMutex: hold is how long the lock is held, and twice that how long it is left alone, in atomic loads of about
// a quarter of a nanosecond.
func BenchmarkMutex(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, goroutines := range []int{1, 2, 8, 64} {
		for _, hold := range []int{0, 100, 1000} {
			dims := fmt.Sprintf("hold=%d/goroutines=%d", hold, goroutines)
			b.Run(dims+"/lock=potok", func(b *testing.B) {
				var m lock.Mutex
				contend(b, goroutines, hold, m.Lock, m.Unlock)
			})
			b.Run(dims+"/lock=potok-ctx", func(b *testing.B) {
				var m lock.Mutex
				contend(b, goroutines, hold, func() { _ = m.LockContext(ctx) }, m.Unlock)
			})
			b.Run(dims+"/lock=sync", func(b *testing.B) {
				var m sync.Mutex
				contend(b, goroutines, hold, m.Lock, m.Unlock)
			})
		}
	}
}

func contend(b *testing.B, goroutines, hold int, lock, unlock func()) {
	b.ReportAllocs()
	n, each := 0, b.N/goroutines
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				lock()
				n++
				work(hold)
				unlock()
				work(2 * hold)
			}
		})
	}
	wg.Wait()
	if n != goroutines*each {
		b.Fatalf("counted %d of %d", n, goroutines*each)
	}
}

var idle atomic.Bool

func work(loads int) {
	for range loads {
		idle.Load()
	}
}
