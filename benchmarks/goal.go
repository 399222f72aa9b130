package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// workers is how many workers every pool has, ours and the peers'.
const workers = 3

// A goal is one row of the table of goals: met when all of its conditions are.
type goal struct {
	name      string // "G1"
	text      string // what is done
	workloads []workload
}

// goals returns all goals in the order in which they are run. inputs is how many
// inputs the longest run of titles has.
func goals(inputs int) []goal {
	return slices.Concat(submitGoals(), resultGoals(), allocGoals(), mapSliceGoals(), mapGoals(),
		latencyGoals(), queueGoals(), lockGoals(), orderGoals(), memoryGoals(), titleGoals(inputs), countingGoals(),
		processGoals(), clusterGoals())
}

// selectGoals returns the goals of these names, in the order of goals. A letter
// alone names all goals that begin with it.
func selectGoals(all []goal, names []string) ([]goal, error) {
	if len(names) == 0 {
		return all, nil
	}
	var picked []goal
	for _, name := range names {
		if !slices.ContainsFunc(all, func(g goal) bool { return g.is(name) }) {
			return nil, fmt.Errorf("there is no goal %q: -list names them", name)
		}
	}
	for _, g := range all {
		if slices.ContainsFunc(names, g.is) {
			picked = append(picked, g)
		}
	}
	return picked, nil
}

// is says whether the goal has that name, or begins with that letter.
func (g goal) is(name string) bool {
	return g.name == name || name == strings.TrimRight(g.name, "0123456789")
}

// A unit says what a figure counts.
type unit string

const (
	nanoseconds unit = "ns/op"
	cores       unit = "cores" // processor time a unit of time
	allocations unit = "allocs/op"
	allocBytes  unit = "B/op"

	// Rounded down, as go test -benchmem does: what is made once for all calls is
	// not a part of each.
	wholeAllocations unit = "whole allocs/op"
	wholeBytes       unit = "whole B/op"

	heapBytes     unit = "heap B"
	stackBytes    unit = "stack B"
	processorTime unit = "CPU ms"

	longestWait unit = "ms, longest of all waits" // of those of all rounds

	pagesPerSecond unit = "pages/s"
	cpuPerPage     unit = "CPU µs/page"
	peakMemory     unit = "peak MB" // resident at one time
	shareRead      unit = "% read"  // of the bytes of the pages
	shareOfMost    unit = "% of workers ÷ latency"

	callsPerSecond unit = "calls/s"
	chunkSize      unit = "items/chunk"
	parentPeak     unit = "parent's peak ÷ payload" // resident at one time, the program itself with it
	workerPeak     unit = "worker's peak ÷ payload"
	residentMB     unit = "resident MB"
	privateMB      unit = "private MB" // of what is resident, not shared with another process
	residentMiB    unit = "resident MiB"
	privateMiB     unit = "private MiB"
	wholeSeconds   unit = "s" // of all calls together

	// Of promises. The longest of all rounds counts, as of all waits.
	longestLate    unit = "ms late, longest"
	longestToNext  unit = "ms to next answer, longest"
	longestOutlive unit = "ms outlived, longest"
)

// A condition limits a figure of a row: as a multiple of the peer's figure in
// the same round or, without a peer, as it is.
type condition struct {
	row, peer string
	unit      unit
	limit     float64
	least     bool // the figure has to be at least the limit, not at most
}

// ratio limits the time of row to limit times that of peer.
func ratio(row, peer string, limit float64) condition {
	return condition{row: row, peer: peer, unit: nanoseconds, limit: limit}
}

// timesAtMost limits a figure of row to limit times that of peer.
func timesAtMost(row, peer string, u unit, limit float64) condition {
	return condition{row: row, peer: peer, unit: u, limit: limit}
}

// moreCalls wants row to make limit times the calls a second that peer makes, or more.
func moreCalls(row, peer string, limit float64) condition {
	return condition{row: row, peer: peer, unit: callsPerSecond, limit: limit, least: true}
}

// atMost limits a figure of row.
func atMost(row string, u unit, limit float64) condition {
	return condition{row: row, unit: u, limit: limit}
}

// atLeast wants a figure of row to be limit, or more.
func atLeast(row string, u unit, limit float64) condition {
	return condition{row: row, unit: u, limit: limit, least: true}
}

// A workload is one piece of work, done by everybody in rows once a round.
type workload struct {
	title      string
	rows       []string
	units      []unit // the figures of each row
	conditions []condition
	once       bool // one round is enough, and a second would not be like the first
	maxRounds  int  // where each takes seconds; 0: as many as are asked for
	measure    func(round) ([]sample, error)

	// stage stands in for measure where something has to be there through all
	// rounds, a server say.
	stage func(ctx context.Context, p plan) (scene, error)
}

// A scene is what a stage has made ready.
type scene struct {
	measure func(round) ([]sample, error) // nil: nothing can be measured here, and notes say why
	notes   []string                      // for the reader of the report
	leave   func() error                  // ends what the stage has begun; nil if that is nothing
}

// A sample is what one row took in one round. A figure that is not in it could not
// be measured; the sample of a row that was skipped is nil.
type sample map[unit]float64

// A contender does the work of a workload in its own way. prepare makes ready
// what would be there before the work, n operations of it, and is not timed.
type contender struct {
	name    string
	prepare func(n int) trial
}

// A trial is one run of a contender. An error ends the program, so that run has
// nothing to tidy up before it returns one.
type trial struct {
	run    func() error // timed, with the making and the ending of the pools in it
	verify func() error // not timed: was everything done, and rightly?
}

// compare is the workload of contenders that each do ops operations. Their time is
// shown, how many processors they kept busy where the system tells it, and units.
func compare(title string, ops int, units []unit, contenders []contender, conditions ...condition) workload {
	w := workload{title: title, units: []unit{nanoseconds}, conditions: conditions}
	if hasProcessTime {
		w.units = append(w.units, cores)
	}
	w.units = append(w.units, units...)
	for _, c := range contenders {
		w.rows = append(w.rows, c.name)
	}
	w.measure = func(r round) ([]sample, error) {
		return r.inTurn(len(contenders), func(i int) (sample, error) {
			n := r.size(ops)
			s, err := timed(contenders[i].prepare(n), n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
			}
			return s, nil
		})
	}
	return w
}

// always is a context that cannot end: what every call runs under, unless the
// workload is about contexts.
var always = context.Background()
