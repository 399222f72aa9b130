package progress

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestAnErrorOfTheOutputEndsTheDrawing(t *testing.T) {
	clock := newHand()
	writes := 0
	b := New(100, Always(), clock.option(), Output(writer(func(p []byte) (int, error) {
		if writes++; writes < 3 {
			return len(p), nil
		}
		return 0, errTest
	})))
	for range 50 {
		clock.move(time.Second)
		b.Add(1)
	}
	if writes != 3 {
		t.Errorf("%d writes, want none after the third, which failed", writes)
	}
	for range 2 {
		if err := b.Close(); err != errTest {
			t.Errorf("Close gives %v", err)
		}
	}
	if writes != 3 {
		t.Error("Close drew a line")
	}
}

// A line is worth trying where a frame is not: the disk may have room again.
func TestLinesArePrintedOnAfterAnError(t *testing.T) {
	var out bytes.Buffer
	full := true
	b := New(1, Output(writer(func(p []byte) (int, error) {
		if full {
			return 0, errTest
		}
		return out.Write(p)
	})))
	b.Println("lost")
	full = false
	b.Println("kept")
	if err := b.Close(); err != errTest || out.String() != "kept\n" {
		t.Errorf("Close gives %v, and %q is written", err, out.String())
	}
}

func TestThePipeIsClosed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	inner, outer := io.Pipe()
	inner.Close()
	for _, out := range []io.Writer{w, outer} {
		b := New(2, Output(out), Always())
		b.Add(1)
		b.Println("into the void")
		if err := b.Close(); err == nil || (out == outer && err != io.ErrClosedPipe) {
			t.Errorf("Close gives %v", err)
		}
	}
}

func TestAShortWriteIsAnError(t *testing.T) {
	b := New(2, Always(), Output(writer(func([]byte) (int, error) { return 1, nil })))
	if err := b.Close(); err != io.ErrShortWrite {
		t.Errorf("Close gives %v", err)
	}
}

func TestAPanicOfTheOutputIsAnError(t *testing.T) {
	b := New(2, Always(), Output(writer(func([]byte) (int, error) { panic(errTest) })))
	b.Add(1)
	err := b.Close()
	if p, ok := errors.AsType[*potok.PanicError](err); !ok || p.Value != errTest || !strings.Contains(string(p.Stack), "output_test.go") {
		t.Errorf("Close gives %v", err)
	}
}

// stopped is an output that takes nothing until it goes on.
type stopped struct {
	*screen
	goOn chan struct{}
}

func (s *stopped) Write(p []byte) (int, error) {
	<-s.goOn
	return s.screen.Write(p)
}

func TestAStoppedOutputHoldsNobodyUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stopped{newScreen(t), make(chan struct{})}
		begin := time.Now()
		b := New(10000, Output(s), Always())
		if took := time.Since(begin); took != patience {
			t.Errorf("New took %v", took)
		}
		begin = time.Now()
		for range 5000 {
			b.Add(1)
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("5000 Adds and 5 s between them took %v", took)
		}
		begin = time.Now()
		err := b.Close()
		if took := time.Since(begin); took != patience || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Close took %v and gives %v", took, err)
		}
		close(s.goOn)
		synctest.Wait()
		if s.writes.Load() != 1 {
			t.Errorf("%d writes, want the first line alone", s.writes.Load())
		}
		if again := b.Close(); again != err {
			t.Errorf("a second Close gives %v", again)
		}
	})
}

func TestDrawingGoesOnWithTheOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stopped{newScreen(t), make(chan struct{})}
		b := New(100, Output(s), Always())
		for range 10 {
			b.Add(1)
			time.Sleep(time.Second)
		}
		printed := make(chan struct{})
		go func() { b.Println("not lost"); close(printed) }()
		synctest.Wait()
		select {
		case <-printed:
			t.Error("a line was given up")
		default:
		}
		close(s.goOn)
		<-printed
		b.Add(1)
		if got := s.text(); len(got) != 2 || got[0] != "not lost" || !strings.HasPrefix(got[1], " 11%|█         | 11/100 [00:1") {
			t.Errorf("%q", got)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestALastLineThatIsNotTakenIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stopped{newScreen(t), make(chan struct{}, 1)}
		s.goOn <- struct{}{} // for the first line
		b := New(100, Output(s), Always())
		begin := time.Now()
		if err := b.Close(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != patience {
			t.Errorf("Close took %v and gives %v", time.Since(begin), err)
		}
		close(s.goOn)
	})
}
