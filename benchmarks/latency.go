package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panjf2000/ants/v2"
	"github.com/potok-go/potok"
)

// latencyGoals are about one call at a time: given to an idle pool, and its
// result waited for. What is compared is the median of single round trips, which
// a few slow ones do not move. Reading the clock around each adds the same to
// both.
//
// The closures, and ants' channel, are made once for all calls. That favours
// ants: where calls overlap, each would need a channel of its own, as each has a
// Future here.
func latencyGoals() []goal {
	const ours, peer = "potok Submit, Result", "ants + channel"
	lines := []line{{ours, dialPotok}, {peer, dialAnts}}
	return []goal{
		{
			name:      "G10",
			text:      "one Submit and Result on an idle pool, at once: p50",
			workloads: []workload{calling("50,000 round trips", 50_000, lines, atOnce, ratio(ours, peer, 1.1))},
		},
		{
			name:      "G11",
			text:      "one Submit and Result on a pool that was idle for 300 µs: p50",
			workloads: []workload{calling("500 round trips, by turns", 500, lines, afterIdling, ratio(ours, peer, 1.2))},
		},
	}
}

// A line is a way to have a pool compute something and wait for the answer.
type line struct {
	name string
	dial func() (connection, error)
}

// A connection is a line with its pool.
type connection struct {
	trip   func() error // there and back: was the answer right?
	hangUp func() error // ends the pool
}

// calling is the workload of n round trips on each line, over pools that live for
// a round.
func calling(title string, n int, lines []line, measure func(round, int, []connection) ([]sample, error), conditions ...condition) workload {
	w := workload{title: title, units: []unit{nanoseconds}, conditions: conditions}
	for _, l := range lines {
		w.rows = append(w.rows, l.name)
	}
	w.measure = func(r round) (samples []sample, err error) {
		var open []connection
		defer func() {
			for _, c := range open {
				err = errors.Join(err, c.hangUp())
			}
		}()
		for _, l := range lines {
			c, err := l.dial()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.name, err)
			}
			open = append(open, c)
		}
		return measure(r, r.size(n), open)
	}
	return w
}

// atOnce makes n round trips on one connection and then n on the next: the pool
// is idle because it has just finished the call before.
func atOnce(r round, n int, open []connection) ([]sample, error) {
	return r.inTurn(len(open), func(row int) (sample, error) {
		times := make([]float64, n)
		for i := range times {
			var err error
			if times[i], err = clock(open[row].trip); err != nil {
				return nil, err
			}
		}
		return sample{nanoseconds: median(times)}, nil
	})
}

// afterIdling makes n round trips on each connection, by turns and each after a
// sleep in which nothing happens, so that all find the machine in the same state.
func afterIdling(_ round, n int, open []connection) ([]sample, error) {
	const idle = 300 * time.Microsecond
	times := make([][]float64, len(open))
	for i := range n {
		for j := range open {
			row := (i + j) % len(open)
			time.Sleep(idle)
			took, err := clock(open[row].trip)
			if err != nil {
				return nil, err
			}
			times[row] = append(times[row], took)
		}
	}
	samples := make([]sample, len(open))
	for row := range samples {
		samples[row] = sample{nanoseconds: median(times[row])}
	}
	return samples, nil
}

// clock is how long one round trip takes, in nanoseconds.
func clock(trip func() error) (float64, error) {
	begin := time.Now()
	err := trip()
	return float64(time.Since(begin)), err
}

// answer is what every call returns.
const answer = 42

func checkAnswer(v int) error {
	if v != answer {
		return fmt.Errorf("the answer is %d, not %d", v, answer)
	}
	return nil
}

func dialPotok() (connection, error) {
	pool := potok.NewPool(workers)
	call := func(context.Context) (int, error) { return answer, nil }
	return connection{
		trip: func() error {
			v, err := potok.Submit(always, pool, call).Result(always)
			if err != nil {
				return err
			}
			return checkAnswer(v)
		},
		hangUp: func() error { return pool.Shutdown(always) },
	}, nil
}

func dialAnts() (connection, error) {
	pool, err := ants.NewPool(workers)
	if err != nil {
		return connection{}, err
	}
	answers := make(chan int, 1)
	call := func() { answers <- answer }
	return connection{
		trip: func() error {
			if err := pool.Submit(call); err != nil {
				return err
			}
			return checkAnswer(<-answers)
		},
		hangUp: func() error { return pool.ReleaseTimeout(10 * time.Second) },
	}, nil
}
