package lock

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A stage is a mutex whose waiters have no goroutines, so that their steps can be put in any order; and what must be
// true of it, kept beside.
type stage struct {
	Mutex
	all      []*waiter
	held     bool
	passing  bool      // the holder is in Unlock, and has seen that it has to pass
	order    []*waiter // on the list
	inFlight *waiter   // was woken, and has not come back
	given    *waiter   // holds the lock and does not know yet
}

func newStage() *stage {
	s := &stage{}
	s.needExtra()
	return s
}

// A move is a step that somebody can do now; nil if nobody can.
type move struct {
	name string
	do   func(t *testing.T)
}

// moves are all steps that can be done now. They are in the same order in every run.
func (s *stage) moves() []move {
	m := []move{{"TryLock", s.tryLock}}
	if len(s.all) < 3 {
		m = append(m, move{"young waiter", s.newWaiter(0)}, move{"old waiter", s.newWaiter(starving)})
	}
	if s.held && !s.passing && s.given == nil {
		m = append(m, move{"Unlock", s.unlock})
		if len(s.order) > 0 && s.inFlight == nil {
			m = append(m, move{"Unlock up to pass", func(*testing.T) { s.passing = true }})
		}
	}
	if s.passing {
		m = append(m, move{"pass", s.unlock})
	}
	for i, w := range s.all {
		if w == s.given || w == s.inFlight {
			m = append(m, move{fmt.Sprint("wake ", i), func(t *testing.T) { s.wake(t, w) }})
		}
		if w == s.given || w == s.inFlight || slices.Contains(s.order, w) {
			m = append(m, move{fmt.Sprint("leave ", i), func(t *testing.T) { s.goAway(t, w) }})
		}
	}
	return m
}

func (s *stage) tryLock(t *testing.T) {
	if got := s.TryLock(); got == s.held {
		t.Errorf("TryLock: %t", got)
	}
	s.held = true
}

func (s *stage) newWaiter(age time.Duration) func(t *testing.T) {
	return func(t *testing.T) {
		w := &waiter{since: time.Now().Add(-age), ready: make(chan bool, 1)}
		if age == 0 {
			w.since = w.since.Add(time.Hour) // young for as long as the test takes
		}
		s.all = append(s.all, w)
		s.list(t, w, false)
	}
}

func (s *stage) list(t *testing.T, w *waiter, again bool) {
	if taken := s.enlist(s.extra.Load(), w, again); taken == s.held {
		t.Errorf("enlist: taken %t", taken)
	}
	switch {
	case !s.held:
		s.held = true
	case again:
		s.order = slices.Insert(s.order, 0, w)
	default:
		s.order = append(s.order, w)
	}
}

func (s *stage) unlock(*testing.T) {
	if s.passing {
		s.pass()
	} else {
		s.Unlock()
	}
	s.passing = false
	s.passedOn()
}

// passedOn is what an unlock has to bring about.
func (s *stage) passedOn() {
	s.held = false
	if len(s.order) == 0 || s.inFlight != nil {
		return
	}
	w := s.order[0]
	s.order = s.order[1:]
	if time.Since(w.since) >= starving {
		s.held, s.given = true, w
	} else {
		s.inFlight = w
	}
}

// wake lets a waiter go on that got word.
func (s *stage) wake(t *testing.T, w *waiter) {
	given := <-w.ready
	if given != (w == s.given) {
		t.Errorf("was given the lock: %t", given)
	}
	if given {
		s.given = nil
		return
	}
	s.inFlight = nil
	s.list(t, w, true)
}

// goAway lets a waiter see that its ctx has ended.
func (s *stage) goAway(t *testing.T, w *waiter) {
	if gone := s.leave(s.extra.Load(), w); gone == (w == s.given) {
		t.Errorf("leave: %t", gone)
	}
	switch {
	case w == s.given:
		s.given = nil
	case w == s.inFlight:
		s.inFlight = nil
		if !s.held {
			s.passedOn()
		}
	default:
		s.order = slices.DeleteFunc(s.order, func(x *waiter) bool { return x == w })
	}
}

// compare says whether the mutex is as it must be.
func (s *stage) compare(t *testing.T) {
	t.Helper()
	s.check(t)
	want := map[uint32]bool{locked: s.held, queued: len(s.order) > 0, woken: s.inFlight != nil}
	for bit, on := range want {
		if s.state.Load()&bit != 0 != on {
			t.Errorf("bit %b should be %t in %s", bit, on, stateText(s.state.Load()))
		}
	}
	var order []*waiter
	for w := s.extra.Load().waiters.front; w != nil; w = w.next {
		order = append(order, w)
	}
	if !slices.Equal(order, s.order) {
		t.Error("the list is not in the order of service")
	}
	for i, w := range s.all {
		if got := len(w.ready) == 1; got != (w == s.given || w == s.inFlight) {
			t.Errorf("waiter %d got word: %t", i, got)
		}
	}
}

// Up to three waiters, some of whom have waited long, and all that they, a holder and passers-by can do, in all orders of
// up to seven steps.
func TestEveryOrderOfStepsKeepsTheLockAndTheLine(t *testing.T) {
	steps := 7
	if raceEnabled || testing.Short() { // there is one goroutine, so no races
		steps = 5
	}
	n := 0
	var walk func(path []int)
	walk = func(path []int) {
		s := newStage()
		var names []string
		for _, i := range path {
			m := s.moves()[i]
			names = append(names, m.name)
			m.do(t)
		}
		n++
		s.compare(t)
		if t.Failed() {
			t.Fatalf("after %q", names)
		}
		if len(path) < steps {
			for i := range s.moves() {
				walk(append(path, i))
			}
		}
	}
	walk(nil)
	t.Logf("%d orders", n)
}
