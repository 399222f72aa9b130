package main

import (
	"math"
	"slices"
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

func TestTheLongestWaitIsThatOfAllRounds(t *testing.T) {
	w := workload{rows: []string{"ours"}, units: []unit{longestWait}, conditions: []condition{atMost("ours", longestWait, 20)}}
	res := summarize(w, [][]sample{{{longestWait: 1}}, {{longestWait: 21}}, {{longestWait: 3}}})
	if c := res.conditions[0]; res.rows[0].figures[0] != 21 || c.reached != 21 || c.low != 2 || c.high != 12 || c.verdict() != missed {
		t.Errorf("of 1, 21 and 3 ms the row has %v, the condition %+v", res.rows[0].figures, c)
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
