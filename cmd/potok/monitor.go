package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/potok-go/potok/progress"
)

var progressModes = []string{"auto", "bar", "plain", "json", "none"}

const (
	plainEvery = 10 * time.Second
	jsonEvery  = time.Second
)

// monitor shows on stderr how far a run is. What else is written there goes through it, so that lines stay whole.
type monitor struct {
	w    io.Writer
	mode string
	unit string        // what is counted
	bar  *progress.Bar // nil: none

	mu    sync.Mutex // guards the fields below; never held while writing
	done  int
	bad   int
	total int // -1: unknown
	began time.Time

	skips atomic.Int64 // inputs that were done before

	ticks  sync.WaitGroup // the goroutine that writes plain and json lines
	closed chan struct{}
}

// newMonitor begins to show a run. auto is a bar on a terminal, and nothing elsewhere.
func newMonitor(w io.Writer, mode, unit string, quiet bool) *monitor {
	m := &monitor{w: w, mode: mode, unit: unit, total: -1, began: time.Now(), closed: make(chan struct{})}
	if m.mode == "auto" {
		m.mode = "none"
		if isTerminal(w) && !quiet {
			m.mode = "bar"
		}
	}
	switch m.mode {
	case "bar":
		m.bar = progress.New(-1, progress.Output(terminalOf(w)), progress.Unit(unit, 0), progress.Always())
	case "plain":
		m.tick(plainEvery, m.plain)
	case "json":
		m.tick(jsonEvery, m.json)
	}
	return m
}

// tick calls show again and again until close, which waits for the goroutine and has it called once more.
func (m *monitor) tick(every time.Duration, show func()) {
	m.ticks.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		defer show()
		for {
			select {
			case <-ticker.C:
				show()
			case <-m.closed:
				return
			}
		}
	})
}

// add counts an input that is done.
func (m *monitor) add(err error) {
	if m.bar != nil {
		m.bar.Add(1)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	if err != nil {
		m.bad++
	}
}

// skip counts an input that was done before. It is the only method for another goroutine than the run's.
func (m *monitor) skip() {
	m.skips.Add(1)
	if m.bar != nil {
		m.bar.Add(1)
	}
}

func (m *monitor) skipped() int { return int(m.skips.Load()) }

// expect says how many inputs there will be.
func (m *monitor) expect(total int) {
	if m.bar != nil {
		m.bar.SetTotal(int64(total))
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = total
}

// println writes a line among what is shown.
func (m *monitor) println(line string) {
	if m.bar != nil {
		m.bar.Println(line)
		return
	}
	fmt.Fprintln(m.w, line)
}

// Write is println for what comes with its line end.
func (m *monitor) Write(p []byte) (int, error) {
	if m.bar == nil {
		return m.w.Write(p)
	}
	m.bar.Println(string(p[:max(0, len(p)-1)]))
	return len(p), nil
}

// close ends what is shown.
func (m *monitor) close() {
	close(m.closed)
	m.ticks.Wait()
	if m.bar != nil {
		m.bar.Close() //nolint:errcheck // a terminal that is gone shows nothing
	}
}

// status is what a line of the modes plain and json says.
type status struct {
	Done    int     `json:"done"`
	Failed  int     `json:"failed"`
	Total   *int    `json:"total"` // null: unknown
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"rate"`
}

func (m *monitor) status() status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := status{Done: m.done + m.skipped(), Failed: m.bad, Seconds: time.Since(m.began).Round(time.Millisecond).Seconds()}
	if s.Seconds > 0 {
		s.Rate = float64(m.done * 1000 / max(1, int(s.Seconds*1000)))
	}
	if m.total >= 0 {
		total := m.total
		s.Total = &total
	}
	return s
}

func (m *monitor) plain() {
	s := m.status()
	of := ""
	if s.Total != nil {
		of = fmt.Sprintf("/%d", *s.Total)
	}
	fmt.Fprintf(m.w, "potok: %d%s %[3]ss, %d failed, %v, %.0f %[3]ss/s\n", s.Done, of, m.unit, s.Failed, round(time.Since(m.began)), s.Rate)
}

func (m *monitor) json() {
	line, err := json.Marshal(m.status())
	if err != nil {
		panic(err) // numbers only
	}
	m.w.Write(append(line, '\n')) //nolint:errcheck // as with every line on stderr
}

// terminalOf returns the file behind a stream, which knows how wide it is.
func terminalOf(w any) io.Writer {
	if l, ok := w.(*lockedWriter); ok {
		w = l.w
	}
	return w.(io.Writer) //nolint:forcetypeassert // it was one
}

// isTerminal says whether a stream is one.
func isTerminal(stream any) bool {
	if l, ok := stream.(*lockedWriter); ok {
		stream = l.w
	}
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
