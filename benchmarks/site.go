package main

import (
	"context"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// A site is where a workload of process pools is measured: with the workshop, which
// starts what is not a worker, and with Python, if there is one.
type site struct {
	shop     *workshop
	python   tool
	noPython string // why there is none
	wanted   bool   // some row is Python's
}

// onSite is the workload of probes that need a site. They are made twice: once for
// their names alone, with a site that has nothing.
func onSite(title string, units []unit, probes func(context.Context, *site) []probe, conditions ...condition) workload {
	w := workload{title: title, units: units, conditions: conditions}
	for _, p := range probes(always, new(site)) {
		w.rows = append(w.rows, p.name)
	}
	w.stage = func(ctx context.Context, p plan) (scene, error) {
		if !mind.Can {
			return nothingHere(nil), nil
		}
		if err := p.shop.open(ctx); err != nil {
			return scene{}, err
		}
		here := &site{shop: p.shop}
		python, missing := findPython3(ctx)
		here.python, here.noPython = python, reason(missing)
		all := probes(ctx, here)
		var notes []string
		switch {
		case !here.wanted:
		case here.noPython != "":
			notes = append(notes, "Python's: skipped, "+here.noPython)
		default:
			notes = append(notes, here.python.version)
		}
		return scene{measure: gauge(title, units, all).measure, notes: notes}, nil
	}
	return w
}
