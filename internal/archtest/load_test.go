package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A file is one parsed Go file of the tree.
type file struct {
	path  string // from the top of the repository, with slashes
	pkg   string // the table's name of its package
	ast   *ast.File
	lines int
	test  bool
}

// top returns the directory of our go.mod.
func top(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module "+module+"\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod of " + module + " above the working directory")
		}
	}
}

// load parses every Go file of our module: on every system, under every build
// tag. So one pass judges linux, darwin, windows and what hides behind a tag,
// which `go list` would show only one at a time. Nested modules, testdata and
// directories that the go command skips are left out.
func load(t testing.TB, fset *token.FileSet) []file {
	t.Helper()
	dir := top(t)
	var files []file
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (skipped(d.Name()) || hasGoMod(p)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || skipped(d.Name()) {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{
			path:  rel,
			pkg:   tableName(path.Dir(rel)),
			ast:   parsed,
			lines: strings.Count(string(text), "\n"),
			test:  strings.HasSuffix(rel, "_test.go"),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// packages gathers the files' imports by package.
func packages(fset *token.FileSet, files []file) []pkg {
	var pkgs []pkg
	for _, f := range files {
		i := slices.IndexFunc(pkgs, func(p pkg) bool { return p.name == f.pkg })
		if i < 0 {
			i = len(pkgs)
			pkgs = append(pkgs, pkg{name: f.pkg})
		}
		for _, spec := range f.ast.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				panic(err) // the parser took it
			}
			at := fset.Position(spec.Pos())
			one := imp{path: p, at: f.path + ":" + strconv.Itoa(at.Line)}
			if f.test {
				pkgs[i].testImports = append(pkgs[i].testImports, one)
			} else {
				pkgs[i].imports = append(pkgs[i].imports, one)
			}
		}
	}
	return pkgs
}

func tableName(dir string) string {
	if dir == "." {
		return root
	}
	return dir
}

// skipped: what the go command does not look into either.
func skipped(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func hasGoMod(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
