package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// of makes rounds of two rows from pairs of times.
func TestEveryRowComesOnceARoundAndFirstInTurn(t *testing.T) {
	const n = 3
	first := make(map[int]bool)
	for turn := range 2 * n {
		var order []int
		for i := range n {
			order = append(order, round{turn: turn}.row(i, n))
		}
		first[order[0]] = true
		slices.Sort(order)
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("round %d has the rows %v", turn, order)
		}
	}
	if len(first) != n {
		t.Errorf("only %d of %d rows are ever first", len(first), n)
	}
}

func TestAWarmUpRoundIsNotCounted(t *testing.T) {
	turns := 0
	w := workload{measure: func(round) ([]sample, error) {
		turns++
		return []sample{{nanoseconds: float64(turns)}}, nil
	}}
	rounds, _, err := w.run(always, plan{rounds: 3})
	if err != nil || turns != 4 || len(rounds) != 3 || rounds[0][0][nanoseconds] != 2 {
		t.Errorf("3 rounds: %d measured, %v kept, %v", turns, rounds, err)
	}
	w.once, turns = true, 0
	if rounds, _, err = w.run(always, plan{rounds: 3}); err != nil || turns != 1 || len(rounds) != 1 {
		t.Errorf("once: %d measured, %v kept, %v", turns, rounds, err)
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	kept := make([][]byte, 1000)
	s, err := timed(trial{
		run: func() error {
			for i := range kept {
				kept[i] = make([]byte, 64)
			}
			return nil
		},
		verify: func() error { return nil },
	}, len(kept))
	if err != nil || s[wholeAllocations] != 1 || s[wholeBytes] != 64 {
		t.Errorf("1,000 allocations of 64 bytes are %v, %v", s, err)
	}
}

func TestAFaultNamesTheGoalAndTheContender(t *testing.T) {
	fault := errors.New("1 of 2 calls ran")
	g := goal{name: "G0", workloads: []workload{compare("two calls", 2, nil, []contender{
		{"someone", func(int) trial {
			return trial{run: func() error { return nil }, verify: func() error { return fault }}
		}},
	})}}
	_, err := runGoal(always, g, plan{rounds: 1})
	if !errors.Is(err, fault) || !strings.Contains(err.Error(), "G0, two calls: someone: ") {
		t.Errorf("got %v", err)
	}
}

// beside is a workload of two rows, of which the second is skipped.
func beside(leave func() error) workload {
	return workload{
		title: "two", rows: []string{"ours", "peer"}, units: []unit{nanoseconds}, maxRounds: 3,
		conditions: []condition{ratio("ours", "peer", 1), atMost("ours", nanoseconds, 1)},
		stage: func(context.Context, plan) (scene, error) {
			measure := func(round) ([]sample, error) { return []sample{{nanoseconds: 1}, nil}, nil }
			return scene{measure, []string{"peer is not installed"}, leave}, nil
		},
	}
}

func TestWhatIsMissingIsSkipped(t *testing.T) {
	res, err := runGoal(always, goal{name: "G0", workloads: []workload{beside(nil)}}, plan{rounds: 11})
	if err != nil {
		t.Fatal(err)
	}
	w := res.workloads[0]
	if w.conditions[0].verdict() != skipped || w.conditions[1].verdict() != met || res.verdict() != skipped {
		t.Errorf("conditions %+v, goal %s", w.conditions, res.verdict())
	}
	if len(w.notes) != 1 || !math.IsNaN(w.rows[1].figures[0]) || w.rows[0].figures[0] != 1 {
		t.Errorf("notes %q, rows %+v", w.notes, w.rows)
	}
}

func TestAStageIsLeftWhateverHappens(t *testing.T) {
	left := 0
	w := beside(func() error { left++; return nil })
	rounds, _, err := w.run(always, plan{rounds: 11})
	if err != nil || len(rounds) != 3 || left != 1 {
		t.Errorf("%d rounds, left %d times, %v", len(rounds), left, err)
	}
	ended, cancel := context.WithCancel(always)
	cancel()
	if _, _, err := w.run(ended, plan{rounds: 11}); !errors.Is(err, context.Canceled) || left != 2 {
		t.Errorf("left %d times, %v", left, err)
	}
	fault := errors.New("the server did not end")
	w = beside(func() error { return fault })
	if _, _, err := w.run(always, plan{rounds: 1}); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}
