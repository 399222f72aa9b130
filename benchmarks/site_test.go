package main

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/potok-go/potok/benchmarks/internal/mind"
	"github.com/potok-go/potok/benchmarks/internal/resident"
)

// besideNobody is a workload of a row of ours and one of Python's.
func besideNobody() workload {
	return onSite("work", []unit{nanoseconds}, func(ctx context.Context, s *site) []probe {
		return []probe{
			{byProcess, func(round) (sample, error) { return sample{nanoseconds: 1}, nil }},
			s.byPython(ctx, byPPE, []unit{nanoseconds}, "trip", operations(10)),
		}
	}, ratio(byProcess, byPPE, 1))
}

func TestWithoutPythonItsRowsAreSkipped(t *testing.T) {
	if !mind.Can {
		t.Skip("processes cannot be minded here")
	}
	find := findPython3
	defer func() { findPython3 = find }()
	findPython3 = toolFinder("python3", "python3 is not installed", "no-such-python")

	shop := openWorkshop(t)
	res, err := runGoal(always, goal{name: "G0", workloads: []workload{besideNobody()}}, plan{rounds: 1, short: true, shop: shop})
	if err != nil {
		t.Fatal(err)
	}
	w := res.workloads[0]
	if w.conditions[0].verdict() != skipped || len(w.notes) != 1 || !strings.Contains(w.notes[0], "not installed") {
		t.Errorf("notes %q, conditions %+v", w.notes, w.conditions)
	}
}

func TestWhatAProgramPrintsAreTheFigures(t *testing.T) {
	units := []unit{nanoseconds, chunkSize}
	s, err := scanSample([]byte("261.5 5000\n"), units)
	if err != nil || s[nanoseconds] != 261.5 || s[chunkSize] != 5000 {
		t.Errorf("got %v, %v", s, err)
	}
	for _, printed := range []string{"", "261.5\n", "261.5 5000 7\n", "261.5 many\n"} {
		if s, err := scanSample([]byte(printed), units); err == nil {
			t.Errorf("%q gave %v", printed, s)
		}
	}
}

func TestPromisesAreAsBadAsTheirWorstRound(t *testing.T) {
	for _, u := range []unit{longestWait, longestLate, longestToNext, longestOutlive} {
		if got := u.over([]float64{1, 9, 2}); got != 9 {
			t.Errorf("%s: %v", u, got)
		}
	}
}

func TestAProcessIsAliveUntilItHasEnded(t *testing.T) {
	if !resident.Known() {
		t.Skip("this system does not tell")
	}
	if !alive(strconv.Itoa(os.Getpid())) {
		t.Error("we are not alive")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	pid := strconv.Itoa(cmd.Process.Pid)
	if !alive(pid) {
		t.Error("it has not ended, and is not alive")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // it was killed, which is an error
	if alive(pid) {
		t.Error("it is alive after its end")
	}
}
