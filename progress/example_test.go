package progress_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/progress"
)

// A terminal draws each line over the one before. The examples show them below one another, by a clock that goes half a
// second a look.
func frames(written string) {
	fmt.Print(strings.TrimPrefix(strings.ReplaceAll(written, "\r", "\n"), "\n"))
}

func clock() progress.Option {
	now := time.Unix(0, 0)
	return progress.Clock(func() time.Time {
		now = now.Add(time.Second / 2)
		return now
	})
}

func Example() {
	var out strings.Builder
	bar := progress.New(5, progress.Output(&out), progress.Always(), clock())
	for range 5 {
		bar.Add(1)
	}
	if err := bar.Close(); err != nil {
		fmt.Println(err)
	}
	frames(out.String())
	// Output:
	//   0%|          | 0/5 [00:00<?, ?it/s]
	//  20%|██        | 1/5 [00:00<00:02,  2.00it/s]
	//  40%|████      | 2/5 [00:01<00:01,  2.00it/s]
	//  60%|██████    | 3/5 [00:01<00:01,  2.00it/s]
	//  80%|████████  | 4/5 [00:02<00:00,  2.00it/s]
	// 100%|██████████| 5/5 [00:02<00:00,  2.00it/s]
	// 100%|██████████| 5/5 [00:03<00:00,  1.67it/s]
}

func ExampleSeq() {
	var out strings.Builder
	urls := []string{"https://go.dev", "https://pkg.go.dev"}
	for url := range progress.Seq(slices.Values(urls), int64(len(urls)),
		progress.Prefix("titles"), progress.Unit("page", 0), progress.Columns(60),
		progress.Output(&out), progress.Always(), clock()) {
		_ = url
	}
	frames(out.String())
	// Output:
	// titles:   0%|                       | 0/2 [00:00<?, ?page/s]
	// titles:  50%|███████▌       | 1/2 [00:00<00:00,  2.00page/s]
	// titles: 100%|███████████████| 2/2 [00:01<00:00,  2.00page/s]
	// titles: 100%|███████████████| 2/2 [00:01<00:00,  1.33page/s]
}

// As tqdm(map(…)) does in Python, but it counts what came out, not what went in.
func ExampleSeq2() {
	pool := potok.NewPool(4)
	defer pool.Close()
	square := func(_ context.Context, n int) (int, error) { return n * n, nil }
	results := potok.Map(context.Background(), pool, slices.Values([]int{1, 2, 3, 4}), square)

	sum := 0
	for n, err := range progress.Seq2(results, 4) { // on stderr, if that is a terminal
		if err == nil {
			sum += n
		}
	}
	fmt.Println(sum)
	// Output: 30
}

func ExampleObserve() {
	var out strings.Builder
	bar := progress.New(3, progress.Output(&out), progress.Always(), clock())
	pool := potok.NewPool(1, potok.WithObserver(progress.Observe(bar)))
	for range 3 {
		pool.Go(context.Background(), func(context.Context) error { return nil })
	}
	_ = pool.Shutdown(context.Background())
	_ = bar.Close()
	frames(out.String())
	// Output:
	//   0%|          | 0/3 [00:00<?, ?it/s]
	//  33%|███▎      | 1/3 [00:00<00:01,  2.00it/s]
	//  67%|██████▋   | 2/3 [00:01<00:00,  2.00it/s]
	// 100%|██████████| 3/3 [00:01<00:00,  2.00it/s]
	// 100%|██████████| 3/3 [00:02<00:00,  1.50it/s]
}

func ExampleBar_Println() {
	var out strings.Builder
	bar := progress.New(-1, progress.Output(&out)) // no terminal: no bar
	bar.Add(1)
	bar.Println("https://go.dev: no title")
	_ = bar.Close()
	fmt.Print(out.String())
	// Output: https://go.dev: no title
}

func ExampleUnit() {
	var out strings.Builder
	bar := progress.New(3<<20, progress.Unit("B", 1024), progress.Output(&out), progress.Always(), clock())
	bar.Add(1 << 20)
	_ = bar.Close()
	frames(out.String())
	// Output:
	//   0%|          | 0.00/3.00M [00:00<?, ?B/s]
	//  33%|███▎      | 1.00M/3.00M [00:00<00:01, 2.10MB/s]
	//  33%|███▎      | 1.00M/3.00M [00:01<00:02, 1.05MB/s]
}

// Pairs of any kind are counted.
func ExampleSeq2_maps() {
	ages := map[string]int{"Anna": 30}
	for name, age := range progress.Seq2(maps.All(ages), int64(len(ages))) {
		fmt.Println(name, age)
	}
	// Output: Anna 30
}
