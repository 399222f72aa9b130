// Command shake puts yields between the statements of Go packages, so that a test
// run meets orders of events that would else take a busy machine and a bad day:
//
//	go -C tools run ./shake DIR IMPORT DIRECTORY...
//
// It rewrites the files of the directories below DIR, so DIR is a copy, and adds
// a package "shake" to DIR, which is imported as IMPORT/shake. One statement in 16
// yields, up to 32 times.
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const yields = `// Package shake yields now and then.
package shake

import (
	"math/rand/v2"
	"runtime"
)

// P stands between two statements.
func P() {
	if rand.Uint32()%16 == 0 {
		for range rand.Uint32() % 32 {
			runtime.Gosched()
		}
	}
}
`

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: shake DIR IMPORT DIRECTORY...")
		os.Exit(2)
	}
	if err := shake(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "shake:", err)
		os.Exit(1)
	}
}

func shake(dir, path string, directories []string) error {
	if err := os.MkdirAll(filepath.Join(dir, "shake"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "shake", "shake.go"), []byte(yields), 0o644); err != nil {
		return err
	}
	for _, d := range directories {
		files, err := filepath.Glob(filepath.Join(dir, d, "*.go"))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("no Go files in %s", d)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			if err := rewrite(f, path+"/shake"); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite drops the comments, as they would end up between other statements.
func rewrite(file, path string) error {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		return err
	}
	found := false
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			return !idles(n)
		case *ast.BlockStmt:
			n.List = between(n.List, &found)
		case *ast.CaseClause:
			n.Body = between(n.Body, &found)
		case *ast.CommClause:
			n.Body = between(n.Body, &found)
		}
		return true
	})
	if !found {
		return nil
	}
	var out bytes.Buffer
	if err := format.Node(&out, set, tree); err != nil {
		return err
	}
	clause := "package " + tree.Name.Name + "\n"
	text := strings.Replace(out.String(), clause, clause+"\nimport "+strconv.Quote(path)+"\n", 1)
	return os.WriteFile(file, []byte(text), 0o644)
}

// idles says whether a loop only calls something so and so many times, to pass a moment: with yields in it, it takes all
// the time of the run.
func idles(loop *ast.RangeStmt) bool {
	if loop.Key != nil || len(loop.Body.List) != 1 {
		return false
	}
	s, ok := loop.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := s.X.(*ast.CallExpr)
	return ok && len(call.Args) == 0
}

// between puts a yield before each statement of a list, but for the clauses of a
// switch, which are no statements.
func between(list []ast.Stmt, found *bool) []ast.Stmt {
	var out []ast.Stmt
	for _, s := range list {
		switch s.(type) {
		case *ast.CaseClause, *ast.CommClause:
		default:
			*found = true
			out = append(out, &ast.ExprStmt{X: &ast.CallExpr{
				Fun: &ast.SelectorExpr{X: ast.NewIdent("shake"), Sel: ast.NewIdent("P")},
			}})
		}
		out = append(out, s)
	}
	return out
}
