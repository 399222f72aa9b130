package potok_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/potok-go/potok"
)

// BenchmarkSubmit is a call and its answer, waited for in order, 1,000 at a time.
func BenchmarkSubmit(b *testing.B) {
	shared, cancel := context.WithCancel(b.Context())
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{{"background", context.Background()}, {"cancellable", shared}} {
		b.Run("ctx="+c.name, func(b *testing.B) {
			pool := potok.NewPool(3)
			defer pool.Close()
			one := func(context.Context) (int, error) { return 1, nil }
			futures := make([]*potok.Future[int], 1000)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				i := n % len(futures)
				if futures[i] != nil {
					_, _ = futures[i].Result(c.ctx)
				}
				futures[i] = potok.Submit(c.ctx, pool, one)
			}
		})
	}
}

// BenchmarkRoundTrip is one call on an idle pool.
func BenchmarkRoundTrip(b *testing.B) {
	ctx := context.Background()
	pool := potok.NewPool(3)
	defer pool.Close()
	one := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		_, _ = potok.Submit(ctx, pool, one).Result(ctx)
	}
}

// BenchmarkMap is an item of a Map, from input to loop body.
func BenchmarkMap(b *testing.B) {
	for _, workers := range []int{1, 3} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			ctx := b.Context()
			pool := potok.NewPool(workers)
			defer pool.Close()
			same := func(_ context.Context, n int) (int, error) { return n, nil }
			in := slices.Repeat([]int{1}, 1000)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%len(in) == 0 { // a range of 1,000 items, each of them one b.Loop
					for _, err := range potok.Map(ctx, pool, slices.Values(in), same) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		})
	}
}
