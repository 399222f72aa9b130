package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"
)

// A plan is how goals are to be measured.
type plan struct {
	rounds int
	short  bool
	shop   *workshop // of the workloads of processes
}

// openShop opens the workshop and makes a directory in it for one workload.
func (p plan) openShop(ctx context.Context) (dir string, err error) {
	if err := p.shop.openTitles(ctx); err != nil {
		return "", err
	}
	return p.shop.place()
}

// A round is one pass over the rows of a workload.
type round struct {
	turn  int // which round it is: the order of its rows depends on it
	short bool
}

// shortest is the size that a workload shrinks to in short mode: a multiple of
// every number of producers.
const shortest = 48

// size is how many operations to do where a full run does n.
func (r round) size(n int) int {
	if r.short {
		return min(n, shortest)
	}
	return n
}

// inTurn measures each of n rows once. Each begins with a warm heap that has just
// been collected, and with all processors awake, unless its figures mean nothing.
func (r round) inTurn(n int, measure func(row int) (sample, error)) ([]sample, error) {
	return r.each(n, func(row int) (sample, error) {
		if !r.short {
			warmHeap()
			runtime.GC()
			wakeProcessors()
		}
		return measure(row)
	})
}

// each measures each of n rows once, in the order of the round.
func (r round) each(n int, measure func(row int) (sample, error)) ([]sample, error) {
	samples := make([]sample, n)
	for i := range n {
		row := r.row(i, n)
		s, err := measure(row)
		if err != nil {
			return nil, err
		}
		samples[row] = s
	}
	return samples, nil
}

// row is which of n rows is the one at place i of the order. Each round begins
// with another row, and every other round goes backwards, so that no row always
// finds the machine as the same other one has left it.
func (r round) row(i, n int) int {
	row := (i + r.turn) % n
	if r.turn%2 == 1 {
		return n - 1 - row
	}
	return row
}

// warmHeap makes the runtime hold memory that the kernel has mapped. It gives back
// what has not been in use for a while, and then the next row, whoever it is, would
// pay for a page fault with every page: more than the work itself takes in some
// workloads. Pieces fill the heap from below, where what the row needs will be too.
func warmHeap() {
	const pieces, piece, page = 64, 1 << 20, 4096 // in all more than a row takes
	held := make([][]byte, pieces)
	for i := range held {
		held[i] = make([]byte, piece)
		for at := 0; at < piece; at += page {
			held[i][at] = 1
		}
	}
	runtime.KeepAlive(held)
}

// wakeProcessors keeps all processors busy for a moment. After a pause the kernel
// lets threads that it wakes share a processor, until a tick finds the other one
// idle; runs of a few milliseconds would measure when that was.
func wakeProcessors() {
	loops := loopsOf(2 * time.Millisecond)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() { spin(loops) })
	}
	wg.Wait()
}

// timed runs the trial and gives its figures for each of n operations.
func timed(t trial, n int) (sample, error) {
	before, err := used()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	err = t.run()
	took := time.Since(begin)
	if err != nil {
		return nil, err
	}
	after, err := used()
	if err != nil {
		return nil, err
	}
	if err := t.verify(); err != nil {
		return nil, err
	}
	each := func(total uint64) float64 { return float64(total) / float64(n) }
	mallocs, total := after.mallocs-before.mallocs, after.allocated-before.allocated
	return sample{
		nanoseconds:      each(uint64(took)),
		cores:            float64(after.cpu-before.cpu) / float64(took),
		allocations:      each(mallocs),
		allocBytes:       each(total),
		wholeAllocations: math.Floor(each(mallocs)),
		wholeBytes:       math.Floor(each(total)),
	}, nil
}

// usage is what the process has used since it began.
type usage struct {
	mallocs, allocated uint64
	cpu                time.Duration // 0 where the system does not tell
}

func used() (usage, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{mallocs: m.Mallocs, allocated: m.TotalAlloc}
	if !hasProcessTime {
		return u, nil
	}
	var err error
	u.cpu, err = processTime()
	return u, err
}

// runGoal measures every workload of g. What the round before the first says is
// thrown away: it fills caches and starts threads.
func runGoal(ctx context.Context, g goal, p plan) (goalResult, error) {
	res := goalResult{name: g.name, text: g.text, judged: !p.short}
	for _, w := range g.workloads {
		samples, notes, err := w.run(ctx, p)
		if err != nil {
			return res, fmt.Errorf("%s, %s: %w", g.name, w.title, err)
		}
		summary := summarize(w, samples)
		summary.notes = notes
		res.workloads = append(res.workloads, summary)
	}
	return res, nil
}

// run returns the samples of every round, each in the order of the rows, and what
// the stage has to say. It ends between two rounds when ctx does.
func (w workload) run(ctx context.Context, p plan) (all [][]sample, notes []string, err error) {
	here := scene{measure: w.measure}
	if w.stage != nil {
		if here, err = w.stage(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	if here.leave != nil {
		defer func() { err = errors.Join(err, here.leave()) }()
	}
	if here.measure == nil {
		return nil, here.notes, nil
	}
	first, rounds := -1, w.rounds(p) // a warm-up
	if w.once || p.short {
		first = 0
	}
	for turn := first; turn < rounds; turn++ {
		if err := context.Cause(ctx); err != nil {
			return nil, nil, err
		}
		samples, err := here.measure(round{turn: turn + 1, short: p.short})
		if err != nil {
			return nil, nil, err
		}
		if turn >= 0 {
			all = append(all, samples)
		}
	}
	return all, here.notes, nil
}

// rounds is how many rounds count.
func (w workload) rounds(p plan) int {
	switch {
	case w.once || p.short:
		return 1
	case w.maxRounds > 0:
		return min(w.maxRounds, p.rounds)
	default:
		return p.rounds
	}
}
