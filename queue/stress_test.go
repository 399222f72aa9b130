package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// Producers and consumers whose contexts end at any moment, and a Close in the middle of it all: every item of a Put
// that returned nil comes out exactly once, by a Get or by CloseNow, and no other item does.
func TestNothingIsLostAndNothingComesTwice(t *testing.T) {
	for order, newQueue := range orders {
		for _, capacity := range []int{1, 2, 7, 64} {
			for _, now := range []bool{false, true} {
				t.Run(fmt.Sprintf("order=%s/cap=%d/now=%t", order, capacity, now), func(t *testing.T) {
					everywhere(t, func(t *testing.T) { stress(t, newQueue(capacity), order == "fifo", now) })
				})
			}
		}
	}
}

func stress(t *testing.T, q *Queue[int], fifo, now bool) {
	const (
		workers = 4
		each    = 100
	)
	var (
		mu       sync.Mutex // guards the two below
		put, got = map[int]int{}, map[int]int{}

		wg, cancels sync.WaitGroup
	)
	note := func(m map[int]int, v int) {
		mu.Lock()
		defer mu.Unlock()
		m[v]++
	}
	maybe := func() context.Context { // in one of four cases it ends about now
		ctx, cancel := context.WithCancel(t.Context())
		if rand.IntN(4) == 0 {
			cancels.Go(cancel)
		} else {
			context.AfterFunc(t.Context(), cancel)
		}
		return ctx
	}
	for p := range workers {
		wg.Go(func() {
			for i := range each {
				v := p*each + i
				var err error
				if i%5 == 0 {
					err = q.TryPut(v)
				} else {
					err = q.Put(maybe(), v)
				}
				if err == nil {
					note(put, v)
				}
				if now && p == 0 && i == each/2 {
					for _, v := range q.CloseNow() {
						note(got, v)
					}
				}
			}
		})
	}
	var consumers sync.WaitGroup
	for c := range workers {
		consumers.Go(func() {
			last := map[int]int{} // the last item seen of each producer
			for i := 0; ; i++ {
				var v int
				var err error
				if (i+c)%5 == 0 {
					v, err = q.TryGet()
				} else {
					v, err = q.Get(maybe())
				}
				if err == ErrClosed {
					return
				}
				if err != nil {
					continue
				}
				if prev, ok := last[v/each]; fifo && ok && prev >= v {
					t.Errorf("item %d after %d of the same producer", v, prev)
				}
				last[v/each] = v
				note(got, v)
				if err := q.Done(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		for range 20 {
			q.check(t)
		}
	})
	wg.Wait()
	q.Close()
	consumers.Wait()
	watch.Wait()
	cancels.Wait()
	if err := q.Join(t.Context()); err != nil {
		t.Error(err)
	}
	if q.Done() == nil {
		t.Error("Done once more than there were items")
	}
	q.check(t)
	for v := range workers * each {
		if put[v] != got[v] || put[v] > 1 {
			t.Errorf("item %d was put %d times and gotten %d times", v, put[v], got[v])
		}
	}
}
