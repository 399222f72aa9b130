package main

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestConditionsAreAboutRowsThatAreThere(t *testing.T) {
	for _, g := range goals(manyInputsDefault) {
		for _, w := range g.workloads {
			for _, c := range w.conditions {
				if !slices.Contains(w.rows, c.row) || c.peer != "" && !slices.Contains(w.rows, c.peer) {
					t.Errorf("%s, %s: no row of the condition %s", g.name, w.title, c.name())
				}
			}
		}
	}
}

// The form of a report has no quotes, so names must not look like its parts.
func TestNamesCanStandInAReport(t *testing.T) {
	for _, g := range goals(manyInputsDefault) {
		names := []string{g.name, g.text}
		for _, w := range g.workloads {
			names = append(names, w.title)
			names = append(names, w.rows...)
			for _, u := range w.units {
				names = append(names, string(u))
			}
		}
		for _, name := range names {
			if name != strings.TrimSpace(name) || strings.ContainsAny(name, "\t\n|") ||
				strings.Contains(name, "  ") || strings.Contains(name, " / ") {
				t.Errorf("%s: %q cannot be told from the form around it", g.name, name)
			}
		}
	}
}

func TestGoalsAreSelectedByName(t *testing.T) {
	picked, err := selectGoals(goals(manyInputsDefault), []string{"G9", "G1"})
	if err != nil || len(picked) != 2 || picked[0].name != "G1" || picked[1].name != "G9" {
		t.Errorf("G9 and G1 select %v, %v", picked, err)
	}
	if picked, err := selectGoals(goals(manyInputsDefault), []string{"G"}); err != nil || len(picked) < 2 || picked[0].name != "G1" {
		t.Errorf("G selects %v, %v", picked, err)
	}
	if all, err := selectGoals(goals(manyInputsDefault), nil); err != nil || len(all) != len(goals(manyInputsDefault)) {
		t.Errorf("no names select %d goals, %v", len(all), err)
	}
	if _, err := selectGoals(goals(manyInputsDefault), []string{"G1", "g2"}); err == nil || !strings.Contains(err.Error(), `"g2"`) {
		t.Errorf("an unknown name: %v", err)
	}
}

// A benchmark that computes something else is worth nothing, so each kind of
// trial has to notice.
func TestWrongResultsAreFound(t *testing.T) {
	nothing := func() error { return nil }
	tests := map[string]trial{
		"a call did not run":   new(counter).trial(2, nothing),
		"results stayed zero":  taking(2, func([]int) error { return nil }),
		"not mapped":           mapping("", 2, plainStep, func(in []int, _ int, _ step) ([]int, error) { return in, nil }).prepare(2),
		"a result is missing":  mapping("", 2, plainStep, func([]int, int, step) ([]int, error) { return []int{1}, nil }).prepare(2),
		"two results swapped":  streaming("", plainStep, func(_ int, _ step, take func(int)) error { take(2); take(1); return nil }).prepare(2),
		"the last is missing":  streaming("", plainStep, func(_ int, _ step, take func(int)) error { take(1); return nil }).prepare(2),
		"an item came as zero": transferring("", 1, lossy).prepare(3),
		"nothing was added":    keeping("", 2, endable, func() ledger { return new(lazyLedger) }).prepare(2),
	}
	for name, trial := range tests {
		if err := trial.run(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := trial.verify(); err == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if checkAnswer(answer+1) == nil {
		t.Error("a wrong answer: not found")
	}
	if c := (&crowd{turns: 6}); c.check(2, []int{3, 2}) == nil || c.check(2, []int{3, 1}) != nil {
		t.Error("two had a turn at once: not found")
	}
}

type lazyLedger struct{ total }

func (*lazyLedger) add(context.Context, int) error { return nil }

// lossy is a pipe that forgets what was put.
func lossy(context.Context) pipe {
	return pipe{put: func(int) error { return nil }, get: func() (int, error) { return 0, nil }}
}
