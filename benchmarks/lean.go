package main

import (
	"bytes"
	"context"

	"github.com/potok-go/potok/benchmarks/internal/resident"
)

// byLean is the probe of a work of the program lean, which prints figures of these
// units.
func (s *site) byLean(ctx context.Context, name string, units []unit, work string, args func(round) []string) probe {
	return probe{name, func(r round) (sample, error) {
		if err := s.shop.openLean(ctx); err != nil {
			return nil, err
		}
		var printed bytes.Buffer
		run := command{path: s.shop.lean, args: append([]string{work}, args(r)...), stdout: &printed}
		if _, _, err := s.shop.run(ctx, run); err != nil {
			return nil, err
		}
		return scanSample(printed.Bytes(), units)
	}}
}

// noArguments are those of a work that has none.
func noArguments(round) []string { return nil }

// whereKnown skips a probe on systems that do not tell what other processes do and
// have, as /proc does.
func whereKnown(p probe) probe {
	return probe{p.name, func(r round) (sample, error) {
		if !resident.Known() {
			return nil, nil
		}
		return p.measure(r)
	}}
}
