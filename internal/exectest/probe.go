package exectest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A probe is how a case and a running task talk: the task leaves notes that the
// case reads, and stands at doors that the case opens. The task gets the probe's
// name as part of its argument. The medium is memory where tasks run in this
// process, else files:
//
//	log         one line for each note; written by O_APPEND, so whole and in order
//	open-NAME   the door stands open
//
// In memory nothing polls: in a bubble a task at a door is durably blocked, and
// fake time goes on.
type probe struct {
	e *env
	medium
	name string
}

// medium is what a task sees of a probe.
type medium interface {
	// note adds a line and returns how often that line has been noted by now.
	note(line string) int
	// pass waits until the door is open, or returns ctx's error.
	pass(ctx context.Context, door string) error
	lines() []string
	open(door string)
	openAll()
}

// allDoors is the door that opens all.
const allDoors = "ALL"

// memory holds the probes whose medium is this process.
var memory struct {
	mu     sync.Mutex // guards the fields below
	last   int
	byName map[string]*memoryMedium
}

// probe returns a new one.
func (e *env) probe() *probe {
	p := &probe{e: e}
	if e.dir != "" {
		dir, err := os.MkdirTemp(e.dir, "probe")
		if err != nil {
			e.Fatal(err)
		}
		p.name, p.medium = "files:"+dir, fileMedium(dir)
	} else {
		m := &memoryMedium{doors: make(map[string]chan struct{})}
		memory.mu.Lock()
		memory.last++
		p.name, p.medium = "memory:"+strconv.Itoa(memory.last), m
		if memory.byName == nil {
			memory.byName = make(map[string]*memoryMedium)
		}
		memory.byName[p.name] = m
		memory.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.probes = append(e.probes, p)
	return p
}

func (p *probe) forget() {
	memory.mu.Lock()
	defer memory.mu.Unlock()
	delete(memory.byName, p.name)
}

// mediumOf is how a task finds its probe. After the case, and without a name, it
// finds one that nobody reads and whose doors are open.
func mediumOf(name string) medium {
	if dir, ok := strings.CutPrefix(name, "files:"); ok {
		return fileMedium(dir)
	}
	memory.mu.Lock()
	defer memory.mu.Unlock()
	if m := memory.byName[name]; m != nil {
		return m
	}
	m := &memoryMedium{doors: make(map[string]chan struct{})}
	m.all = true
	return m
}

// noted waits until the line has been noted n times.
func (p *probe) noted(n int, line string) {
	p.e.Helper()
	p.e.until("note "+strconv.Quote(line), func() bool { return p.count(line) >= n })
	if p.e.opts.MayRunCancelled && strings.HasPrefix(line, "+") {
		news := time.Now().Add(newsTravels)
		p.e.until("", func() bool { return p.e.heard(p) || time.Now().After(news) })
	}
}

// newsTravels is how long it may take where a call may run unheard of.
const newsTravels = 200 * time.Millisecond

// heard says whether the executors have heard of as many calls that run as there are.
func (e *env) heard(p *probe) bool {
	runs := 0
	for _, l := range p.lines() {
		switch {
		case strings.HasPrefix(l, "+"):
			runs++
		case strings.HasPrefix(l, "-"):
			runs--
		}
	}
	known := 0
	for _, ex := range e.executors {
		known += ex.Stats().Running
	}
	return known >= runs
}

func (p *probe) count(line string) int {
	n := 0
	for _, l := range p.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// with returns the lines with this prefix, without it.
func (p *probe) with(prefix string) []string {
	var rest []string
	for _, l := range p.lines() {
		if s, ok := strings.CutPrefix(l, prefix); ok {
			rest = append(rest, s)
		}
	}
	return rest
}

// atOnce returns the largest number of calls that ran at the same time: a call
// notes "+label" and "-label".
func (p *probe) atOnce() int {
	now, most := 0, 0
	for _, l := range p.lines() {
		switch l[0] {
		case '+':
			now++
			most = max(most, now)
		case '-':
			now--
		}
	}
	return most
}

// never checks that no call of this label has begun.
func (p *probe) never(label string) {
	p.e.Helper()
	if n := p.count("+" + label); n > 0 && !p.e.opts.MayRunCancelled {
		p.e.Errorf("call %s ran %d times, should never", label, n)
	}
}

// memoryMedium is a medium in this process.
type memoryMedium struct {
	mu    sync.Mutex // guards the fields below; never held while blocking
	log   []string
	doors map[string]chan struct{} // closed when open
	all   bool                     // all are
}

func (m *memoryMedium) note(line string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, line)
	n := 0
	for _, l := range m.log {
		if l == line {
			n++
		}
	}
	return n
}

func (m *memoryMedium) lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log)
}

func (m *memoryMedium) pass(ctx context.Context, door string) error {
	select {
	case <-m.door(door):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *memoryMedium) door(name string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.doors[name]
	if d == nil {
		d = make(chan struct{})
		m.doors[name] = d
		if m.all {
			close(d)
		}
	}
	return d
}

func (m *memoryMedium) open(name string) {
	d := m.door(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-d:
	default:
		close(d)
	}
}

func (m *memoryMedium) openAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = true
	for _, d := range m.doors {
		select {
		case <-d:
		default:
			close(d)
		}
	}
}

// fileMedium is a directory that both processes see.
type fileMedium string

func (m fileMedium) note(line string) int {
	f, err := os.OpenFile(filepath.Join(string(m), "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0 // the case is over and its directory gone
	}
	_, err = f.WriteString(line + "\n")
	if closeErr := f.Close(); err != nil || closeErr != nil {
		return 0
	}
	n := 0
	for _, l := range m.lines() {
		if l == line {
			n++
		}
	}
	return n
}

func (m fileMedium) lines() []string {
	b, err := os.ReadFile(filepath.Join(string(m), "log"))
	if err != nil {
		return nil // nothing noted yet
	}
	whole := strings.Split(string(b), "\n")
	return whole[:len(whole)-1] // what stands behind the last newline is being written
}

// pass looks every millisecond, as there is nobody to wake it.
func (m fileMedium) pass(ctx context.Context, door string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if m.isOpen(door) || m.isOpen(allDoors) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isOpen takes a directory that is gone for a case that is over.
func (m fileMedium) isOpen(door string) bool {
	if _, err := os.Stat(filepath.Join(string(m), "open-"+door)); err == nil {
		return true
	}
	_, err := os.Stat(string(m))
	return err != nil
}

func (m fileMedium) open(door string) {
	// An error means that the case is over: then every door is open.
	_ = os.WriteFile(filepath.Join(string(m), "open-"+door), nil, 0o600)
}

func (m fileMedium) openAll() { m.open(allDoors) }

// hasEnded checks that no call with this label runs any more, or, where one may run unheard of, waits until none does.
func (e *env) hasEnded(p *probe, label string) {
	e.Helper()
	if e.opts.MayRunCancelled {
		e.until(label+" has ended", func() bool { return p.count("-"+label) == p.count("+"+label) })
		return
	}
	equal(e, label+" has ended", p.count("-"+label), p.count("+"+label))
}
