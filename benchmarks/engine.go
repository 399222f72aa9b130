package main

import (
	"bytes"
	"context"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// engineGoal is about the server in a program: how soon it is ready, the first of its
// process and in a directory that is new, and what the process then has resident. The
// row of a program without a server has it linked in too, so the difference is what
// one that runs takes.
func engineGoal() goal {
	const memory, fast, nothing, beside = "in memory", "in a directory", "no server", "in a directory, with a client and a worker"
	starts := onEngine("Start of the first server in a process", []unit{nanoseconds}, "start",
		[]engineRow{{memory, "memory"}, {fast, "fast"}},
		atMost(memory, nanoseconds, 20e6), atMost(fast, nanoseconds, 20e6))
	idles := onEngine("a process with a server that is idle", []unit{residentMiB, privateMiB}, "idle",
		[]engineRow{{nothing, "nothing"}, {memory, "memory"}, {fast, "fast"}, {beside, "client"}},
		atMost(memory, residentMiB, 25), atMost(fast, residentMiB, 25))
	return goal{name: "C3", text: "the embedded server: its start; an idle one", workloads: []workload{starts, idles}}
}

// An engineRow is a work of the program engine.
type engineRow struct{ name, argument string }

// onEngine is the workload of works of the program engine, which prints figures of
// these units.
func onEngine(title string, units []unit, work string, rows []engineRow, conditions ...condition) workload {
	w := workload{title: title, units: units, conditions: conditions, maxRounds: clusterRounds}
	for _, row := range rows {
		w.rows = append(w.rows, row.name)
	}
	w.stage = func(ctx context.Context, p plan) (scene, error) {
		if !mind.Can {
			return nothingHere(nil), nil
		}
		if err := p.shop.open(ctx); err != nil {
			return scene{}, err
		}
		engine, err := p.shop.openEngine(ctx)
		if err != nil {
			return scene{}, err
		}
		var probes []probe
		for _, row := range rows {
			one := probe{row.name, func(round) (sample, error) {
				var printed bytes.Buffer
				run := command{path: engine, args: []string{work, row.argument}, stdout: &printed}
				if _, _, err := p.shop.run(ctx, run); err != nil {
					return nil, err
				}
				return scanSample(printed.Bytes(), units)
			}}
			if work == "idle" {
				one = whereKnown(one)
			}
			probes = append(probes, one)
		}
		return scene{measure: gauge(title, units, probes).measure}, nil
	}
	return w
}
