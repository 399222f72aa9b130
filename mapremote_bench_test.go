package potok_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// idle is an executor that takes Chunks and does next to nothing with them: what is measured is what the caller's side costs.
type idle struct {
	potok.Executor // none
	places         int
	host           registry.Host
	ledger         registry.Ledger
	queue          chan registry.Chunk
	chunks         int
}

func newIdle(places int) *idle {
	x := &idle{places: places, queue: make(chan registry.Chunk, 4096)}
	x.host = registry.Host{Ledger: &x.ledger}
	for range places {
		go func() { // ends with the queue
			for k := range x.queue {
				k.Began()
				in := *k.In().(*[]int)
				copy(*k.Results(0, len(in)).(*[]int), in)
				k.Done(len(in))
				k.Settle(nil)
			}
		}()
	}
	return x
}

func (x *idle) TakesChunks() bool { return true }

func (x *idle) ChunkTime() time.Duration { return 0 }
func (x *idle) Stats() potok.Stats       { return potok.Stats{Workers: x.places} }
func (x *idle) Dispatch(calls registry.Batch) {
	k := calls.At(0).(registry.Chunk)
	x.chunks++
	if k.Accept(&x.host, nil) {
		x.queue <- k
	}
}

// BenchmarkTaskMap is an item of a Task's Map elsewhere than on a Pool, from input to loop body, without what running it costs.
func BenchmarkTaskMap(b *testing.B) {
	for _, places := range []int{1, 3, 8} {
		b.Run(fmt.Sprintf("workers=%d", places), func(b *testing.B) {
			ctx := b.Context()
			x := newIdle(places)
			defer close(x.queue)
			in := slices.Repeat([]int{1}, 100_000)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%len(in) == 0 { // a range of 100,000 items, each of them one b.Loop
					for _, err := range doubleTask.Map(ctx, x, slices.Values(in)) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			b.ReportMetric(float64(b.N)/float64(x.chunks), "items/chunk")
		})
	}
}
