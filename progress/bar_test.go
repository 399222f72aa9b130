package progress

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNothingIsDrawnOffATerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var buffer bytes.Buffer
	clock := newHand()
	for _, out := range []Option{Output(file), Output(&buffer)} {
		b := New(3, out, clock.option())
		for range 3 {
			clock.move(time.Second)
			b.Add(1)
		}
		b.Println("a plain line")
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		b.Println("another")
	}
	written, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	const want = "a plain line\nanother\n"
	if string(written) != want || buffer.String() != want {
		t.Errorf("%q into the file, %q into the buffer; want %q", written, buffer.String(), want)
	}
}

func TestABarIsClosedOnce(t *testing.T) {
	s := newScreen(t)
	b := New(2, Output(s), Always())
	b.Add(2)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	writes := s.writes.Load()
	b.Add(1)
	b.Println("afterwards")
	got := s.text()
	if s.writes.Load() != writes+1 || len(got) != 3 || !strings.HasPrefix(got[0], "100%|██████████| 2/2 [") || got[1] != "afterwards" {
		t.Errorf("%d writes, then %d: %q", writes, s.writes.Load()-writes, got)
	}
}

func TestEveryCountIsInTheLastLine(t *testing.T) {
	s := newScreen(t)
	b := New(64*5000, Output(s), Always())
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 5000 {
				b.Add(3)
				b.Add(-2)
			}
		})
	}
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := s.text()[0]; !strings.HasPrefix(got, "100%|██████████| 320000/320000 [") {
		t.Error(got)
	}
}

func TestPrintedLinesStandWholeAboveTheBar(t *testing.T) {
	s := newScreen(t)
	b := New(64*50, Output(s), Always(), Prefix("поток"), Columns(70))
	var wg sync.WaitGroup
	var want []string
	for i := range 64 * 50 {
		want = append(want, fmt.Sprintf("line %d of goroutine %d and some more words", i%50, i/50))
	}
	for mine := range slices.Chunk(want, 50) {
		wg.Go(func() {
			for _, line := range mine {
				b.Println(line)
				b.Add(1)
			}
		})
	}
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	got := s.text()
	want = slices.Sorted(slices.Values(want))
	bar, printed := got[len(got)-2], got[:len(got)-2]
	slices.Sort(printed)
	if !slices.Equal(printed, want) {
		t.Errorf("%d lines printed, of %d; or not as they were", len(printed), len(want))
	}
	if !strings.HasPrefix(bar, "поток: 100%|█") || !strings.Contains(bar, "| 3200/3200 [") || got[len(got)-1] != "" {
		t.Errorf("below them %q", got[len(got)-2:])
	}
}

func TestAPrintedLineAndTheBarBelowAreOneWrite(t *testing.T) {
	s := newScreen(t)
	b := New(9, Output(s), Always(), newHand().option())
	for want := int64(1); want < 4; want++ {
		if s.writes.Load() != want {
			t.Errorf("%d writes, want %d", s.writes.Load(), want)
		}
		b.Println("a line")
	}
	b.Close()
}

// Also while Close begins: then the bar still stands in the line of the cursor.
func TestALineThatIsPrintedWhileTheBarIsClosedIsWhole(t *testing.T) {
	for range 200 {
		s := newScreen(t)
		b := New(9, Output(s), Always())
		var wg sync.WaitGroup
		wg.Go(func() { b.Println("a line") })
		wg.Go(func() { b.Close() })
		wg.Wait()
		if got := s.text(); len(got) != 3 || !slices.Contains(got, "a line") {
			t.Fatalf("%q", got)
		}
	}
}

// The timer is set twice for a line at most, so a bar that nobody closes is left to the garbage collector.
func TestAnIdleBarDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t)
		b := New(1000, Output(s), Always())
		synctest.Wait()
		time.Sleep(time.Hour)
		if s.writes.Load() != 1 {
			t.Errorf("%d writes in an hour without a count, want the first line only", s.writes.Load())
		}
		b.Add(100)                         // a line, and as many are wanted for the next in a tenth of a second
		time.Sleep(150 * time.Millisecond) // but 100 in an hour make that none
		b.Add(100)
		if s.writes.Load() != 3 {
			t.Errorf("%d writes, want 3", s.writes.Load())
		}
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		if s.writes.Load() != 3 {
			t.Errorf("%d writes before 10 s are over, want 3", s.writes.Load())
		}
		time.Sleep(time.Hour)
		if s.writes.Load() != 4 {
			t.Errorf("%d writes, want one that the timer made after 10 s", s.writes.Load())
		}
		// not closed: the bubble would say so if anything was left
	})
}

func TestABarInABubbleTakesItsTimeFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t)
		b := New(1000, Output(s), Always())
		for range 420 {
			time.Sleep(time.Second / 128)
			b.Add(1)
		}
		if got, want := s.text()[0], " 42%|████▏     | 416/1000 [00:03<00:04, 128.00it/s]"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		b.Close()
		if got, want := s.text()[0], " 42%|████▏     | 420/1000 [00:03<00:04, 128.00it/s]"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// The timer comes before the Add, always, though both are due at the same time.
func TestALineIsDrawnATenthOfASecondAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t)
		b := New(1000, Output(s), Always())
		for line := int64(2); line < 300; line++ {
			time.Sleep(minInterval - time.Nanosecond)
			b.Add(0)
			if got := s.writes.Load(); got != line-1 {
				t.Fatalf("%d lines before 0.1 s are over, want %d", got, line-1)
			}
			time.Sleep(time.Nanosecond)
			b.Add(1)
			if got := s.writes.Load(); got != line {
				t.Fatalf("%d lines after 0.1 s, want %d", got, line)
			}
		}
		b.Close()
	})
}

func TestWithoutColumnsThereIsNoBar(t *testing.T) {
	s := newScreen(t)
	b := New(10, Output(s), Always(), Columns(0), newHand().option(), Prefix("titles"))
	b.Add(4)
	b.Close()
	if got, want := s.text()[0], "titles:  40% 4/10 [00:00<?, ?it/s]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrongArgumentsPanic(t *testing.T) {
	for want, call := range map[string]func(){
		"potok/progress: -1 columns":             func() { Columns(-1) },
		"potok/progress: a unit with divisor -2": func() { Unit("B", -2) },
		"potok/progress: Output of nil":          func() { Output(nil) },
		"potok/progress: a nil Clock":            func() { Clock(nil) },
		"potok/progress: Observe of a nil Bar":   func() { Observe(nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %q", got, want)
				}
			}()
			call()
		}()
	}
}
