package main

import (
	"math"
	"slices"
)

// summarize says what came out over all rounds.
func summarize(w workload, rounds [][]sample) workloadResult {
	res := workloadResult{title: w.title, units: w.units}
	for i, name := range w.rows {
		row := rowResult{name: name}
		for _, u := range w.units {
			row.figures = append(row.figures, u.over(series(rounds, i, u)))
		}
		res.rows = append(res.rows, row)
	}
	for _, c := range w.conditions {
		values := series(rounds, slices.Index(w.rows, c.row), c.unit)
		if c.peer != "" {
			values = divide(values, series(rounds, slices.Index(w.rows, c.peer), c.unit))
		}
		if len(values) == 0 {
			res.conditions = append(res.conditions, conditionResult{condition: c, skipped: true})
			continue
		}
		res.conditions = append(res.conditions, conditionResult{
			condition: c,
			reached:   rounded(c.unit.over(values)),
			low:       rounded(quantile(values, 0.25)),
			high:      rounded(quantile(values, 0.75)),
		})
	}
	return res
}

// over is the figure of all rounds from those of each: the median, but for a unit
// that says how bad it became at worst.
func (u unit) over(values []float64) float64 {
	switch u {
	case longestWait, longestLate, longestToNext, longestOutlive:
		return quantile(values, 1)
	default:
		return median(values)
	}
}

// series is one figure of one row, over the rounds. It is empty if no round has it;
// a contender is there in all rounds or in none.
func series(rounds [][]sample, row int, u unit) []float64 {
	var values []float64
	for _, samples := range rounds {
		if v, ok := samples[row][u]; ok {
			values = append(values, v)
		}
	}
	return values
}

// divide pairs the values of a round: what slowed the whole machine in that
// round falls out of the quotient.
func divide(values, by []float64) []float64 {
	if len(values) != len(by) { // one of the two was skipped
		return nil
	}
	quotients := make([]float64, len(values))
	for i := range values {
		quotients[i] = values[i] / by[i]
	}
	return quotients
}

func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile interpolates between the two values around the place q of all.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	low, high := int(math.Floor(at)), int(math.Ceil(at))
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// rounded is v as it is printed. It is what is judged, so that nobody reads that
// 1.1 is more than 1.1.
func rounded(v float64) float64 {
	if v >= 10 {
		return math.Round(v*10) / 10
	}
	return math.Round(v*1000) / 1000
}
