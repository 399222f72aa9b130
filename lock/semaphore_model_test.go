package lock

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// semaphoreModel is the semaphore as one would explain it: a number, and people in a line who say what they want.
type semaphoreModel struct {
	free int
	line []*attempt
}

func (m *semaphoreModel) acquire(a *attempt) {
	if a.k == 0 {
		a.want = &result{0, nil}
		return
	}
	m.line = append(m.line, a)
	m.serve()
}

func (m *semaphoreModel) tryAcquire(k int) bool {
	if k > 0 && (len(m.line) > 0 || k > m.free) {
		return false
	}
	m.free -= k
	return true
}

func (m *semaphoreModel) release(k int) {
	m.free += k
	m.serve()
}

func (m *semaphoreModel) leave(a *attempt) {
	if a.want == nil {
		a.want = &result{a.k, errWhy}
		m.line = without(m.line, a)
		m.serve()
	}
}

func (m *semaphoreModel) serve() {
	for len(m.line) > 0 && m.line[0].k <= m.free {
		a := m.line[0]
		m.line = m.line[1:]
		m.free -= a.k
		a.want = &result{a.k, nil}
	}
}

func TestSemaphoreDoesWhatTheModelDoes(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7} {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("n=%d/seed=%d", n, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { walkSemaphore(t, rand.New(rand.NewPCG(seed, uint64(n))), n) })
			})
		}
	}
}

func walkSemaphore(t *testing.T, rnd *rand.Rand, n int) {
	s, m := NewSemaphore(n), &semaphoreModel{free: n}
	var waiting []*attempt
	for range 500 {
		if t.Failed() {
			return
		}
		k, out := rnd.IntN(n+1), n-m.free
		switch what := rnd.IntN(20); {
		case what < 8:
			a := s.acquire(t, k)
			a.k = k
			m.acquire(a)
			waiting = append(waiting, a)
		case what < 10:
			if got, want := s.TryAcquire(k), m.tryAcquire(k); got != want {
				t.Errorf("TryAcquire(%d): %t, want %t", k, got, want)
			}
		case what < 16:
			k = min(k, out)
			m.release(k)
			s.Release(k)
		case len(waiting) == 0:
		case what < 18: // given what it wants and cancelled at once, if the release is enough
			a := waiting[rnd.IntN(len(waiting))]
			k = min(k, out)
			m.release(k)
			s.Release(k)
			m.leave(a)
			a.cancel(errWhy)
		default:
			a := waiting[rnd.IntN(len(waiting))]
			m.leave(a)
			a.cancel(errWhy)
		}
		waiting = compare(t, waiting)
		s.mustBe(t, m.free, len(m.line))
	}
}
