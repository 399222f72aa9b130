package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An imp is one import: the path, and the place in the tree where it stands.
type imp struct{ path, at string }

// A pkg is one package of ours with what its files import.
type pkg struct {
	name        string // as in the table
	imports     []imp  // of its files, whatever their build constraints
	testImports []imp  // of its _test.go files
}

// rules is everything check judges by, so that check can be tested on tables
// that are not ours.
type rules struct {
	table        []row
	planned      []string
	standardOnly map[string][]string
	testModules  []string
	testPackages []string
	testExtra    map[string][]string
}

// ourRules are the rules of this repository.
var ourRules = rules{table, planned, standardOnly, testModules, testPackages, testExtra}

const tableFile = "internal/archtest/table_test.go"

// check returns one sentence for each thing that is wrong, none if all is well.
func (r rules) check(pkgs []pkg) []string {
	var bad []string
	rows := make(map[string]row)
	for _, w := range r.table {
		rows[w.pkg] = w
	}
	bad = append(bad, r.checkTable(rows)...)
	bad = append(bad, r.checkStandardOnly(rows)...)

	exists := make(map[string]bool)
	for _, p := range pkgs {
		exists[p.name] = true
		if _, ok := rows[p.name]; !ok {
			bad = append(bad, fmt.Sprintf("package %q has no row: add one to table in %s", p.name, tableFile))
		}
	}
	for _, w := range r.table {
		switch isPlanned := slices.Contains(r.planned, w.pkg); {
		case !exists[w.pkg] && !isPlanned:
			bad = append(bad, fmt.Sprintf("the row of %q in %s names a package that is not in the tree: "+
				"correct the name, delete the row, or list it in planned", w.pkg, tableFile))
		case exists[w.pkg] && isPlanned:
			bad = append(bad, fmt.Sprintf("package %q exists now: take it out of planned in %s", w.pkg, tableFile))
		}
	}

	for _, p := range pkgs {
		w, ok := rows[p.name]
		if !ok {
			continue
		}
		for _, i := range p.imports {
			bad = append(bad, r.judge(w, rows, i, w.testOnly)...)
		}
		for _, i := range p.testImports {
			bad = append(bad, r.judge(w, rows, i, true)...)
		}
	}
	return append(bad, circles(pkgs)...)
}

// judge says whether a file of w may have the import i.
func (r rules) judge(w row, rows map[string]row, i imp, inTest bool) []string {
	if isStandard(i.path) {
		return nil
	}
	field := fmt.Sprintf("the row of %q", w.pkg)
	if inTest {
		field = fmt.Sprintf("testExtra of %q", w.pkg)
	}
	say := func(format string, args ...any) []string { return []string{fmt.Sprintf(format, args...)} }

	name, ours := ourName(i.path)
	switch {
	case ours && name == w.pkg:
		return nil // an external test, or a generator beside its package
	case ours:
		if rows[name].testOnly && !inTest {
			return say("%s imports %s (%s), which is made for tests: only a _test.go file may",
				w.pkg, name, i.at)
		}
		if slices.Contains(w.ours, name) {
			return nil
		}
		if inTest && (slices.Contains(r.testPackages, name) || slices.Contains(r.testExtra[w.pkg], name)) {
			return nil
		}
		return say("%s imports %s (%s), an arrow that the architecture does not have: "+
			"drop the import, or add %q to %s in %s", w.pkg, name, i.at, name, field, tableFile)
	}

	if inModules(i.path, w.modules) {
		return nil
	}
	isTestModule := inModules(i.path, r.testModules)
	if inTest && (isTestModule || inModules(i.path, r.testExtra[w.pkg])) {
		return nil
	}
	if isTestModule {
		return say("%s imports %s (%s), which is for tests: only a _test.go file may", w.pkg, i.path, i.at)
	}
	return say("%s imports %s (%s), a module that this package may not use: "+
		"drop the import, or add the module to %s in %s and to docs/DEPENDENCIES.md",
		w.pkg, i.path, i.at, field, tableFile)
}

// checkTable finds what is wrong in the table whatever the tree looks like.
func (r rules) checkTable(rows map[string]row) []string {
	var bad []string
	known := func(where, name string) {
		if _, ok := rows[name]; !ok {
			bad = append(bad, fmt.Sprintf("%s names %q, which has no row in %s", where, name, tableFile))
		}
	}
	seen := make(map[string]bool)
	var arrows []pkg
	for _, w := range r.table {
		if seen[w.pkg] {
			bad = append(bad, fmt.Sprintf("%q has two rows in %s", w.pkg, tableFile))
		}
		seen[w.pkg] = true
		p := pkg{name: w.pkg}
		for _, name := range w.ours {
			known(fmt.Sprintf("the row of %q", w.pkg), name)
			p.imports = append(p.imports, imp{path: ourPath(name), at: tableFile})
		}
		arrows = append(arrows, p)
	}
	for _, name := range r.planned {
		known("planned", name)
	}
	for _, name := range r.testPackages {
		known("testPackages", name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.testExtra)) {
		known("testExtra", name)
		for _, extra := range r.testExtra[name] {
			if !strings.Contains(extra, ".") { // else a module
				known(fmt.Sprintf("testExtra of %q", name), extra)
			}
		}
	}
	return append(bad, circles(arrows)...)
}

// checkStandardOnly follows the arrows from each package of standardOnly and
// reports the modules that its users would have to take along.
func (r rules) checkStandardOnly(rows map[string]row) []string {
	var bad []string
	for _, from := range slices.Sorted(maps.Keys(r.standardOnly)) {
		reached := map[string]bool{}
		var walk func(name string)
		walk = func(name string) {
			if reached[name] {
				return
			}
			reached[name] = true
			for _, m := range rows[name].modules {
				if !slices.Contains(r.standardOnly[from], m) {
					bad = append(bad, fmt.Sprintf("%s promises the standard library only, "+
						"and the row of %q in %s lets %s in: take it out", from, name, tableFile, m))
				}
			}
			for _, next := range rows[name].ours {
				walk(next)
			}
		}
		walk(from)
	}
	return bad
}

// circles reports each circle once, from where it is entered first. Test
// imports are left to the compiler.
func circles(pkgs []pkg) []string {
	next := make(map[string][]imp)
	for _, p := range pkgs {
		next[p.name] = append(next[p.name], p.imports...)
	}
	const entered, left = 1, 2
	state := make(map[string]int)
	var path, bad []string
	var visit func(name string)
	visit = func(name string) {
		state[name] = entered
		path = append(path, name)
		for _, i := range next[name] {
			to, ours := ourName(i.path)
			switch {
			case !ours || to == name:
			case state[to] == entered:
				ring := append(slices.Clone(path[slices.Index(path, to):]), to)
				bad = append(bad, fmt.Sprintf("a circle: %s (closed in %s)", strings.Join(ring, " → "), i.at))
			case state[to] == 0:
				visit(to)
			}
		}
		path = path[:len(path)-1]
		state[name] = left
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if state[name] == 0 {
			visit(name)
		}
	}
	return slices.Compact(bad)
}

// isStandard: no dot in the first element. "C" is not: cgo is closed to us.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && path != "C"
}

// inModules reports whether path is a package of one of the modules.
func inModules(path string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return path == m || strings.HasPrefix(path, m+"/")
	})
}

// ourName gives the table's name for an import path of our module.
func ourName(path string) (string, bool) {
	if path == module {
		return root, true
	}
	return strings.CutPrefix(path, module+"/")
}

// ourPath is the inverse of ourName.
func ourPath(name string) string {
	if name == root {
		return module
	}
	return module + "/" + name
}
