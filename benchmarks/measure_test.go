package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestQuantiles(t *testing.T) {
	tests := []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{7}, 0.5, 7},
		{[]float64{9, 1, 5}, 0.5, 5},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{5, 4, 3, 2, 1}, 0.25, 2},
		{[]float64{5, 4, 3, 2, 1}, 0.75, 4},
		{[]float64{1, 2}, 0.25, 1.25},
		{[]float64{3, 1, 2}, 1, 3},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.values)
		if got := quantile(tt.values, tt.q); got != tt.want {
			t.Errorf("quantile(%v, %v) is %v, want %v", tt.values, tt.q, got, tt.want)
		}
		if !slices.Equal(tt.values, before) {
			t.Errorf("quantile has changed its argument to %v", tt.values)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v, want NaN", got)
	}
}

// of makes rounds of two rows from pairs of times.
func of(pairs ...[2]float64) [][]sample {
	var rounds [][]sample
	for _, p := range pairs {
		rounds = append(rounds, []sample{{nanoseconds: p[0]}, {nanoseconds: p[1]}})
	}
	return rounds
}

func TestRatioIsTheMedianOfTheRatiosOfRounds(t *testing.T) {
	w := workload{
		rows:       []string{"ours", "peer"},
		units:      []unit{nanoseconds},
		conditions: []condition{ratio("ours", "peer", 0.6), atMost("ours", nanoseconds, 3)},
	}
	// The medians are 4 and 8, and in each round but the slow one ours takes a third.
	res := summarize(w, of([2]float64{4, 12}, [2]float64{90, 6}, [2]float64{1, 3}, [2]float64{8, 24}, [2]float64{2, 8}))
	if got := [2]float64{res.rows[0].figures[0], res.rows[1].figures[0]}; got != [2]float64{4, 8} {
		t.Errorf("medians are %v, want 4 and 8", got)
	}
	if c := res.conditions[0]; c.reached != 0.333 || c.verdict() != met {
		t.Errorf("the ratio is %v, %s, want 0.333, met", c.reached, c.verdict())
	}
	if c := res.conditions[1]; c.reached != 4 || c.verdict() != missed {
		t.Errorf("the figure is %v, %s, want 4, MISSED", c.reached, c.verdict())
	}
}

func TestWhatIsJudgedIsWhatIsPrinted(t *testing.T) {
	for v, want := range map[float64]float64{1.10049: 1.1, 0.0304: 0.03, 1.1006: 1.101, 1109.46: 1109.5} {
		if got := rounded(v); got != want {
			t.Errorf("rounded(%v) is %v, want %v", v, got, want)
		}
	}
	c := conditionResult{condition: condition{limit: 1.1}, reached: rounded(1.10049)}
	if c.verdict() != met {
		t.Errorf("1.1 of at most 1.1 is %s", c.verdict())
	}
	if c.reached = math.NaN(); c.verdict() != missed {
		t.Errorf("a ratio that is no number is %s", c.verdict())
	}
}

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
