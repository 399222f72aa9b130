package progress

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/potok-go/potok"
)

// last is the line that a bar left on the screen.
func last(t *testing.T, s *screen) string {
	t.Helper()
	text := s.text()
	if len(text) < 2 || text[len(text)-1] != "" {
		t.Fatalf("the bar was not closed: %q", text)
	}
	return text[len(text)-2]
}

func TestSeqYieldsAllAndCountsIt(t *testing.T) {
	s := newScreen(t)
	got := slices.Collect(Seq(slices.Values([]string{"a", "b", "c"}), 3, Output(s), Always()))
	if !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
	if line := last(t, s); !strings.HasPrefix(line, "100%|██████████| 3/3 [") {
		t.Error(line)
	}
	pairs := maps.Collect(Seq2(maps.All(map[string]int{"a": 1, "b": 2}), -1, Output(s), Always()))
	if len(pairs) != 2 || pairs["b"] != 2 {
		t.Error(pairs)
	}
	if line := last(t, s); !strings.HasPrefix(line, "2it [") {
		t.Error(line)
	}
}

func TestSeqDoesNothingBeforeItIsRanged(t *testing.T) {
	s, pulled := newScreen(t), 0
	in := func(yield func(int) bool) {
		for pulled++; yield(pulled); pulled++ {
		}
	}
	seq := Seq(in, -1, Output(s), Always())
	if s.writes.Load() != 0 || pulled != 0 {
		t.Errorf("%d writes and %d items before the range", s.writes.Load(), pulled)
	}
	for range 2 { // a bar for each
		for n := range seq {
			if n != pulled {
				t.Errorf("item %d, and %d were pulled", n, pulled)
			}
			if pulled%5 == 4 {
				break
			}
		}
	}
	if got := s.text(); len(got) != 3 || !strings.HasPrefix(got[0], "3it [") || !strings.HasPrefix(got[1], "4it [") {
		t.Errorf("%q", got)
	}
}

func TestABreakOrAPanicClosesTheBar(t *testing.T) {
	count := func(yield func(int, error) bool) {
		for i := range 10 {
			if !yield(i, nil) {
				return
			}
		}
		panic(errTest)
	}
	for name, c := range map[string]struct {
		loop func(iter.Seq2[int, error])
		want string
	}{
		"break": {func(in iter.Seq2[int, error]) {
			for i := range in {
				if i == 4 {
					break
				}
			}
		}, " 40%|████      | 4/10 ["},
		"the loop's panic": {func(in iter.Seq2[int, error]) {
			for i := range in {
				if i == 7 {
					panic(errTest)
				}
			}
		}, " 70%|███████   | 7/10 ["},
		"the input's panic": {func(in iter.Seq2[int, error]) {
			for range in {
			}
		}, "100%|██████████| 10/10 ["},
	} {
		s := newScreen(t)
		panicked := func() (v any) {
			defer func() { v = recover() }()
			c.loop(Seq2(count, 10, Output(s), Always()))
			return nil
		}()
		if want := any(errTest); (name == "break") != (panicked == nil) || panicked != nil && panicked != want {
			t.Errorf("%s: panic %v", name, panicked)
		}
		if line := last(t, s); !strings.HasPrefix(line, c.want) {
			t.Errorf("%s: %q, want %s…", name, line, c.want)
		}
	}
}

func TestSeq2CountsTheResultsOfMap(t *testing.T) {
	pool := potok.NewPool(4)
	defer pool.Close()
	s := newScreen(t)
	odd := func(_ context.Context, n int) (int, error) {
		if n%2 == 0 {
			return 0, errTest
		}
		return n, nil
	}
	inputs := slices.Values([]int{1, 2, 3, 4, 5, 6, 7, 8})
	sum, taken := 0, 0
	for n, err := range Seq2(potok.Map(t.Context(), pool, inputs, odd), 8, Output(s), Always()) {
		if taken++; taken > 6 {
			break
		}
		if (err != nil) != (taken%2 == 0) {
			t.Error(n, err)
		}
		sum += n
	}
	if line := last(t, s); sum != 1+3+5 || !strings.HasPrefix(line, " 75%|███████▌  | 6/8 [") {
		t.Errorf("sum %d, %q", sum, line)
	}
}

func TestAPoolDrivesABar(t *testing.T) {
	s := newScreen(t)
	b := New(100, Output(s), Always())
	pool := potok.NewPool(4, potok.WithObserver(Observe(b)))
	for i := range 100 {
		pool.Go(t.Context(), func(context.Context) error {
			switch i % 4 {
			case 0:
				return errTest
			case 1:
				panic(errTest)
			}
			return nil
		})
	}
	if err := pool.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if line := last(t, s); !strings.HasPrefix(line, "100%|██████████| 100/100 [") {
		t.Error(line)
	}
}
