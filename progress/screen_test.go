package progress

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// A screen is an output that shows what a terminal would. It fails the test where two Writes overlap, and does not lock
// itself, so that the race detector sees them as well.
type screen struct {
	t      testing.TB
	inside atomic.Bool
	writes atomic.Int64 // a timer may write, and what it writes is read in between
	lines  [][]rune     // at least one; the cursor is in the last
	column int
}

func newScreen(t testing.TB) *screen { return &screen{t: t, lines: make([][]rune, 1)} }

func (s *screen) Write(p []byte) (int, error) {
	if !s.inside.CompareAndSwap(false, true) {
		s.t.Error("a Write while another one is under way")
	}
	defer s.inside.Store(false)
	if !utf8.Valid(p) {
		s.t.Errorf("half a character is written: %q", p)
	}
	s.writes.Add(1)
	for _, r := range string(p) {
		switch r {
		case '\r':
			s.column = 0
		case '\n':
			s.lines = append(s.lines, nil)
			s.column = 0 // as a terminal's driver makes it
		default:
			line := &s.lines[len(s.lines)-1]
			if s.column == len(*line) {
				*line = append(*line, r)
			} else {
				(*line)[s.column] = r
			}
			s.column++
		}
	}
	return len(p), nil
}

// text is the lines on the screen, without the blanks at their ends.
func (s *screen) text() []string {
	var out []string
	for _, line := range s.lines {
		out = append(out, strings.TrimRight(string(line), " "))
	}
	return out
}

// A hand is a clock that is moved by hand.
type hand struct{ now time.Time }

func newHand() *hand { return &hand{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (h *hand) option() Option        { return Clock(func() time.Time { return h.now }) }
func (h *hand) move(by time.Duration) { h.now = h.now.Add(by) }

// A writer is a function that writes.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

var errTest = errors.New("the test's own error")
