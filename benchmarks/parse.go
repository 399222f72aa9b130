package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// errNotOurs is what parseReport returns for a file that no report begins.
var errNotOurs = errors.New("the first line is not " + firstLine)

var (
	goalLine = regexp.MustCompile(`^(\S+) (met|MISSED|skipped|not judged): (.*)$`)
	gap      = regexp.MustCompile(` {2,}`)
)

// A parser reads a report line by line into r.
type parser struct {
	r       report
	columns []string // of the table it is in, nil outside
	said    []string // the verdicts of the goals as they were read
}

// parseReport reads what String wrote. A verdict that is not that of the figures
// beside it is an error: somebody has edited the file.
func parseReport(text string) (report, error) {
	lines := strings.Split(text, "\n")
	if lines[0] != firstLine {
		return report{}, errNotOurs
	}
	var p parser
	for i, line := range lines[1:] {
		if err := p.line(line); err != nil {
			return report{}, fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	for i, g := range p.r.goals {
		if g.verdict() != p.said[i] {
			return report{}, fmt.Errorf("%s: it says %s, and its figures %s", g.name, p.said[i], g.verdict())
		}
	}
	return p.r, nil
}

func (p *parser) line(line string) error {
	goal := goalLine.FindStringSubmatch(line)
	switch {
	case line == "":
		p.columns = nil
		return nil
	case goal != nil:
		p.r.goals = append(p.r.goals, goalResult{name: goal[1], text: goal[3], judged: goal[2] != notJudged})
		p.said = append(p.said, goal[2])
		return nil
	case len(p.r.goals) == 0:
		name, value, ok := strings.Cut(line, " ")
		if !ok {
			return fmt.Errorf("%q has a name and no value", line)
		}
		p.r.head = append(p.r.head, entry{name, strings.TrimSpace(value)})
		return nil
	}
	g := &p.r.goals[len(p.r.goals)-1]
	if name, ok := strings.CutPrefix(line, "- "); ok {
		g.workloads = append(g.workloads, workloadResult{title: name})
		return nil
	}
	if len(g.workloads) == 0 || !strings.HasPrefix(line, "  ") {
		return fmt.Errorf("%q is not a part of a report", line)
	}
	if note, ok := strings.CutPrefix(line, "  "+notePrefix); ok {
		last := &g.workloads[len(g.workloads)-1]
		last.notes = append(last.notes, note)
		return nil
	}
	return p.cells(&g.workloads[len(g.workloads)-1], gap.Split(strings.TrimSpace(line), -1))
}

// cells takes a line of a table.
func (p *parser) cells(w *workloadResult, cells []string) error {
	switch {
	case p.columns == nil:
		p.columns = cells
		if cells[0] == contenderColumns[0] {
			for _, u := range cells[1:] {
				w.units = append(w.units, unit(u))
			}
		}
		return nil
	case len(cells) != len(p.columns):
		return fmt.Errorf("%d cells in a table of %d columns", len(cells), len(p.columns))
	case p.columns[0] == contenderColumns[0]:
		row := rowResult{name: cells[0]}
		figures, err := numbersOf(cells[1:]...)
		row.figures = figures
		w.rows = append(w.rows, row)
		return err
	case slices.Equal(p.columns, conditionColumns):
		c, err := parseCondition(cells)
		w.conditions = append(w.conditions, c)
		return err
	default:
		return fmt.Errorf("a table of %q", p.columns[0])
	}
}

func parseCondition(cells []string) (conditionResult, error) {
	row, peer, _ := strings.Cut(cells[0], " / ")
	sign, limit, _ := strings.Cut(cells[4], " ")
	v, err := numbersOf(limit)
	if err != nil {
		return conditionResult{}, err
	}
	c := conditionResult{condition: condition{row: row, peer: peer, unit: unit(cells[1]), limit: v[0], least: sign == ">="}}
	if c.skipped = cells[5] == skipped; c.skipped {
		return c, nil
	}
	low, high, _ := strings.Cut(cells[3], " to ")
	if v, err = numbersOf(cells[2], low, high); err != nil {
		return c, err
	}
	c.reached, c.low, c.high = v[0], v[1], v[2]
	return c, nil
}

func numbersOf(texts ...string) ([]float64, error) {
	values := make([]float64, len(texts))
	for i, text := range texts {
		if text == noFigure {
			values[i] = math.NaN()
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		values[i] = v
	}
	return values, nil
}
