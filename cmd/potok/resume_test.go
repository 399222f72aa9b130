package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/potok-go/potok/titles"
)

// rerun opens the file as --resume does, takes the inputs that are not done, and writes what answer says of them.
func rerun(t *testing.T, path string, f format, inputs []string, answer func(input string) error) (taken []string) {
	t.Helper()
	o, err := openOutput(path, true, true, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.begin(); err != nil {
		t.Fatal(err)
	}
	for _, input := range inputs {
		if !o.take(input) {
			continue
		}
		taken = append(taken, input)
		page := titles.Page{Input: input, URL: input, Title: "title of " + input, Attempts: 1}
		err := answer(input)
		if line := f.line(page, err); line != nil {
			if err := o.write(page, line); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := o.close(nil); err != nil {
		t.Fatal(err)
	}
	return taken
}

func contents(t *testing.T, path string) string {
	t.Helper()
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// countRecords counts the records of each input, by its key.
func countRecords(t *testing.T, path string, f format) map[string]int {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	n := map[string]int{}
	for r, err := range recordsOf(file, f) {
		if err != nil || r.torn {
			t.Fatalf("%v in %q", err, r.line)
		}
		if !r.header {
			n[r.input]++
		}
	}
	return n
}

var inputsWithCare = []string{"http://a/", `http://b/"x,y"`, "http://c/ d", "http://e/,", "a\tb", "\"", "http://ж/", "http://f/\x1b[1m"}

func fine(string) error { return nil }

func TestWhatHasAGoodRecordIsNotReadAgain(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			if taken := rerun(t, path, f, inputsWithCare, fine); !slices.Equal(taken, inputsWithCare) {
				t.Fatalf("a new file: %q are read", taken)
			}
			whole := contents(t, path)
			if taken := rerun(t, path, f, append(inputsWithCare, "new", "new"), fine); !slices.Equal(taken, []string{"new"}) {
				t.Errorf("%q are read again", taken)
			}
			if again := contents(t, path); !strings.HasPrefix(again, whole) || strings.Count(again, "\n") != strings.Count(whole, "\n")+1 {
				t.Errorf("the file has become\n%s", again)
			}
		})
	}
}

func TestATornLineIsCutOff(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			rerun(t, path, f, inputsWithCare, fine)
			whole := contents(t, path)
			for cut := range whole {
				if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
					t.Fatal(err)
				}
				rerun(t, path, f, inputsWithCare, fine)
				if again := contents(t, path); again != whole {
					t.Fatalf("cut at %d it became\n%s", cut, again)
				}
			}
		})
	}
}

func TestAFailedRecordIsReplaced(t *testing.T) {
	for _, f := range formats[1:] {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			var inputs []string
			for i := range 100 {
				inputs = append(inputs, fmt.Sprint("http://a/", i))
			}
			bad := func(input string) error {
				if strings.HasSuffix(input, "7") {
					return &titles.Error{Kind: titles.KindReset, Err: errors.New("reset")}
				}
				return nil
			}
			rerun(t, path, f, inputs, bad)
			if taken := rerun(t, path, f, inputs, bad); len(taken) != 10 {
				t.Errorf("%q are tried again", taken)
			}
			rerun(t, path, f, inputs, fine)
			for input, n := range countRecords(t, path, f) {
				if n != 1 {
					t.Errorf("%d records of %s", n, input)
				}
			}
			if whole := contents(t, path); strings.Contains(whole, "reset") || len(countRecords(t, path, f)) != 100 {
				t.Errorf("the file has become\n%s", whole)
			}
			if left, _ := filepath.Glob(path + ".*"); left != nil {
				t.Errorf("%q are left", left)
			}
		})
	}
}

// A run that was killed before it dropped what it had replaced leaves both records.
func TestDoubleRecordsOfAKilledRunAreDropped(t *testing.T) {
	f := formats[1]
	path := filepath.Join(t.TempDir(), "out")
	both := string(f.line(titles.Page{Input: "a"}, errors.New("x"))) + string(f.line(titles.Page{Input: "b", Title: "B"}, nil)) +
		string(f.line(titles.Page{Input: "a", Title: "A"}, nil))
	if err := os.WriteFile(path, []byte(both), 0o640); err != nil {
		t.Fatal(err)
	}
	if taken := rerun(t, path, f, []string{"a", "b"}, fine); taken != nil {
		t.Errorf("%q are read", taken)
	}
	if got := contents(t, path); strings.Count(got, "\n") != 2 || strings.Contains(got, "error") {
		t.Errorf("the file has become\n%s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode has become %v, %v", info.Mode(), err)
	}
}

func TestAFileOfAnotherKindIsLeftAlone(t *testing.T) {
	for _, f := range formats {
		path := filepath.Join(t.TempDir(), "out")
		other := "something else\nand more\n"
		if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openOutput(path, true, true, f, nil); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %v", f.name, err)
		}
		if got := contents(t, path); got != other {
			t.Errorf("%s: the file has become %q", f.name, got)
		}
	}
}
