package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// README has the table between these two lines.
const (
	beginMark = "<!-- bench:begin -->"
	endMark   = "<!-- bench:end -->"
)

// rewriteReadme puts the table of the reports in dir into the file readme, or
// with check only says whether it stands there.
func rewriteReadme(readme, dir string, check bool) error {
	tables, err := readTables(dir)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	updated, err := replaceTable(string(old), tables)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", filepath.Base(readme), err)
	case updated == string(old):
		return nil
	case check:
		return fmt.Errorf("the table in %s is not that of benchmarks/results: run go -C benchmarks run . -readme",
			filepath.Base(readme))
	}
	return os.WriteFile(readme, []byte(updated), 0o644)
}

// readTables is the text for README from all reports in dir, in the order of
// their names. Other files there, benchstat's say, are passed over.
func readTables(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return "", err
	}
	var tables []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		r, err := parseReport(string(text))
		if errors.Is(err, errNotOurs) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		tables = append(tables, markdown(r, path.Join("benchmarks/results", filepath.Base(name))))
	}
	if len(tables) == 0 {
		return "", fmt.Errorf("no report in %s: run with -o %s/goroutines.txt first", dir, dir)
	}
	return strings.Join(tables, "\n"), nil
}

// replaceTable puts table between the marks of readme.
func replaceTable(readme, table string) (string, error) {
	before, rest, ok := strings.Cut(readme, beginMark+"\n")
	if !ok {
		return "", fmt.Errorf("no line %s", beginMark)
	}
	_, after, ok := strings.Cut(rest, endMark)
	if !ok {
		return "", fmt.Errorf("no line %s after %s", endMark, beginMark)
	}
	return before + beginMark + "\n" + table + endMark + after, nil
}

// markdown is a table with a line for each workload of r, and under it where the
// figures come from.
func markdown(r report, source string) string {
	var b strings.Builder
	b.WriteString("| | work | reached, and the limit |\n|---|---|---|\n")
	for _, g := range r.goals {
		for _, w := range g.workloads {
			work := w.title
			if len(g.workloads) == 1 {
				work = g.text
			}
			var reached []string
			for _, c := range w.conditions {
				reached = append(reached, c.markdown(w))
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", g.name, work, strings.Join(reached, "; "))
		}
	}
	fmt.Fprintf(&b, "\nMedians of %s interleaved rounds on %s, %s, commit %s: [%s](%s).\n",
		r.head.get("rounds"), r.head.get("machine"), r.head.get("go"), r.head.get("commit"), path.Base(source), source)
	return b.String()
}

// markdown says what was reached: "0.31 × pond Go (≤ 0.35)", and for other figures
// than times "0.7 × curl in pages/s (≥ 0.6)"; after the row's name where the workload's conditions are about several rows.
func (c conditionResult) markdown(w workloadResult) string {
	var b strings.Builder
	for _, other := range w.conditions {
		if other.row != c.row {
			fmt.Fprintf(&b, "%s: ", c.row)
			break
		}
	}
	reached := exact(c.reached)
	if c.skipped {
		reached = "?"
	}
	b.WriteString(reached)
	switch {
	case c.peer == "":
		fmt.Fprintf(&b, " %s", c.unit)
	case c.unit == nanoseconds: // a ratio is one of times, unless it says otherwise
		fmt.Fprintf(&b, " × %s", c.peer)
	default:
		fmt.Fprintf(&b, " × %s in %s", c.peer, c.unit)
	}
	sign := "≤"
	if c.least {
		sign = "≥"
	}
	fmt.Fprintf(&b, " (%s %s)", sign, exact(c.limit))
	switch c.verdict() {
	case missed:
		b.WriteString(" **missed**")
	case skipped:
		b.WriteString(" **skipped**")
	}
	return b.String()
}
