package cluster_test

import (
	"context"
	"slices"
	"testing"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster/embedded"
)

var double = potok.Define("cluster.double", func(_ context.Context, n int) (int, error) { return 2 * n, nil })

// benchCluster is one worker with two places, on a server that has its store on disk.
func benchCluster(b *testing.B) potok.Executor {
	b.Helper()
	return joinCluster(b, startServer(b, embedded.StoreDir(b.TempDir())), 2)
}

func BenchmarkCall(b *testing.B) {
	c := benchCluster(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := double.Submit(b.Context(), c, 1).Result(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSubmit(b *testing.B) {
	c := benchCluster(b)
	b.ReportAllocs()
	futures := make([]*potok.Future[int], 0, 4096)
	for b.Loop() {
		if futures = append(futures, double.Submit(b.Context(), c, 1)); len(futures) == cap(futures) {
			await(b, futures)
			futures = futures[:0]
		}
	}
	await(b, futures)
}

func BenchmarkSubmitAll(b *testing.B) {
	c := benchCluster(b)
	b.ReportAllocs()
	ins := make([]int, 4096)
	for n := 0; n < b.N; n += len(ins) {
		await(b, double.SubmitAll(b.Context(), c, ins))
	}
}

func await(b *testing.B, futures []*potok.Future[int]) {
	b.Helper()
	if _, err := potok.Gather(b.Context(), futures...); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkMap(b *testing.B) {
	c := benchCluster(b)
	b.ReportAllocs()
	for _, err := range double.Map(b.Context(), c, slices.Values(make([]int, b.N))) {
		if err != nil {
			b.Fatal(err)
		}
	}
}
