package archtest

import (
	"go/token"
	"strings"
	"testing"
)

func TestImportsFollowTheTable(t *testing.T) {
	fset := token.NewFileSet()
	files := load(t, fset)
	if len(files) == 0 {
		t.Fatal("no Go files found: the test looks in the wrong place")
	}
	for _, sentence := range ourRules.check(packages(fset, files)) {
		t.Error(sentence)
	}
}

// small is a repository of four packages that has nothing wrong.
func small() (rules, []pkg) {
	r := rules{
		table: []row{
			{pkg: root, ours: []string{"queue"}},
			{pkg: "queue"},
			{pkg: "lock", modules: []string{"github.com/petermattis/goid"}},
			{pkg: "titles", ours: []string{root, "queue"}, modules: []string{"golang.org/x/net"}},
			{pkg: "internal/exectest", ours: []string{root}, testOnly: true},
		},
		planned:      []string{"lock"},
		standardOnly: map[string][]string{root: nil, "queue": nil, "lock": {"github.com/petermattis/goid"}},
		testModules:  []string{"go.uber.org/goleak"},
		testPackages: []string{"internal/exectest"},
		testExtra:    map[string][]string{"queue": {root}},
	}
	pkgs := []pkg{
		{name: root, imports: imports("context", "queue"), testImports: imports(root, "internal/exectest")},
		{name: "queue", imports: imports("context", "sync/atomic"), testImports: imports("testing", root)},
		{name: "titles", imports: imports(root, "golang.org/x/net/html"), testImports: imports("go.uber.org/goleak")},
		{name: "internal/exectest", imports: imports("testing", root, "go.uber.org/goleak")},
	}
	return r, pkgs
}

// imports makes imports from the table's names and from full paths.
func imports(names ...string) []imp {
	var out []imp
	for _, name := range names {
		p := name
		switch name {
		case root, "queue", "lock", "titles", "internal/exectest", "extra":
			p = ourPath(name)
		}
		out = append(out, imp{path: p, at: "f.go:1"})
	}
	return out
}

func TestCheckPassesWhatFollowsTheTable(t *testing.T) {
	r, pkgs := small()
	if bad := r.check(pkgs); len(bad) != 0 {
		t.Errorf("got %q, want nothing", bad)
	}
}

func TestCheckFindsWhatBreaksTheTable(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(r *rules, pkgs *[]pkg)
		want  []string // each stands in one and the same sentence
	}{
		{
			"an arrow that is not there",
			func(_ *rules, p *[]pkg) { (*p)[0].imports = imports("titles") },
			[]string{"potok imports titles (f.go:1)", `add "titles" to the row of "potok"`},
		},
		{
			"a module in a package without modules",
			func(_ *rules, p *[]pkg) { (*p)[1].imports = imports("golang.org/x/sync/errgroup") },
			[]string{"queue imports golang.org/x/sync/errgroup (f.go:1)", `the row of "queue"`},
		},
		{
			"a module whose path only begins like an allowed one",
			func(_ *rules, p *[]pkg) { (*p)[2].imports = imports("golang.org/x/network") },
			[]string{"titles imports golang.org/x/network"},
		},
		{
			"cgo",
			func(_ *rules, p *[]pkg) { (*p)[1].imports = imports("C") },
			[]string{"queue imports C (f.go:1)"},
		},
		{
			"a test module outside tests",
			func(_ *rules, p *[]pkg) { (*p)[2].imports = imports("go.uber.org/goleak") },
			[]string{"titles imports go.uber.org/goleak (f.go:1)", "only a _test.go file may"},
		},
		{
			"a test package outside tests",
			func(_ *rules, p *[]pkg) { (*p)[2].imports = imports("internal/exectest") },
			[]string{"titles imports internal/exectest (f.go:1)", "only a _test.go file may"},
		},
		{
			"a test package outside tests, though its row has it",
			func(r *rules, p *[]pkg) {
				r.table[3].ours = append(r.table[3].ours, "internal/exectest")
				(*p)[2].imports = imports("internal/exectest")
			},
			[]string{"titles imports internal/exectest (f.go:1)", "only a _test.go file may"},
		},
		{
			"a test that takes a module it may not",
			func(_ *rules, p *[]pkg) { (*p)[1].testImports = imports("golang.org/x/net/html") },
			[]string{"queue imports golang.org/x/net/html", `testExtra of "queue"`},
		},
		{
			"a test that takes a package it may not",
			func(_ *rules, p *[]pkg) { (*p)[1].testImports = imports("titles") },
			[]string{"queue imports titles", `testExtra of "queue"`},
		},
		{
			"testExtra does not cover other files",
			func(_ *rules, p *[]pkg) { (*p)[1].imports = imports(root) },
			[]string{"queue imports potok (f.go:1)", `the row of "queue"`},
		},
		{
			"a package without a row",
			func(_ *rules, p *[]pkg) { *p = append(*p, pkg{name: "extra"}) },
			[]string{`package "extra" has no row`},
		},
		{
			"a row misspelt",
			func(r *rules, _ *[]pkg) { r.table[3].pkg = "title" },
			[]string{`the row of "title"`, "not in the tree"},
		},
		{
			"a row twice",
			func(r *rules, _ *[]pkg) { r.table = append(r.table, row{pkg: "queue"}) },
			[]string{`"queue" has two rows`},
		},
		{
			"an importee misspelt in the table",
			func(r *rules, _ *[]pkg) { r.table[0].ours = []string{"queue", "kueue"} },
			[]string{`the row of "potok" names "kueue"`},
		},
		{
			"a name misspelt in testExtra",
			func(r *rules, _ *[]pkg) { r.testExtra = map[string][]string{"queue": {root, "titels"}} },
			[]string{`testExtra of "queue" names "titels"`},
		},
		{
			"a planned package that is there",
			func(_ *rules, p *[]pkg) { *p = append(*p, pkg{name: "lock"}) },
			[]string{`package "lock" exists now`, "planned"},
		},
		{
			"a planned package without a row",
			func(r *rules, _ *[]pkg) { r.planned = append(r.planned, "locks") },
			[]string{`planned names "locks"`},
		},
		{
			"a circle in the tree",
			func(_ *rules, p *[]pkg) { (*p)[1].imports = imports(root) },
			[]string{"a circle: potok → queue → potok", "f.go:1"},
		},
		{
			"a longer circle",
			func(_ *rules, p *[]pkg) { (*p)[1].imports = imports("titles") },
			[]string{"a circle: potok → queue → titles → potok"},
		},
		{
			"a circle in the table",
			func(r *rules, _ *[]pkg) { r.table[1].ours = []string{"titles"} },
			[]string{"a circle:", "table_test.go"},
		},
		{
			"a row that opens the root to modules",
			func(r *rules, _ *[]pkg) { r.table[0].modules = []string{"golang.org/x/sync"} },
			[]string{"potok promises the standard library only", "golang.org/x/sync"},
		},
		{
			"a row that opens the root by way of another",
			func(r *rules, _ *[]pkg) { r.table[0].ours = []string{"queue", "lock"} },
			[]string{"potok promises the standard library only", `the row of "lock"`, "goid"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, pkgs := small()
			tt.spoil(&r, &pkgs)
			bad := r.check(pkgs)
			for _, sentence := range bad {
				if containsAll(sentence, tt.want) {
					return
				}
			}
			t.Errorf("got %q, want a sentence with all of %q", bad, tt.want)
		})
	}
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
