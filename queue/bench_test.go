package queue_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potok-go/potok/queue"
)

// BenchmarkTransfer moves b.N items from producers to as many consumers, under a ctx that can end. peer=channel is what
// one writes without this package, and what its time is compared with. work is what each does with each item, in atomic
// loads, of which a thousand take about half a microsecond.
func BenchmarkTransfer(b *testing.B) {
	type ends struct {
		put func(int)
		get func()
	}
	peers := []struct {
		name string
		make func(ctx context.Context, capacity int) ends
	}{
		{"queue", func(ctx context.Context, capacity int) ends {
			q := queue.New[int](capacity)
			return ends{func(i int) { _ = q.Put(ctx, i) }, func() { _, _ = q.Get(ctx) }}
		}},
		{"channel", func(ctx context.Context, capacity int) ends {
			ch := make(chan int, capacity)
			return ends{
				func(i int) {
					select {
					case ch <- i:
					case <-ctx.Done():
					}
				},
				func() {
					select {
					case <-ch:
					case <-ctx.Done():
					}
				},
			}
		}},
	}
	for _, load := range []int{0, 1000} {
		for _, capacity := range []int{1024, 2} {
			for _, pairs := range []int{1, 3, 8} {
				for _, peer := range peers {
					name := fmt.Sprintf("work=%d/cap=%d/pairs=%d/peer=%s", load, capacity, pairs, peer.name)
					b.Run(name, func(b *testing.B) {
						b.ReportAllocs()
						e := peer.make(b.Context(), capacity)
						transfer(b.N, pairs, func(i int) { work(load); e.put(i) }, func() { e.get(); work(load) })
					})
				}
			}
		}
	}
}

// transfer calls put and get n times each, on pairs goroutines each, and waits for all.
func transfer(n, pairs int, put func(int), get func()) {
	var wg sync.WaitGroup
	for p := range pairs {
		share := n / pairs
		if p < n%pairs {
			share++
		}
		wg.Go(func() {
			for i := range share {
				put(i)
			}
		})
		wg.Go(func() {
			for range share {
				get()
			}
		})
	}
	wg.Wait()
}

func work(loads int) {
	var b atomic.Bool
	for range loads {
		b.Load()
	}
}

// BenchmarkPutGet is one goroutine's Put and Get, by discipline, in a queue that holds 100 items.
func BenchmarkPutGet(b *testing.B) {
	for _, order := range []struct {
		name string
		make func() *queue.Queue[int]
	}{
		{"fifo", func() *queue.Queue[int] { return queue.New[int](1024) }},
		{"lifo", func() *queue.Queue[int] { return queue.NewLIFO[int](1024) }},
		{"priority", func() *queue.Queue[int] {
			return queue.NewPriority(1024, func(a, b int) bool { return a < b })
		}},
	} {
		b.Run("order="+order.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, q := b.Context(), order.make()
			for i := range 100 {
				_ = q.Put(ctx, i*7919%1000)
			}
			i := 0
			for b.Loop() {
				i++
				_ = q.Put(ctx, i*7919%1000)
				_, _ = q.Get(ctx)
			}
		})
	}
}

// BenchmarkDone is what counting costs a consumer that is joined: Put, Get and Done.
func BenchmarkDone(b *testing.B) {
	b.ReportAllocs()
	ctx, q := b.Context(), queue.New[int](1)
	for b.Loop() {
		_ = q.Put(ctx, 1)
		_, _ = q.Get(ctx)
		_ = q.Done()
	}
}
