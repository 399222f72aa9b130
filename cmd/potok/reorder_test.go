package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/potok-go/potok/titles"
)

func TestAFileIsPutInOrderAtTheEnd(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			o, err := openOutput(path, false, true, f, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := o.begin(); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 4))
			var numbers []int
			for i := range 30_000 {
				if i%7 != 0 { // a page that failed has no record in text, and a run may be cut short
					numbers = append(numbers, i)
				}
			}
			for at := 0; at < len(numbers); at += titles.OrderWindow / 2 { // none is farther from its place than a Crawl allows
				part := numbers[at:min(len(numbers), at+titles.OrderWindow/2)]
				r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
			}
			for _, n := range numbers {
				page := titles.Page{Input: fmt.Sprintf("%06d", n), Number: int64(n)}
				if err := o.write(page, f.line(page, nil)); err != nil {
					t.Fatal(err)
				}
			}
			if known := strings.Count(contents(t, path), "\n"); known < len(numbers) {
				t.Errorf("only %d records are written before the end", known)
			}
			if err := o.close(nil); err != nil {
				t.Fatal(err)
			}
			var inputs []string
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			for rec, err := range recordsOf(file, f) {
				if err != nil {
					t.Fatal(err)
				}
				if !rec.header {
					inputs = append(inputs, rec.input)
				}
			}
			if len(inputs) != len(numbers) || !slices.IsSorted(inputs) {
				t.Errorf("%d records, want %d; sorted: %v", len(inputs), len(numbers), slices.IsSorted(inputs))
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".potok*")); left != nil {
				t.Errorf("%q are left", left)
			}
		})
	}
}
