package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/sourcegraph/conc/iter"
)

// mapSliceGoals are about a slice in and a slice out. All call the same func
// value with the same arguments and look at its error, and make a slice for the
// results each time. potok's pool is made once for all repetitions, within the
// time; the others start their goroutines in each, as they have no pool.
func mapSliceGoals() []goal {
	const ours, by2 = "potok MapSlice", "2 chunks by hand"
	// against is potok beside a peer, items of fn at a time, times over.
	against := func(title string, items, times int, fn step, peer string, m mapper, limit float64) workload {
		return compare(title, items*times, nil, []contender{
			mapping(ours, items, fn, mapByPotok),
			mapping(peer, items, fn, m),
		}, ratio(ours, peer, limit))
	}
	const million = 1_000_000
	return []goal{
		{
			name: "G6",
			text: "MapSlice, 1,000,000 items of 1 ns",
			workloads: []workload{compare("MapSlice, 1,000,000 items of 1 ns, 4 times", 4*million, nil,
				[]contender{
					mapping(ours, million, plainStep, mapByPotok),
					mapping(by2, million, plainStep, mapByChunks),
					mapping("conc iter", million, plainStep, mapByConc),
				},
				ratio(ours, by2, 1.1),
				ratio(ours, "conc iter", 0.5),
			)},
		},
		{
			name: "G7",
			text: "MapSlice, 10,000 items of 1 ns: do not fan out",
			workloads: []workload{
				against("MapSlice, 10,000 items of 1 ns, 500 times", 10_000, 500, plainStep, "serial loop", mapSerially, 1.4),
			},
		},
		{
			name: "G8",
			text: "MapSlice, 10,000 items of 1 µs; 1,000 of 100 µs",
			workloads: []workload{
				against("MapSlice, 10,000 items of 1 µs, 4 times", 10_000, 4, spinStep(time.Microsecond), by2, mapByChunks, 1.03),
				against("MapSlice, 1,000 items of 100 µs", 1000, 1, spinStep(100*time.Microsecond), by2, mapByChunks, 1.03),
			},
		},
	}
}

// A mapper maps in by fn, times over, and returns the results of the last time.
type mapper func(in []int, times int, fn step) ([]int, error)

// mapping is the contender who maps a slice of items elements, again and again
// until n elements are done.
func mapping(name string, items int, fn step, m mapper) contender {
	return contender{name, func(n int) trial {
		in := make([]int, min(items, n))
		for i := range in {
			in[i] = i
		}
		var out []int
		return trial{
			run: func() (err error) {
				out, err = m(in, n/len(in), fn)
				return err
			},
			verify: func() error {
				if len(out) != len(in) {
					return fmt.Errorf("%d results of %d items", len(out), len(in))
				}
				return counted(out, 1) // every step adds 1
			},
		}
	}}
}

func mapByPotok(in []int, times int, fn step) (out []int, err error) {
	pool := potok.NewPool(workers)
	for range times {
		if out, err = potok.MapSlice(always, pool, in, fn); err != nil {
			return nil, err
		}
	}
	return out, pool.Shutdown(always)
}

// mapByChunks is the least that one can write for two cores: it knows the number
// of items, and that all take equally long.
func mapByChunks(in []int, times int, fn step) (out []int, err error) {
	half := len(in) / 2
	for range times {
		out = make([]int, len(in))
		var errs [2]error
		var wg sync.WaitGroup
		wg.Go(func() { errs[0] = mapPart(in[:half], out[:half], fn) })
		wg.Go(func() { errs[1] = mapPart(in[half:], out[half:], fn) })
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func mapSerially(in []int, times int, fn step) (out []int, err error) {
	for range times {
		out = make([]int, len(in))
		if err := mapPart(in, out, fn); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// mapPart puts the results of in into out.
func mapPart(in, out []int, fn step) (err error) {
	for i, v := range in {
		if out[i], err = fn(always, v); err != nil {
			return err
		}
	}
	return nil
}

func mapByConc(in []int, times int, fn step) (out []int, err error) {
	m := iter.Mapper[int, int]{MaxGoroutines: 2}
	for range times {
		out, err = m.MapErr(in, func(v *int) (int, error) { return fn(always, *v) })
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
