package lock

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// barrierModel is the barrier as one would explain it: a room for n people, one of whom may be busy, and a line outside.
type barrierModel struct {
	n       int
	room    []*attempt // with busy among them
	busy    *attempt   // runs the action; perhaps of a room that was cleared
	outside []*attempt
	broken  bool
}

func (m *barrierModel) come(a *attempt) {
	switch {
	case m.broken:
		a.want = &result{-1, ErrBroken}
	case m.busy != nil:
		m.outside = append(m.outside, a)
	default:
		if m.room = append(m.room, a); len(m.room) == m.n {
			m.busy = a
		}
	}
}

func (m *barrierModel) abort() {
	for _, a := range append(m.room, m.outside...) {
		if a != m.busy {
			a.want = &result{-1, ErrBroken}
		}
	}
	m.room, m.outside, m.broken = nil, nil, true
}

func (m *barrierModel) reset() {
	m.abort()
	m.broken = false
}

func (m *barrierModel) leave(a *attempt) {
	switch {
	case a == m.busy:
		return
	case slices.Contains(m.room, a):
		m.abort()
	case slices.Contains(m.outside, a):
		m.outside = without(m.outside, a)
	default:
		return
	}
	a.want = &result{-1, errWhy}
}

// done ends the action.
func (m *barrierModel) done(how string) {
	busy := m.busy
	busy.want = &result{-1, ErrBroken}
	if how != "return" {
		busy.want = &result{0, errUnwound}
		if len(m.room) > 0 {
			m.abort()
		}
	}
	for i, a := range m.room {
		a.want = &result{i, nil}
	}
	m.room, m.busy = nil, nil
	next := m.outside
	m.outside = nil
	for _, a := range next {
		m.come(a)
	}
}

func TestBarrierDoesWhatTheModelDoes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("n=%d/seed=%d", n, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { walkBarrier(t, rand.New(rand.NewPCG(seed, uint64(n))), n) })
			})
		}
	}
}

func walkBarrier(t *testing.T, rnd *rand.Rand, n int) {
	action := make(slow)
	b, m := NewBarrier(n, action.act), &barrierModel{n: n}
	defer func() {
		b.Abort()
		if m.busy != nil {
			action <- "return"
		}
	}()
	var waiting []*attempt
	for range 500 {
		if t.Failed() {
			return
		}
		switch what := rnd.IntN(40); {
		case what < 20:
			a := b.wait(t)
			m.come(a)
			waiting = append(waiting, a)
		case what < 32:
			if m.busy != nil {
				how := []string{"return", "return", "return", "panic", "goexit"}[rnd.IntN(5)]
				m.done(how)
				action <- how
			}
		case what == 32:
			m.abort()
			b.Abort()
		case what < 37:
			if m.broken || rnd.IntN(4) == 0 {
				m.reset()
				b.Reset()
			}
		case len(waiting) > 0:
			a := waiting[rnd.IntN(len(waiting))]
			m.leave(a)
			a.cancel(errWhy)
		}
		waiting = compare(t, waiting)
		b.check(t)
	}
}
