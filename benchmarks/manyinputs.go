package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// manyInputs is about the memory of the whole program, which must not grow with the
// number of inputs. They come through stdin, are tiny pages of a server of our own,
// and are printed in the order of the input, as they are unless one asks for less:
// it is what takes most memory. Of the run with a few inputs the median of several
// is taken; of the longest there is one.
func manyInputs(inputs int) goal {
	sizes := []int{1000, 10_000, 100_000, inputs}
	few, many := inputsRow(1000), inputsRow(inputs)
	w := workload{
		title: "1 KB pages, 64 at once, in order",
		units: []unit{peakMemory, pagesPerSecond, cpuPerPage},
		conditions: []condition{
			timesAtMost(many, few, peakMemory, 1.1),
		},
		once: true,
	}
	for _, n := range sizes {
		w.rows = append(w.rows, inputsRow(n))
		w.conditions = append(w.conditions, atMost(inputsRow(n), peakMemory, 40))
	}
	w.stage = func(ctx context.Context, p plan) (scene, error) {
		if !mind.Can {
			return nothingHere(nil), nil
		}
		if _, err := p.openShop(ctx); err != nil {
			return scene{}, err
		}
		base, server, err := startPageServer(ctx, p.shop)
		if err != nil {
			return scene{}, err
		}
		measure := func(r round) ([]sample, error) {
			return r.each(len(sizes), func(i int) (sample, error) {
				s, err := readInputs(ctx, p.shop, base+tinyPath, r, sizes[i])
				if err != nil {
					return nil, fmt.Errorf("%s: %w", inputsRow(sizes[i]), err)
				}
				return s, nil
			})
		}
		notes := []string{fmt.Sprintf("up to 10,000 inputs the median of %d runs, above one run", titleRounds)}
		return scene{measure: measure, notes: notes, leave: server.end}, nil
	}
	return goal{
		name:      "T5",
		text:      fmt.Sprintf("peak memory of titles with 1,000 to %s", many),
		workloads: []workload{w},
	}
}

// inputsRow names the row: 10,000 inputs.
func inputsRow(n int) string { return grouped(n) + " inputs" }

// grouped is n with its thousands apart.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// runsOf is how many runs there are with n inputs.
func runsOf(n int) int {
	if n <= 10_000 {
		return titleRounds
	}
	return 1
}

// readInputs is the median of some runs with n inputs: the fewer, the more runs.
func readInputs(ctx context.Context, shop *workshop, base string, r round, n int) (sample, error) {
	runs := runsOf(n)
	if r.short {
		runs = 1
	}
	n = r.size(n)
	all := make([][]sample, runs)
	for i := range all {
		c := shop.titles("-", readersAtOnce)
		c.stdin = &addressReader{base: base, n: n}
		s, _, err := shop.run(ctx, c)
		if err != nil {
			return nil, err
		}
		all[i] = []sample{{
			peakMemory:     float64(s.MaxRSS) / 1e6,
			pagesPerSecond: float64(n) / s.Took.Seconds(),
			cpuPerPage:     s.CPU.Seconds() * 1e6 / float64(n),
		}}
	}
	middle := sample{}
	for u := range all[0][0] {
		middle[u] = median(series(all, 0, u))
	}
	return middle, nil
}

// addressReader reads a list that is nowhere.
type addressReader struct {
	base string
	n    int // how many there are
	next int
	rest []byte // of what has been made
}

func (a *addressReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, errors.New("nothing to read into")
	}
	for len(a.rest) < len(p) && a.next < a.n {
		a.rest = append(a.rest, address(a.base, a.next)...)
		a.rest = append(a.rest, '\n')
		a.next++
	}
	if len(a.rest) == 0 {
		return 0, io.EOF
	}
	read := copy(p, a.rest)
	a.rest = append(a.rest[:0], a.rest[read:]...)
	return read, nil
}
