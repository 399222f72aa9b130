package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const exampleTable = `| | work | reached, and the limit |
|---|---|---|
| G1 | calls by SubmitAll: wait for all | 0.267 × pond Go (≤ 0.35); 0.004 allocs/op (≤ 0.01) |
| G16 | idle workers | 1109.5 heap B (≤ 700) **missed** |
| G16 | an idle pool: not measured on plan9 |  |
| T1 | pages | 0.61 × fasthttp in pages/s (≥ 0.6); ? × curl --parallel in pages/s (≥ 1) **skipped** |

Medians of 11 interleaved rounds on AMD EPYC, 2 cores, go1.26.8, GOMAXPROCS 2, commit 18747ba: [goroutines.txt](benchmarks/results/goroutines.txt).
`

// tree makes a README and a directory of results, of which one is not ours.
func tree(t *testing.T, readme string) (readmeFile, resultsDir string) {
	t.Helper()
	dir := t.TempDir()
	readmeFile, resultsDir = filepath.Join(dir, "README.md"), filepath.Join(dir, "results")
	if err := os.Mkdir(resultsDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		readmeFile: readme,
		filepath.Join(resultsDir, "goroutines.txt"):   exampleText,
		filepath.Join(resultsDir, "queue-before.txt"): "goos: linux\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return readmeFile, resultsDir
}

func TestReadmeGetsTheTable(t *testing.T) {
	const before, after = "# potok\n\n" + beginMark + "\n", endMark + "\n\nmore\n"
	readme, results := tree(t, before+"an old table\n"+after)

	err := rewriteReadme(readme, results, true)
	if err == nil || !strings.Contains(err.Error(), "-readme") {
		t.Errorf("check of an old table: %v", err)
	}
	if err := rewriteReadme(readme, results, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	if want := before + exampleTable + after; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if err := rewriteReadme(readme, results, true); err != nil {
		t.Errorf("check of the new table: %v", err)
	}
}

func TestReadmeHasATableForEachReport(t *testing.T) {
	readme, results := tree(t, beginMark+"\n"+endMark+"\n")
	if err := os.WriteFile(filepath.Join(results, "titles.txt"), []byte(exampleText), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, results, false); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.ReplaceAll(exampleTable, "goroutines.txt", "titles.txt")
	if want := beginMark + "\n" + exampleTable + "\n" + second + endMark + "\n"; string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestReadmeWithoutMarksIsLeftAlone(t *testing.T) {
	for _, text := range []string{"# potok\n", "# potok\n" + beginMark + "\n", endMark + "\n" + beginMark + "\n"} {
		readme, results := tree(t, text)
		if err := rewriteReadme(readme, results, false); err == nil || !strings.Contains(err.Error(), "README.md: no line <!-- bench:") {
			t.Errorf("%q: got %v", text, err)
		}
		if got, err := os.ReadFile(readme); err != nil || string(got) != text {
			t.Errorf("%q has become %q, %v", text, got, err)
		}
	}
}

func TestReadmeNeedsAReport(t *testing.T) {
	readme, results := tree(t, beginMark+"\n"+endMark)
	if err := os.Remove(filepath.Join(results, "goroutines.txt")); err != nil {
		t.Fatal(err)
	}
	if err := rewriteReadme(readme, results, false); err == nil || !strings.Contains(err.Error(), "no report in") {
		t.Errorf("got %v", err)
	}
}

func TestRowsAreNamedWhereThereAreSeveral(t *testing.T) {
	w := workloadResult{conditions: []conditionResult{
		{condition: ratio("potok Submit", "pond Go", 0.45), reached: 0.4},
		{condition: ratio("potok Pool.Go", "pond Go", 0.45), reached: 0.5},
	}}
	if got, want := w.conditions[1].markdown(w), "potok Pool.Go: 0.5 × pond Go (≤ 0.45) **missed**"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
