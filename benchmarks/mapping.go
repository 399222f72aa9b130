package main

import (
	"fmt"
	"iter"
	"time"

	"github.com/destel/rill"
	"github.com/potok-go/potok"
	"github.com/sourcegraph/conc/stream"
)

// mapGoals are about a stream of inputs, mapped lazily and taken in order: one
// item after the other is pulled from an iter.Seq, and a loop takes the results
// as they come. The items are numbers, so input and loop cost next to nothing.
//
// By hand there is no stream: the inputs are a slice, all results are there
// before the loop begins. That is the least that the computing itself takes.
func mapGoals() []goal {
	const ours, far = "potok Map", "potok Map, Lookahead(256)"
	const byRill, byConc, by2 = "rill OrderedMap", "conc stream", "2 chunks by hand"
	micro, hundred := spinStep(time.Microsecond), spinStep(100*time.Microsecond)
	return []goal{{
		name: "G9",
		text: "Map, lazy and ordered, of 1 ns, 1 µs and 100 µs an item",
		workloads: []workload{
			compare("Map, 200,000 items of 1 ns", 200_000, nil, []contender{
				streaming(ours, plainStep, streamPotok()),
				streaming(byRill, plainStep, streamRill),
				streaming(byConc, plainStep, streamConc),
			}, ratio(ours, byRill, 0.05), ratio(ours, byConc, 0.05)),
			compare("Map, 20,000 items of 1 µs", 20_000, nil, []contender{
				streaming(ours, micro, streamPotok()),
				streaming(byRill, micro, streamRill),
				streaming(byConc, micro, streamConc),
			}, ratio(ours, byRill, 0.4), ratio(ours, byConc, 0.4)),
			compare("Map, 1,000 items of 100 µs", 1000, nil, []contender{
				streaming(ours, hundred, streamPotok()),
				streaming(far, hundred, streamPotok(potok.Lookahead(256))),
				streaming(by2, hundred, streamChunks),
			}, ratio(ours, by2, 1.10), ratio(far, by2, 1.03)),
		},
	}}
}

// A streamer maps the numbers from 0 to n-1 by fn and gives the results to take,
// in order and one at a time.
type streamer func(n int, fn step, take func(int)) error

// streaming is the contender who maps n numbers by s.
func streaming(name string, fn step, s streamer) contender {
	return contender{name, func(n int) trial {
		next, wrong := 1, 0 // every step adds 1
		take := func(v int) {
			if v != next {
				wrong++
			}
			next++
		}
		return trial{
			run: func() error { return s(n, fn, take) },
			verify: func() error {
				if next != n+1 || wrong > 0 {
					return fmt.Errorf("%d results of %d items, %d in the wrong place", next-1, n, wrong)
				}
				return nil
			},
		}
	}}
}

// numbers yields the numbers from 0 to n-1.
func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

func streamPotok(opts ...potok.MapOption) streamer {
	return func(n int, fn step, take func(int)) error {
		pool := potok.NewPool(workers)
		for v, err := range potok.Map(always, pool, numbers(n), fn, opts...) {
			if err != nil {
				return err
			}
			take(v)
		}
		return pool.Shutdown(always)
	}
}

// streamRill reads the sequence, as the others do. rill.FromSlice, which has a
// longer channel, is not faster.
func streamRill(n int, fn step, take func(int)) error {
	in := rill.FromSeq(numbers(n), nil)
	out := rill.OrderedMap(in, workers, func(v int) (int, error) { return fn(always, v) })
	for v, err := range rill.ToSeq2(out) {
		if err != nil {
			return err
		}
		take(v)
	}
	return nil
}

// streamConc takes the results in callbacks, which the stream runs one at a time
// and in order.
func streamConc(n int, fn step, take func(int)) error {
	var failure error
	s := stream.New().WithMaxGoroutines(workers)
	for v := range numbers(n) {
		s.Go(func() stream.Callback {
			r, err := fn(always, v)
			return func() {
				if err != nil && failure == nil {
					failure = err
				}
				take(r)
			}
		})
	}
	s.Wait()
	return failure
}

func streamChunks(n int, fn step, take func(int)) error {
	in := make([]int, n)
	for i := range in {
		in[i] = i
	}
	out, err := mapByChunks(in, 1, fn)
	for _, v := range out {
		take(v)
	}
	return err
}
