package progress

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tick is golden.py's: exact in nanoseconds, and in tqdm's floats.
const tick = time.Second / 512

// golden is testdata/golden.txt, record by record; golden.py says what the fields are.
func golden(t testing.TB) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# What tqdm 4.") {
		t.Fatal("golden.txt does not say which tqdm made it")
	}
	var records [][]string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			records = append(records, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
		}
	}
	return records
}

func decode[T any](t testing.TB, s string) (v T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestLinesAreTqdms(t *testing.T) {
	lines := 0
	for _, r := range golden(t) {
		if r[0] != "meter" {
			continue
		}
		lines++
		a := decode[struct {
			N, Total, Ticks       int64
			Columns               *int
			Prefix, Postfix, Unit string
			Divisor               int
			Rate                  float64
		}](t, r[1])
		w := words{a.Prefix, a.Postfix, a.Unit, a.Divisor}
		if !strings.Contains(r[1], `"unit"`) {
			w.unit = "it"
		}
		columns := unknown
		if a.Columns != nil {
			columns = *a.Columns
		}
		m := moment{a.N, a.Total, (time.Duration(a.Ticks) * tick).Seconds(), a.Rate}
		if got, want := w.line(m, columns), decode[string](t, r[2]); got != want {
			t.Errorf("%s\n got %q\nwant %q", r[1], got, want)
		}
	}
	if lines < 200 {
		t.Errorf("only %d lines compared", lines)
	}
}

// bars splits the records of bars, each with what happened to it.
func bars(t testing.TB) [][][]string {
	var all [][][]string
	for _, r := range golden(t) {
		switch {
		case r[0] == "meter":
		case r[0] == "bar":
			all = append(all, [][]string{r})
		default:
			all[len(all)-1] = append(all[len(all)-1], r)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d bars", len(all))
	}
	return all
}

// replay does to a bar of ours what was done to tqdm's, and compares what they wrote.
func replay(t *testing.T, bar [][]string, goTo func(tick int64), opts ...Option) {
	a := decode[struct {
		Total                 int64
		Columns               *int
		Prefix, Postfix, Unit string
		Divisor               int
	}](t, bar[0][1])
	var mu sync.Mutex // the timer's lines come from a goroutine that knows nothing of this one
	var out strings.Builder
	opts = append(opts, Output(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(p)
	})), Always(), Prefix(a.Prefix), Postfix(a.Postfix), Unit(a.Unit, a.Divisor))
	if a.Columns != nil {
		opts = append(opts, Columns(*a.Columns))
	}
	compare := func(r []string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if got, want := out.String(), decode[string](t, r[len(r)-1]); got != want {
			t.Errorf("%s\nafter %s\n got %q\nwant %q", bar[0][1], r[:len(r)-1], got, want)
		}
		out.Reset()
	}
	b := New(a.Total, opts...)
	compare(bar[0])
	for _, r := range bar[1:] {
		at, err := strconv.ParseInt(r[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		goTo(at)
		switch r[0] {
		case "add":
			n, err := strconv.ParseInt(r[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			b.Add(n)
		case "print":
			b.Println(decode[string](t, r[2]))
		case "stale":
		case "close":
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		default:
			t.Fatalf("%s?", r)
		}
		compare(r)
	}
}

func TestBarsDrawWhatTqdmDrawsWhenItDoes(t *testing.T) {
	for _, bar := range bars(t) {
		if slices.ContainsFunc(bar, func(r []string) bool { return r[0] == "stale" }) {
			continue // with a Clock nothing looks after the bar
		}
		synctest.Test(t, func(t *testing.T) { // not for its time: so that no line is late on a busy machine
			clock := newHand()
			begin := clock.now
			replay(t, bar, func(at int64) { clock.now = begin.Add(time.Duration(at) * tick) }, clock.option())
		})
	}
}

// Without a Clock a timer says when to look, and nothing else may differ.
func TestBarsDrawWhenTqdmDoesByTheirTimer(t *testing.T) {
	for _, bar := range bars(t) {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			replay(t, bar, func(at int64) {
				time.Sleep(time.Until(begin.Add(time.Duration(at) * tick)))
				synctest.Wait()
			})
		})
	}
}
