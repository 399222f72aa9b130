package lock

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
)

// condModel is the condition as one would explain it: people in a line.
type condModel struct{ line []*attempt }

func (m *condModel) signal(n int) {
	n = min(n, len(m.line))
	for _, a := range m.line[:n] {
		a.want = &result{}
	}
	m.line = m.line[n:]
}

func (m *condModel) leave(a *attempt) {
	if a.want == nil {
		a.want = &result{err: errWhy}
		m.line = without(m.line, a)
	}
}

func TestCondDoesWhatTheModelDoes(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walkCond(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func walkCond(t *testing.T, rnd *rand.Rand) {
	c, m := NewCond(new(Mutex)), &condModel{}
	var waiting []*attempt
	for range 500 {
		if t.Failed() {
			return
		}
		if rnd.IntN(2) == 0 {
			a := c.wait(t)
			m.line, waiting = append(m.line, a), append(waiting, a)
		} else {
			change(rnd, c, m, waiting)
		}
		waiting = compare(t, waiting)
		c.mustHaveWaiters(t, len(m.line))
	}
}

// change signals, cancels, or does one right after the other; with the mutex locked or not.
func change(rnd *rand.Rand, c *Cond, m *condModel, waiting []*attempt) {
	if rnd.IntN(2) == 0 {
		c.m.Lock()
		defer c.m.Unlock()
	}
	what := rnd.IntN(20)
	switch {
	case what == 0:
		m.signal(len(m.line))
		c.Broadcast()
	case what < 13:
		n := rnd.IntN(3)
		m.signal(n)
		c.Signal(n)
	}
	if what > 8 && len(waiting) > 0 {
		a := waiting[rnd.IntN(len(waiting))]
		m.leave(a)
		a.cancel(errWhy)
	}
}
