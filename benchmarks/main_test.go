package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/potok-go/potok/process"
)

// The binary of the tests plays the parts too, and has the workers: it is what
// workloads of processes start again.
func TestMain(m *testing.M) {
	process.Main()
	if code, played := playPart(os.Args[1:]); played {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// runCommand runs the command, and gives GOMAXPROCS back.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cpus := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(cpus)
	var out, errs bytes.Buffer
	code = run(args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestEverythingRunsInShortMode(t *testing.T) {
	code, stdout, stderr := runCommand(t, "-short")
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	r, err := parseReport(stdout)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range goals(manyInputsDefault) {
		if i >= len(r.goals) || r.goals[i].name != g.name || r.goals[i].judged {
			t.Fatalf("goal %s is missing, or judged: %+v", g.name, r.goals)
		}
		for j, w := range g.workloads {
			if got := r.goals[i].workloads[j]; len(got.rows) != len(w.rows) || len(got.conditions) != len(w.conditions) {
				t.Errorf("%s, %s: %d rows and %d conditions", g.name, w.title, len(got.rows), len(got.conditions))
			}
		}
	}
}

// instant is a goal whose figure is 2, of at most limit.
func instant(name string, limit float64) goal {
	two := func(round) ([]sample, error) { return []sample{{heapBytes: 2}}, nil }
	return goal{name: name, text: "two", workloads: []workload{{
		title: "two", rows: []string{"two"}, units: []unit{heapBytes}, measure: two,
		conditions: []condition{atMost("two", heapBytes, limit)},
	}}}
}

func TestReportGoesIntoTheFileToo(t *testing.T) {
	cpus := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(cpus)
	var stdout bytes.Buffer
	o := options{rounds: 1, cpus: cpus, out: filepath.Join(t.TempDir(), "results", "two.txt")}
	if err := o.do(always, []goal{instant("G1", 2), instant("G2", 1)}, &stdout); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.out)
	if err != nil || string(text) != stdout.String() {
		t.Errorf("the file has %q, %v, stdout %q", text, err, stdout.String())
	}
	o.strict = true
	if err := o.do(always, []goal{instant("G1", 2), instant("G2", 1)}, &stdout); err == nil || err.Error() != "missed: G2" {
		t.Errorf("strict: %v", err)
	}
	if err := o.do(always, []goal{instant("G1", 2)}, &stdout); err != nil {
		t.Errorf("strict, and all met: %v", err)
	}
}

func TestListNamesEveryGoal(t *testing.T) {
	code, stdout, _ := runCommand(t, "-list")
	if lines := strings.Count(stdout, "\n"); code != exitOK || lines != len(goals(manyInputsDefault)) {
		t.Errorf("exit code %d, %d lines", code, lines)
	}
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-rounds", "4"}, "odd"},
		{[]string{"-rounds", "0"}, "odd"},
		{[]string{"-cpus", "0"}, "-cpus"},
		{[]string{"-goal", "G99"}, `"G99"`},
		{[]string{"-short", "-strict"}, "-short"},
		{[]string{"-short", "-o", "x.txt"}, "-short"},
		{[]string{"-check"}, "-readme"},
		{[]string{"-fast"}, "-fast"},
		{[]string{"G1"}, `"G1"`},
	}
	for _, tt := range tests {
		code, stdout, stderr := runCommand(t, tt.args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: exit code %d, stderr %q", tt.args, code, stderr)
		}
	}
	if code, _, _ := runCommand(t, "-h"); code != exitOK {
		t.Errorf("-h: exit code %d", code)
	}
}
