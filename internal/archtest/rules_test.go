package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

const maxLines = 500

// badNames say nothing about what is in the package.
var badNames = []string{"base", "common", "helper", "helpers", "misc", "pkg", "shared", "type", "types", "util", "utils"}

// Each rule takes all files and gives a sentence for each breach.
var styleRules = map[string]func(*token.FileSet, []file) []string{
	"FilesAreShort":             longFiles,
	"PackagesAreNamedForAThing": emptyNames,
	"OnePackageComment":         packageComments,
	"ExportedNamesAreExplained": undocumented,
}

func TestStyle(t *testing.T) {
	fset := token.NewFileSet()
	files := load(t, fset)
	for name, rule := range styleRules {
		t.Run(name, func(t *testing.T) {
			for _, sentence := range rule(fset, files) {
				t.Error(sentence)
			}
		})
	}
}

func longFiles(_ *token.FileSet, files []file) []string {
	var bad []string
	for _, f := range files {
		if f.lines > maxLines && !ast.IsGenerated(f.ast) {
			bad = append(bad, fmt.Sprintf("%s has %d lines, %d at most: split it by what it is about",
				f.path, f.lines, maxLines))
		}
	}
	return bad
}

func emptyNames(_ *token.FileSet, files []file) []string {
	var bad []string
	for _, f := range files {
		for _, name := range append(strings.Split(path.Dir(f.path), "/"), f.ast.Name.Name) {
			if slices.Contains(badNames, name) {
				bad = append(bad, fmt.Sprintf("%s: %q says nothing about what is in it: name the package for the thing",
					path.Dir(f.path), name))
			}
		}
	}
	slices.Sort(bad)
	return slices.Compact(bad)
}

func packageComments(_ *token.FileSet, files []file) []string {
	where := make(map[string][]string) // package → files with a comment
	for _, f := range files {
		if f.test || strings.HasSuffix(f.ast.Name.Name, "_test") {
			continue
		}
		if _, ok := where[f.pkg]; !ok {
			where[f.pkg] = nil
		}
		if f.ast.Doc != nil {
			where[f.pkg] = append(where[f.pkg], f.path)
		}
	}
	var bad []string
	for name, in := range where {
		switch {
		case len(in) == 0:
			bad = append(bad, fmt.Sprintf("package %q has no package comment: what is it for, in a sentence?", name))
		case len(in) > 1:
			bad = append(bad, fmt.Sprintf("package %q has %d package comments (%s): keep one",
				name, len(in), strings.Join(in, ", ")))
		}
	}
	slices.Sort(bad)
	return bad
}

// undocumented looks at packages that others can import. A name counts as
// explained by its own comment, by the comment of its group or, for a field,
// by the comment of the field above it with no blank line between, or by being
// named in the comment of its type.
func undocumented(fset *token.FileSet, files []file) []string {
	var bad []string
	for _, f := range files {
		if f.test || f.ast.Name.Name == "main" || slices.Contains(strings.Split(f.path, "/"), "internal") {
			continue
		}
		say := func(name *ast.Ident, owner string) {
			if owner != "" {
				owner += "."
			}
			at := fset.Position(name.Pos())
			bad = append(bad, fmt.Sprintf("%s:%d: %s%s is exported and has no comment", f.path, at.Line, owner, name.Name))
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				owner := receiver(d)
				if d.Doc == nil && d.Name.IsExported() && (owner == "" || ast.IsExported(owner)) {
					say(d.Name, owner)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					undocumentedSpec(fset, d, s, say)
				}
			}
		}
	}
	return bad
}

func undocumentedSpec(fset *token.FileSet, d *ast.GenDecl, s ast.Spec, say func(name *ast.Ident, owner string)) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		if d.Doc != nil || s.Doc != nil || s.Comment != nil {
			return
		}
		for _, name := range s.Names {
			if name.IsExported() {
				say(name, "")
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return
		}
		doc := s.Doc
		if doc == nil && !d.Lparen.IsValid() {
			doc = d.Doc
		}
		if doc == nil {
			say(s.Name, "")
		}
		var fields *ast.FieldList
		switch t := s.Type.(type) {
		case *ast.StructType:
			fields = t.Fields
		case *ast.InterfaceType:
			fields = t.Methods
		default:
			return
		}
		above, explained := -1, false // the last line of the field above, and whether it is explained
		for _, field := range fields.List {
			start := fset.Position(field.Pos()).Line
			explained = field.Doc != nil || field.Comment != nil || explained && start == above+1
			above = fset.Position(field.End()).Line
			for _, name := range field.Names {
				if name.IsExported() && !explained && !mentions(doc, name.Name) {
					say(name, s.Name.Name)
				}
			}
		}
	}
}

// receiver gives the name of the type that d is a method of, "" for none.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	for e := d.Recv.List[0].Type; ; {
		switch t := e.(type) {
		case *ast.Ident:
			return t.Name
		case *ast.StarExpr:
			e = t.X
		case *ast.ParenExpr:
			e = t.X
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		default:
			return ""
		}
	}
}

func mentions(doc *ast.CommentGroup, name string) bool {
	return doc != nil && slices.Contains(strings.FieldsFunc(doc.Text(), func(r rune) bool {
		return !(r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
	}), name)
}

func TestStyleRulesFindBreaches(t *testing.T) {
	const long = "package a\n"
	tests := []struct {
		rule string
		path string
		src  string
		want []string // what the sentences contain, in order
	}{
		{"FilesAreShort", "a/a.go", long + strings.Repeat("\n", maxLines-1), nil},
		{"FilesAreShort", "a/a.go", long + strings.Repeat("\n", maxLines), []string{"a/a.go has 501 lines"}},
		{"FilesAreShort", "a/a.go", "// Code generated by x; DO NOT EDIT.\n\n" + long + strings.Repeat("\n", maxLines), nil},
		{"PackagesAreNamedForAThing", "queue/a.go", "package queue", nil},
		{"PackagesAreNamedForAThing", "util/a.go", "package text", []string{`util: "util" says nothing`}},
		{"PackagesAreNamedForAThing", "text/a.go", "package helpers", []string{`text: "helpers" says nothing`}},
		{"OnePackageComment", "a/a.go", "// Package a is one.\npackage a", nil},
		{"OnePackageComment", "a/a.go", "// a licence\n\npackage a", []string{`package "a" has no package comment`}},
		{"ExportedNamesAreExplained", "a/a.go", "package a\nfunc F() {}\nfunc g() {}", []string{"a/a.go:2: F is"}},
		{"ExportedNamesAreExplained", "a/a.go", "package a\n// T is.\ntype T[A, B any] struct{}\nfunc (*T[A, B]) M() {}", []string{"a/a.go:4: T.M is"}},
		{"ExportedNamesAreExplained", "a/a.go", "package a\ntype t struct{ X int }\nfunc (t) M() {}", nil},
		{"ExportedNamesAreExplained", "a/a.go", "package a\nvar X, y, Z = 1, 2, 3", []string{"X is", "Z is"}},
		{"ExportedNamesAreExplained", "a/a.go", "package a\n// What can go wrong.\nvar (\nX = 1\nY = 2\n)", nil},
		{"ExportedNamesAreExplained", "a/a.go", "package a\n// Several.\ntype (\nX int\n)", []string{"X is"}},
		{
			"ExportedNamesAreExplained", "a/a.go",
			"package a\n// T holds Named.\ntype T struct {\n// one\nA int\nB int\n\nC int\nNamed int\nD int // four\n}",
			[]string{"T.C is"},
		},
		{"ExportedNamesAreExplained", "a/a.go", "package a\n// I is.\ntype I interface {\nM()\n}", []string{"I.M is"}},
		{"ExportedNamesAreExplained", "a/internal/b/b.go", "package b\nfunc F() {}", nil},
		{"ExportedNamesAreExplained", "cmd/b/b.go", "package main\nfunc F() {}", nil},
		{"ExportedNamesAreExplained", "a/a_test.go", "package a\nfunc F() {}", nil},
	}
	for _, tt := range tests {
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, tt.path, tt.src, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		one := file{
			path:  tt.path,
			pkg:   tableName(path.Dir(tt.path)),
			ast:   parsed,
			lines: strings.Count(tt.src, "\n"),
			test:  strings.HasSuffix(tt.path, "_test.go"),
		}
		got := styleRules[tt.rule](fset, []file{one})
		ok := len(got) == len(tt.want)
		for i := range min(len(got), len(tt.want)) {
			ok = ok && strings.Contains(got[i], tt.want[i])
		}
		if !ok {
			t.Errorf("%s on %q:\n got %q\nwant %q", tt.rule, tt.src, got, tt.want)
		}
	}
}

func TestTwoPackageCommentsAreOneTooMany(t *testing.T) {
	fset := token.NewFileSet()
	var files []file
	for _, p := range []string{"a/a.go", "a/b.go"} {
		parsed, err := parser.ParseFile(fset, p, "// Package a is.\npackage a", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{path: p, pkg: "a", ast: parsed})
	}
	got := packageComments(fset, files)
	if len(got) != 1 || !strings.Contains(got[0], `package "a" has 2 package comments (a/a.go, a/b.go)`) {
		t.Errorf("got %q", got)
	}
}
