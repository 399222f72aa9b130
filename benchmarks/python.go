package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// Python's pools.
const (
	byPPE  = "PPE" // concurrent.futures.ProcessPoolExecutor
	byPool = "multiprocessing.Pool"
)

// byPython is the probe of testdata/processes.py at a work: a Python for each
// measurement, which makes its own pool, checks its own results, and prints how many
// nanoseconds an operation took and, if units go on, other figures. Its start does
// not count.
func (s *site) byPython(ctx context.Context, name string, units []unit, work string, args func(round) []string) probe {
	s.wanted = true
	return probe{name, func(r round) (sample, error) {
		if s.noPython != "" {
			return nil, nil
		}
		script, err := filepath.Abs("testdata/processes.py")
		if err != nil {
			return nil, err
		}
		var printed bytes.Buffer
		run := command{path: s.python.path, args: append([]string{script, work}, args(r)...), stdout: &printed}
		if _, _, err := s.shop.run(ctx, run); err != nil {
			return nil, err
		}
		return scanSample(printed.Bytes(), units)
	}}
}

// operations are the arguments of a work of n operations.
func operations(n int, more ...string) func(round) []string {
	return func(r round) []string { return append([]string{strconv.Itoa(r.size(n))}, more...) }
}

// scanSample reads the figures of these units, in their order, from what a program
// has printed.
func scanSample(printed []byte, units []unit) (sample, error) {
	figures := sample{}
	words := bytes.Fields(printed)
	if len(words) != len(units) {
		return nil, fmt.Errorf("it printed %q, which is not %q", printed, units)
	}
	for i, u := range units {
		v, err := strconv.ParseFloat(string(words[i]), 64)
		if err != nil {
			return nil, fmt.Errorf("it printed %q: %w", printed, err)
		}
		figures[u] = v
	}
	return figures, nil
}
