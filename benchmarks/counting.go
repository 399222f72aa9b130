package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/potok-go/potok/progress"
)

// countingGoals are about what a loop pays for telling how far it is. The peer is
// an atomic addition, the least that a counter for several goroutines does. The bar
// draws meanwhile, ten times a second, into nothing; making it and its last line
// are within the time.
func countingGoals() []goal {
	const bar, silent, peer, counts = "progress Bar.Add", "progress Bar.Add, nothing drawn", "atomic add", 20_000_000
	counting := func(title string, goroutines func() int) workload {
		w := compare(title, counts, nil,
			[]contender{
				{bar, func(n int) trial { return countByBar(n, goroutines(), true) }},
				{silent, func(n int) trial { return countByBar(n, goroutines(), false) }},
				{peer, func(n int) trial { return countByAtomic(n, goroutines()) }},
			},
			ratio(bar, peer, 2),
		)
		w.maxRounds = titleRounds // they share a report
		return w
	}
	return []goal{{
		name: "B1",
		text: "progress: 20,000,000 × Add",
		workloads: []workload{
			counting("progress.Bar.Add by one goroutine", func() int { return 1 }),
			counting("progress.Bar.Add by a goroutine for each processor", func() int { return runtime.GOMAXPROCS(0) }),
		},
	}}
}

// countTo has goroutines call add n times together, with a share for each.
func countTo(n, goroutines int, add func(times int)) {
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() { add(n*(i+1)/goroutines - n*i/goroutines) })
	}
	wg.Wait()
}

func countByAtomic(n, goroutines int) trial {
	counted := new(atomic.Int64)
	return trial{
		run: func() error {
			countTo(n, goroutines, func(times int) {
				for range times {
					counted.Add(1)
				}
			})
			return nil
		},
		verify: func() error {
			if c := counted.Load(); c != int64(n) {
				return fmt.Errorf("%d of %d were counted", c, n)
			}
			return nil
		},
	}
}

func countByBar(n, goroutines int, drawn bool) trial {
	var last lastWrite
	options := []progress.Option{progress.Output(&last)}
	if drawn {
		options = append(options, progress.Always())
	}
	return trial{
		run: func() error {
			bar := progress.New(int64(n), options...)
			countTo(n, goroutines, func(times int) {
				for range times {
					bar.Add(1)
				}
			})
			return bar.Close()
		},
		verify: func() error { return last.says(n, drawn) },
	}
}

// lastWrite is an output that keeps what was written last. No two writes of a bar
// overlap.
type lastWrite struct{ text []byte }

func (l *lastWrite) Write(p []byte) (int, error) {
	l.text = append(l.text[:0], p...)
	return len(p), nil
}

// says says whether the last line is that of n of n.
func (l *lastWrite) says(n int, drawn bool) error {
	switch {
	case !drawn && len(l.text) > 0:
		return errors.New("something was drawn")
	case drawn && !strings.Contains(string(l.text), fmt.Sprintf(" %d/%d ", n, n)):
		return fmt.Errorf("the last line of %d is %q", n, l.text)
	}
	return nil
}
