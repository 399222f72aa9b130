package main

import (
	"fmt"
	"runtime"
	"time"
)

// A probe is a state of the program, of which something is measured.
type probe struct {
	name    string
	measure func(r round) (sample, error)
}

// gauge is the workload that measures each probe once a round.
func gauge(title string, units []unit, probes []probe, conditions ...condition) workload {
	w := workload{title: title, units: units, conditions: conditions}
	for _, p := range probes {
		w.rows = append(w.rows, p.name)
	}
	w.measure = func(r round) ([]sample, error) {
		return r.inTurn(len(probes), func(i int) (sample, error) {
			s, err := probes[i].measure(r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", probes[i].name, err)
			}
			return s, nil
		})
	}
	return w
}

// idling is the workload that measures how much processor time the process uses
// while something of ours is idle, beside what it uses in any case: the limit
// leaves room for that. enter brings about the idle state; leave ends it, and says
// whether it was what it should be.
func idling(title, row string, enter func() (leave func() error, err error)) workload {
	if !hasProcessTime {
		return workload{title: title + ": not measured on " + runtime.GOOS}
	}
	const limit = 2 // milliseconds
	nothing := func() (func() error, error) { return func() error { return nil }, nil }
	probes := []probe{
		{row, func(r round) (sample, error) { return timeIdle(r, enter) }},
		{"nothing", func(r round) (sample, error) { return timeIdle(r, nothing) }},
	}
	return gauge(title, []unit{processorTime}, probes, atMost(row, processorTime, limit))
}

func timeIdle(r round, enter func() (leave func() error, err error)) (sample, error) {
	const toSettle = 20 * time.Millisecond // for what runs before it parks
	watched := 200 * time.Millisecond
	if r.short {
		watched = 10 * time.Millisecond
	}
	leave, err := enter()
	if err != nil {
		return nil, err
	}
	time.Sleep(toSettle)
	before, err := processTime()
	if err != nil {
		return nil, err
	}
	time.Sleep(watched)
	after, err := processTime()
	if err != nil {
		return nil, err
	}
	used := float64(after-before) / float64(time.Millisecond)
	return sample{processorTime: used}, leave()
}
