package process_test

import (
	"context"
	"math/big"
	"slices"
	"testing"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

var (
	increment = potok.Define("process_test.increment", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	echo      = potok.Define("process_test.echo", func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
	echoBig   = potok.Define("process_test.echoBig", func(_ context.Context, n *big.Int) (*big.Int, error) { return n, nil })
)

func benchPool(b *testing.B, workers int) *process.Pool {
	p := newPool(b, workers)
	b.Cleanup(func() { p.Close() })
	ctx := context.Background()
	for range workers {
		if _, err := increment.Submit(ctx, p, 1).Result(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	return p
}

// One call at a time, there and back.
func BenchmarkRoundTrip(b *testing.B) {
	p, ctx := benchPool(b, 1), context.Background()
	for b.Loop() {
		if _, err := increment.Submit(ctx, p, 1).Result(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// 10,000 calls at once, two workers; the time is that of one.
func BenchmarkSubmitAll(b *testing.B) {
	p, ctx := benchPool(b, 2), context.Background()
	in := make([]int, 10_000)
	n := 0
	for n < b.N {
		for _, f := range increment.SubmitAll(ctx, p, in) {
			if _, err := f.Result(ctx); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
}

func BenchmarkMap(b *testing.B) {
	p, ctx := benchPool(b, 2), context.Background()
	in := make([]int, b.N)
	for _, err := range increment.Map(ctx, p, slices.Values(in)) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEcho(b *testing.B) {
	for name, size := range map[string]int{"10KB": 10 << 10, "1MB": 1 << 20, "100MB": 100 << 20} {
		b.Run("size="+name, func(b *testing.B) {
			p, ctx := benchPool(b, 1), context.Background()
			b.SetBytes(int64(size))
			in := make([]byte, size)
			for b.Loop() {
				if _, err := echo.Submit(ctx, p, in).Result(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A number of 100,000 digits, there and back.
func BenchmarkEchoBig(b *testing.B) {
	p, ctx := benchPool(b, 1), context.Background()
	n := new(big.Int).Exp(big.NewInt(10), big.NewInt(99_999), nil)
	for b.Loop() {
		if _, err := echoBig.Submit(ctx, p, n).Result(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
