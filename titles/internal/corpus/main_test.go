package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The pages there are our own, small, and at least one for every rule and every charset.
func TestPagesOfOurOwnHaveTheirTitles(t *testing.T) {
	var out strings.Builder
	wrong, total, err := check(filepath.Join("..", "..", "testdata"), &out)
	if err != nil {
		t.Fatal(err)
	}
	if wrong > 0 || total < 200 {
		t.Errorf("%d wrong of %d\n%s", wrong, total, out.String())
	}
}

func TestWrongTitleIsNamed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pages", "a.html"), "<title>a</title>")
	write(t, filepath.Join(dir, "pages", "b.html"), "<title>b</title>")
	write(t, filepath.Join(dir, "expected.tsv"), "path\tserve\texpected\talso_accepted\n"+
		"a.html\tmeta\t\"x\"\t\"a\"\nb.html\tmeta\t\"c\"\t\n")
	var out strings.Builder
	wrong, total, err := check(dir, &out)
	if err != nil || wrong != 1 || total != 2 {
		t.Errorf("check = %d, %d, %v; want 1, 2, nil", wrong, total, err)
	}
	if want := "b.html\tmeta\tgot \"b\"\twant \"c\"\n"; out.String() != want {
		t.Errorf("output %q, want %q", out.String(), want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
