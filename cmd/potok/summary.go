package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/potok-go/potok/titles"
)

// summary counts what came of a run.
type summary struct {
	began   time.Time
	pages   int
	skipped int            // had a good record already
	kinds   map[string]int // failures
}

func newSummary() *summary { return &summary{began: time.Now(), kinds: make(map[string]int)} }

func (s *summary) add(err error) {
	s.pages++
	if err != nil {
		s.kinds[titles.KindOf(err)]++
	}
}

func (s *summary) failed() int {
	n := 0
	for _, k := range s.kinds {
		n += k
	}
	return n
}

// String is one line: 1000 pages in 12.3s, 81.3 pages/s: 950 titles, 50 failed (http 30, dns 20).
func (s *summary) String() string {
	took := time.Since(s.began)
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %v, %.1f pages/s: %s", count(s.pages, "page"), round(took), float64(s.pages)/max(took.Seconds(), 1e-3),
		count(s.pages-s.failed(), "title"))
	if n := s.failed(); n > 0 {
		kinds := slices.SortedFunc(maps.Keys(s.kinds), func(a, b string) int {
			if d := s.kinds[b] - s.kinds[a]; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		for i, k := range kinds {
			kinds[i] = fmt.Sprintf("%s %d", k, s.kinds[k])
		}
		fmt.Fprintf(&b, ", %d failed (%s)", n, strings.Join(kinds, ", "))
	}
	if s.skipped > 0 {
		fmt.Fprintf(&b, "; %d had been read before", s.skipped)
	}
	return b.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	switch {
	case d >= 100*time.Second:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
