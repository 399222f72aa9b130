package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A report is what one run of the command found out. String and parseReport are
// each other's opposite.
type report struct {
	head  head
	goals []goalResult
}

// goalResult is a goal with what was reached.
type goalResult struct {
	name, text string
	judged     bool // false in short mode
	workloads  []workloadResult
}

// workloadResult is empty but for the title where there is nothing to measure.
type workloadResult struct {
	title      string
	notes      []string
	units      []unit
	rows       []rowResult
	conditions []conditionResult
}

type rowResult struct {
	name    string
	figures []float64 // medians, one for each unit; NaN where there is none
}

type conditionResult struct {
	condition
	reached   float64 // the median
	low, high float64 // half of the rounds lie between them
	skipped   bool    // the row or its peer could not be measured; the figures are 0
}

// The verdicts on a condition and on a goal.
const (
	met       = "met"
	missed    = "MISSED"
	skipped   = "skipped"
	notJudged = "not judged"
)

func (c conditionResult) verdict() string {
	switch {
	case c.skipped:
		return skipped
	case c.least && c.reached >= c.limit, !c.least && c.reached <= c.limit: // false for NaN
		return met
	default:
		return missed
	}
}

// verdict is met if every condition is. One that was skipped leaves it open, unless
// another is missed.
func (g goalResult) verdict() string {
	if !g.judged {
		return notJudged
	}
	all := met
	for _, w := range g.workloads {
		for _, c := range w.conditions {
			switch c.verdict() {
			case missed:
				return missed
			case skipped:
				all = skipped
			}
		}
	}
	return all
}

// missed names the goals that were.
func (r report) missed() []string {
	var names []string
	for _, g := range r.goals {
		if g.verdict() == missed {
			names = append(names, g.name)
		}
	}
	return names
}

// String is the report as it stands in a file: the head, then each goal with a
// table of its contenders and one of its conditions for each workload. Between
// two columns stand two spaces or more, within one never two.
func (r report) String() string {
	var b strings.Builder
	b.WriteString(r.head.String())
	for _, g := range r.goals {
		b.WriteString(g.String())
	}
	return b.String()
}

func (g goalResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s: %s\n", g.name, g.verdict(), g.text)
	for _, w := range g.workloads {
		fmt.Fprintf(&b, "\n- %s\n", w.title)
		for _, note := range w.notes {
			fmt.Fprintf(&b, "  %s%s\n", notePrefix, note)
		}
		if len(w.rows) > 0 {
			writeTable(&b, w.contenderLines())
		}
		if len(w.conditions) > 0 {
			b.WriteString("\n")
			writeTable(&b, w.conditionLines(g.judged))
		}
	}
	return b.String()
}

// notePrefix begins a line of prose between the title and the tables.
const notePrefix = "note: "

// The names of the columns; those of contenders go on with the units.
var (
	contenderColumns = []string{"contender"}
	conditionColumns = []string{"condition", "of", "reached", "half of rounds", "limit", "verdict"}
)

func (w workloadResult) contenderLines() [][]string {
	columns := contenderColumns
	for _, u := range w.units {
		columns = append(columns, string(u))
	}
	lines := [][]string{columns}
	for _, r := range w.rows {
		line := []string{r.name}
		for _, f := range r.figures {
			line = append(line, figure(f))
		}
		lines = append(lines, line)
	}
	return lines
}

func (w workloadResult) conditionLines(judged bool) [][]string {
	lines := [][]string{conditionColumns}
	for _, c := range w.conditions {
		verdict, reached, half := notJudged, exact(c.reached), exact(c.low)+" to "+exact(c.high)
		if judged || c.skipped {
			verdict = c.verdict()
		}
		if c.skipped {
			reached, half = noFigure, noFigure
		}
		lines = append(lines, []string{
			c.name(), string(c.unit), reached, half, c.sign() + " " + exact(c.limit), verdict,
		})
	}
	return lines
}

// sign stands before the limit.
func (c condition) sign() string {
	if c.least {
		return ">="
	}
	return "<="
}

// name is "row / peer", or the row alone.
func (c condition) name() string {
	if c.peer == "" {
		return c.row
	}
	return c.row + " / " + c.peer
}

// writeTable aligns the cells of lines in columns.
func writeTable(b *strings.Builder, lines [][]string) {
	tw := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(tw, "  "+strings.Join(line, "\t"))
	}
	_ = tw.Flush() // a strings.Builder takes everything
}

// noFigure is printed where nothing was measured.
const noFigure = "-"

// figure prints about three digits of v.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return noFigure
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// exact prints v in the fewest digits that say it.
func exact(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
