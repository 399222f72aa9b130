package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const depsFile = "docs/DEPENDENCIES.md"

// The sections of docs/DEPENDENCIES.md, by their headings.
const (
	inProgram = "In the program"
	inTests   = "In tests only"
	notYet    = "Chosen, not in go.mod yet"
	inTools   = "Tools"
	rivals    = "Rivals"
)

// A line is one row of a table in docs/DEPENDENCIES.md.
type line struct {
	section   string
	module    string
	importers []string // the backquoted names of the second column
}

func TestDependenciesAreWrittenDown(t *testing.T) {
	dir := top(t)
	text, err := os.ReadFile(filepath.Join(dir, depsFile))
	if err != nil {
		t.Fatal(err)
	}
	direct, _ := goMod(t, filepath.Join(dir, "go.mod"))
	_, tools := goMod(t, filepath.Join(dir, "tools", "go.mod"))
	peers, _ := goMod(t, filepath.Join(dir, "benchmarks", "go.mod"))
	peers = slices.DeleteFunc(peers, func(m string) bool { return m == module })
	for _, sentence := range checkDependencies(parseDependencies(string(text)), direct, tools, peers, ourRules) {
		t.Error(sentence)
	}
}

// goMod gives the modules that a go.mod requires directly and the packages it
// names as tools.
func goMod(t testing.TB, name string) (direct, tools []string) {
	t.Helper()
	// The read tells go test's cache that this test depends on the file.
	if _, err := os.ReadFile(name); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	out, err := exec.Command("go", "mod", "edit", "-json", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	for _, p := range mod.Tool {
		tools = append(tools, p.Path)
	}
	return direct, tools
}

// parseDependencies reads the tables: a row begins with a backquoted module.
func parseDependencies(text string) []line {
	var lines []line
	section := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if name, ok := strings.CutPrefix(l, "## "); ok {
			section = name
		}
		if !strings.HasPrefix(l, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(l, "|"), "|")
		one := line{section: section, module: quoted(cells[0])[0]}
		if len(cells) > 1 {
			one.importers = quoted(cells[1])
		}
		lines = append(lines, one)
	}
	return lines
}

// quoted gives what stands between backquotes in s.
func quoted(s string) []string {
	var out []string
	for i, part := range strings.Split(s, "`") {
		if i%2 == 1 {
			out = append(out, part)
		}
	}
	return out
}

// checkDependencies compares the document, go.mod and the table of imports.
func checkDependencies(lines []line, direct, tools, peers []string, r rules) []string {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }

	written := make(map[string]line)
	for _, l := range lines {
		key := l.module
		if l.section == inTools || l.section == rivals { // they are in modules of their own
			key = l.section + " " + key
		}
		if _, twice := written[key]; twice {
			say("%s names %s twice: one line each", depsFile, l.module)
		}
		written[key] = l
	}

	for _, m := range direct {
		want := inProgram
		if slices.Contains(r.testModules, m) {
			want = inTests
		}
		if l, ok := written[m]; !ok {
			say("go.mod requires %s, and %s has no line for it: write why under %q", m, depsFile, want)
		} else if l.section != want {
			say("%s has %s under %q: now it belongs under %q", depsFile, m, l.section, want)
		}
	}
	for _, p := range tools {
		if !slices.ContainsFunc(lines, func(l line) bool {
			return l.section == inTools && inModules(p, []string{l.module})
		}) {
			say("tools/go.mod has the tool %s, and %s has no line for it under %q", p, depsFile, inTools)
		}
	}

	for _, m := range peers {
		if _, ok := written[rivals+" "+m]; !ok {
			say("benchmarks/go.mod requires %s, and %s has no line for it under %q", m, depsFile, rivals)
		}
	}

	for _, key := range slices.Sorted(maps.Keys(written)) {
		l := written[key]
		switch l.section {
		case inProgram, inTests:
			if !slices.Contains(direct, l.module) {
				say("%s names %s under %q, and go.mod does not require it: delete the line, or move it to %q",
					depsFile, l.module, l.section, notYet)
			}
		case notYet: // told above once go.mod has it
		case inTools:
			if !slices.ContainsFunc(tools, func(p string) bool { return inModules(p, []string{l.module}) }) {
				say("%s names the tool %s, and tools/go.mod does not have it: delete the line", depsFile, l.module)
			}
		case rivals:
			if !slices.Contains(peers, l.module) {
				say("%s names the rival %s, and benchmarks/go.mod does not require it: delete the line", depsFile, l.module)
			}
			continue
		default:
			say("%s has %s under %q, which is no section that this test knows", depsFile, l.module, l.section)
		}
		if l.section != inTools && !slices.Contains(r.testModules, l.module) {
			if want := importers(r.table, l.module); !slices.Equal(slices.Sorted(slices.Values(l.importers)), want) {
				say("%s says that %q may import %s, and %s says %q: make them one",
					depsFile, l.importers, l.module, tableFile, want)
			}
		}
	}
	return bad
}

// importers gives the packages whose row allows the module, sorted.
func importers(table []row, m string) []string {
	var out []string
	for _, w := range table {
		if slices.Contains(w.modules, m) {
			out = append(out, w.pkg)
		}
	}
	slices.Sort(out)
	return out
}

func TestDependenciesRuleFindsBreaches(t *testing.T) {
	const doc = "## In the program\n" +
		"| Module | Imported by |\n|---|---|\n" +
		"| `example.com/a` | `titles`, `cmd/potok` | x |\n" +
		"## In tests only\n| `example.com/leak` | every test |\n" +
		"## Chosen, not in go.mod yet\n| `example.com/later` | `lock` |\n" +
		"## Rivals\n| `example.com/fast` | x |\n" +
		"## Tools\n| `example.com/fmt` | x |\n"
	r := rules{
		table: []row{
			{pkg: "titles", modules: []string{"example.com/a"}},
			{pkg: "cmd/potok", modules: []string{"example.com/a"}},
			{pkg: "lock", modules: []string{"example.com/later"}},
		},
		testModules: []string{"example.com/leak"},
	}
	direct := []string{"example.com/a", "example.com/leak"}
	tools := []string{"example.com/fmt/cmd/fmt"}
	peers := []string{"example.com/fast"}
	if bad := checkDependencies(parseDependencies(doc), direct, tools, peers, r); len(bad) != 0 {
		t.Fatalf("got %q, want nothing", bad)
	}

	tests := []struct {
		name          string
		doc           string
		direct, tools []string
		want          string
	}{
		{"a requirement without a line", doc, append(direct, "example.com/new"), tools, "go.mod requires example.com/new"},
		{"a line without a requirement", doc, direct[1:], tools, "go.mod does not require it"},
		{"planned no more", doc, append(direct, "example.com/later"), tools, `now it belongs under "In the program"`},
		{"a test module among the others", strings.Replace(doc, "## In tests only\n", "", 1), direct, tools, `now it belongs under "In tests only"`},
		{"another importer", strings.Replace(doc, ", `cmd/potok`", "", 1), direct, tools, "make them one"},
		{"a line twice", doc + "## In tests only\n| `example.com/leak` | x |\n", direct, tools, "twice"},
		{"a tool without a line", doc, direct, append(tools, "example.com/x"), "the tool example.com/x"},
		{"a line without a tool", doc, direct, nil, "names the tool example.com/fmt"},
		{"a rival without a line", strings.Replace(doc, "example.com/fast", "example.com/slow", 1), direct, tools, "benchmarks/go.mod requires example.com/fast"},
		{"a line without a rival", strings.Replace(doc, "example.com/fast", "example.com/slow", 1), direct, tools, "names the rival example.com/slow"},
		{"an unknown section", strings.Replace(doc, "## Tools", "## Tool", 1), direct, nil, "no section"},
	}
	for _, tt := range tests {
		bad := checkDependencies(parseDependencies(tt.doc), tt.direct, tt.tools, peers, r)
		if !slices.ContainsFunc(bad, func(s string) bool { return strings.Contains(s, tt.want) }) {
			t.Errorf("%s: got %q, want %q", tt.name, bad, tt.want)
		}
	}
}
