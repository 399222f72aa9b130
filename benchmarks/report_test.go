package main

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// example is a report with everything that one can have.
func example() report {
	return report{
		head: head{{"machine", "AMD EPYC, 2 cores"}, {"go", "go1.26.8, GOMAXPROCS 2"}, {"commit", "18747ba"}, {"rounds", "11"}},
		goals: []goalResult{
			{name: "G1", text: "calls by SubmitAll: wait for all", judged: true, workloads: []workloadResult{{
				title: "100,000 calls",
				units: []unit{nanoseconds, allocations},
				rows:  []rowResult{{"potok Task.SubmitAll", []float64{80.1, 0}}, {"pond Go", []float64{300, 7.01}}},
				conditions: []conditionResult{
					{condition: ratio("potok Task.SubmitAll", "pond Go", 0.35), reached: 0.267, low: 0.25, high: 0.281},
					{condition: atMost("potok Task.SubmitAll", allocations, 0.01), reached: 0.004, low: 0.004, high: 0.004},
				},
			}}},
			{name: "G16", text: "memory", judged: true, workloads: []workloadResult{
				{
					title:      "idle workers",
					units:      []unit{heapBytes},
					rows:       []rowResult{{"idle worker", []float64{1109}}},
					conditions: []conditionResult{{condition: atMost("idle worker", heapBytes, 700), reached: 1109.5, low: 1109.5, high: 1109.5}},
				},
				{title: "an idle pool: not measured on plan9"},
			}},
			{name: "T1", text: "pages", judged: true, workloads: []workloadResult{{
				title: "50 KB pages",
				notes: []string{"curl --parallel: curl is not installed", "all on one machine"},
				units: []unit{pagesPerSecond},
				rows:  []rowResult{{"potok titles", []float64{18361}}},
				conditions: []conditionResult{
					{condition: fasterThan("fasthttp", 0.6), reached: 0.61, low: 0.5, high: 0.7},
					{condition: fasterThan("curl --parallel", 1), skipped: true},
				},
			}}},
		},
	}
}

const exampleText = `potok benchmarks
machine  AMD EPYC, 2 cores
go       go1.26.8, GOMAXPROCS 2
commit   18747ba
rounds   11

G1 met: calls by SubmitAll: wait for all

- 100,000 calls
  contender             ns/op  allocs/op
  potok Task.SubmitAll  80.1   0.00
  pond Go               300    7.01

  condition                       of         reached  half of rounds  limit    verdict
  potok Task.SubmitAll / pond Go  ns/op      0.267    0.25 to 0.281   <= 0.35  met
  potok Task.SubmitAll            allocs/op  0.004    0.004 to 0.004  <= 0.01  met

G16 MISSED: memory

- idle workers
  contender    heap B
  idle worker  1109

  condition    of      reached  half of rounds    limit   verdict
  idle worker  heap B  1109.5   1109.5 to 1109.5  <= 700  MISSED

- an idle pool: not measured on plan9

T1 skipped: pages

- 50 KB pages
  note: curl --parallel: curl is not installed
  note: all on one machine
  contender     pages/s
  potok titles  18361

  condition                       of       reached  half of rounds  limit   verdict
  potok titles / fasthttp         pages/s  0.61     0.5 to 0.7      >= 0.6  met
  potok titles / curl --parallel  pages/s  -        -               >= 1    skipped
`

func TestReportIsAligned(t *testing.T) {
	if got := example().String(); got != exampleText {
		t.Errorf("got\n%s\nwant\n%s", got, exampleText)
	}
}

func TestReportIsReadAsItWasWritten(t *testing.T) {
	got, err := parseReport(exampleText)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, example()) {
		t.Errorf("got\n%+v\nwant\n%+v", got, example())
	}
}

func TestARowWithoutFiguresIsReadAsItWasWritten(t *testing.T) {
	text := strings.Replace(exampleText, "  potok titles  18361", "  potok titles  -", 1)
	r, err := parseReport(text)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.goals[2].workloads[0].rows[0].figures; len(f) != 1 || !math.IsNaN(f[0]) || r.String() != text {
		t.Errorf("figures %v, and as text\n%s", f, r)
	}
}

func TestAConditionIsAtLeastToo(t *testing.T) {
	c := conditionResult{condition: atLeast("potok titles", pagesPerSecond, 0.6), reached: 0.6}
	if c.verdict() != met {
		t.Errorf("0.6 of at least 0.6 is %s", c.verdict())
	}
	if c.reached = 0.599; c.verdict() != missed {
		t.Errorf("0.599 of at least 0.6 is %s", c.verdict())
	}
	if c.reached = math.NaN(); c.verdict() != missed {
		t.Errorf("no number of at least 0.6 is %s", c.verdict())
	}
}

func TestAGoalIsMissedWithOneCondition(t *testing.T) {
	if got := example().missed(); len(got) != 1 || got[0] != "G16" {
		t.Errorf("missed are %v, want G16", got)
	}
	g := example().goals[0]
	g.workloads[0].conditions[1].reached = 0.011
	if g.verdict() != missed {
		t.Error("one condition of two is missed, and the goal is not")
	}
	if g.judged = false; g.verdict() != notJudged {
		t.Errorf("in short mode the verdict is %s", g.verdict())
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", 0.004: "0.00", 7.006: "7.01", 80.12: "80.1", 300.4: "300", 55749: "55749"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) is %s, want %s", v, got, want)
		}
	}
}

func TestFilesOfOthersAreToldFromBrokenOnes(t *testing.T) {
	if _, err := parseReport("goos: linux\ngoarch: amd64\n"); !errors.Is(err, errNotOurs) {
		t.Errorf("benchstat's file: %v", err)
	}
	tests := map[string]struct{ old, new, want string }{
		"a better verdict":  {"G16 MISSED", "G16 met", "G16: it says met, and its figures MISSED"},
		"a figure made up":  {"0.267", "good", `"good" is not a number`},
		"a cell missing":    {"80.1   0.00", "80.1", "line 11: 2 cells in a table of 3 columns"},
		"a line of prose":   {"- 100,000 calls", "very fast", `line 9: "very fast" is not a part`},
		"an unknown table":  {"  contender    heap B", "  winner     heap B", `a table of "winner"`},
		"a head unfinished": {"commit   18747ba", "commit", `line 4: "commit" has a name and no value`},
	}
	for name, tt := range tests {
		text := strings.Replace(exampleText, tt.old, tt.new, 1)
		if _, err := parseReport(text); err == nil || errors.Is(err, errNotOurs) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}
