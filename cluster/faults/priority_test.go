package faults_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

// Where calls of all priorities wait, those of each come by its weight; where they do not, nobody's place stays empty.
func TestPrioritiesShareThePlacesByWeight(t *testing.T) {
	for _, places := range []int{1, 4} {
		inBubble(t, func(b *bubble) {
			names := map[cluster.Priority]string{cluster.High: "high", cluster.Normal: "normal", cluster.Low: "low"}
			var mu sync.Mutex // guards order
			var order []cluster.Priority
			clients := make(map[cluster.Priority]*cluster.Client)
			for p, name := range names {
				b.act(name, func(context.Context, int) (int, error) {
					mu.Lock()
					order = append(order, p)
					mu.Unlock()
					time.Sleep(100 * time.Millisecond)
					return 1, nil
				})
				clients[p] = b.client(b.connect(b.cable()), cluster.WithPriority(p))
			}
			submit := func(p cluster.Priority, n int) (fs []*potok.Future[int]) {
				for range n {
					fs = append(fs, perform.Submit(b.Context(), clients[p], names[p]))
				}
				synctest.Wait()
				return fs
			}
			count := func(of []cluster.Priority) map[cluster.Priority]int {
				n := make(map[cluster.Priority]int)
				for _, p := range of {
					n[p]++
				}
				return n
			}
			const all = 130
			fs := append(append(submit(cluster.Low, all), submit(cluster.Normal, all)...), submit(cluster.High, all)...)
			b.worker(b.connect(b.cable()), places, "worker")
			for _, f := range fs {
				b.want(f, 1)
			}
			// All that wait are known when the first of each have come.
			n := count(order[3*places : 3*places+all])
			for p, want := range map[cluster.Priority]int{cluster.High: 90, cluster.Normal: 30, cluster.Low: 10} {
				if n[p] < want-4 || n[p] > want+4 {
					t.Errorf("%d places: %d calls of priority %d of the first %d, want %d", places, n[p], p, all, want)
				}
			}
			begin := time.Now()
			for _, f := range submit(cluster.Low, 10*places) {
				b.want(f, 1)
			}
			if d := time.Since(begin); d != time.Second {
				t.Errorf("%d places: calls of low priority took %v", places, d)
			}
		})
	}
}

// What one worker has taken is not waited for by another.
func TestPrioritiesOfSeveralWorkers(t *testing.T) {
	inBubble(t, func(b *bubble) {
		high := b.client(b.connect(b.cable()), cluster.WithPriority(cluster.High))
		low := b.client(b.connect(b.cable()), cluster.WithPriority(cluster.Low))
		b.act("a second", func(context.Context, int) (int, error) { time.Sleep(time.Second); return 1, nil })
		for range 3 {
			b.worker(b.connect(b.cable()), 1, "worker")
		}
		var fs []*potok.Future[int]
		begin := time.Now()
		for range 30 {
			fs = append(fs, perform.Submit(b.Context(), high, "a second"), perform.Submit(b.Context(), low, "a second"))
		}
		for _, f := range fs {
			b.want(f, 1)
		}
		if d := time.Since(begin); d > 23*time.Second {
			t.Errorf("60 calls of a second took 3 workers %v", d)
		}
	})
}
