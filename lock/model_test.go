package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// model is the lock as one would explain it: somebody has it or nobody, and the others stand in line. Who has it next
// the model cannot always tell, since a waiter that is woken competes with those who come; but it can tell who may.
type model struct {
	t    *testing.T
	rnd  *rand.Rand
	m    Mutex
	held bool
	line []*op // in the order of service
}

// op is one Lock or LockContext, on a goroutine of its own.
type op struct {
	ctx    context.Context
	cancel context.CancelFunc
	came   time.Time
	ends   time.Time // of ctx; zero if it has not ended
	got    chan verdict
}

type verdict struct {
	err error
	at  time.Time
}

// A step is what became of the lock in one operation, besides what waiters did by themselves.
type step struct {
	let      bool // it was let go
	first    bool // before any ctx ended
	snatched bool // and taken again at once, past the line
	came     []*op
}

func TestMutexDoesWhatTheModelAllows(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				for range 20 {
					(&model{t: t, rnd: rnd}).walk(100)
				}
			})
		})
	}
}

// walk does random operations, and then unlocks until nobody is left.
func (m *model) walk(steps int) {
	for range steps {
		m.settle(m.random())
	}
	for m.held {
		m.m.Unlock()
		m.settle(step{let: true})
	}
	if !m.m.TryLock() {
		m.t.Fatal("in the end it cannot be locked")
	}
}

func (m *model) random() (s step) {
	what := m.rnd.IntN(20)
	switch {
	case what < 7:
		s.came = append(s.came, m.start())
		if !m.held { // one has the lock and one is in line; of two in line nobody would know the order
			s.came = append(s.came, m.start())
		}
	case what < 8:
		if got := m.m.TryLock(); got == m.held {
			m.t.Fatalf("TryLock: %t", got)
		}
		m.held = true
	case what < 10:
		m.cancelOne()
	case what < 13:
		time.Sleep(time.Duration(m.rnd.IntN(16)) * starving / 10)
	case !m.held:
	case what < 16: // let it go, and nothing else
		s.let = true
		m.m.Unlock()
	case what < 17:
		s.let, s.first = true, true
		m.m.Unlock()
		s.snatched = m.m.TryLock()
	case what < 18:
		s.let, s.first = true, true
		m.m.Unlock()
		s.came = append(s.came, m.start())
	case what < 19:
		s.let, s.first = true, true
		m.m.Unlock()
		m.cancelOne()
	default:
		s.let = true
		m.cancelOne()
		m.m.Unlock()
	}
	return s
}

func (m *model) start() *op {
	o := &op{came: time.Now(), got: make(chan verdict, 1)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	lock := func() error {
		m.m.Lock()
		return nil
	}
	if kind := m.rnd.IntN(4); kind > 0 {
		lock = func() error { return m.m.LockContext(o.ctx) }
		if kind == 1 {
			o.ctx, o.cancel = context.WithTimeout(o.ctx, time.Duration(1+m.rnd.IntN(30))*starving/10)
		}
	} else {
		o.ctx = context.Background()
	}
	go func() { // ended by walk, which unlocks until all are gone; the bubble waits for it
		err := lock()
		o.got <- verdict{err, time.Now()}
	}()
	return o
}

// cancelOne ends the context of somebody in the line, most often of the first.
func (m *model) cancelOne() {
	if len(m.line) == 0 {
		return
	}
	o := m.line[0]
	if m.rnd.IntN(2) == 0 {
		o = m.line[m.rnd.IntN(len(m.line))]
	}
	if o.cancel(); o.ctx.Err() != nil { // it is no Lock
		o.ends = time.Now()
	}
}

// settle lets everybody do what they can, and judges what they did.
func (m *model) settle(s step) {
	m.t.Helper()
	synctest.Wait()
	m.m.check(m.t)
	before, now := m.line, time.Now()
	m.line = nil
	holders := 0
	if m.held && !s.let || s.snatched {
		holders++
	}
	// The first in line whom nothing but the lock can have made leave, and whether the lock had to be handed to the line.
	sure := slices.IndexFunc(before, func(o *op) bool { return o.ctx.Err() == nil })
	handed := sure >= 0 && now.Sub(before[sure].came) >= starving
	if s.first && len(before) > 0 && now.Sub(before[0].came) >= starving {
		sure, handed = 0, true
	}
	if s.snatched && handed {
		m.t.Error("it was snatched from a waiter that starves")
	}
	for i, o := range slices.Concat(before, s.came) {
		if o.ctx.Err() != nil && o.ends.IsZero() {
			o.ends, _ = o.ctx.Deadline()
		}
		select {
		case got := <-o.got:
			o.cancel()
			if got.err != nil {
				if o.ctx.Err() == nil || !errors.Is(got.err, o.ctx.Err()) || !got.at.Equal(o.ends) {
					m.t.Errorf("error %v at %v; its ctx: %v at %v", got.err, got.at, o.ctx.Err(), o.ends)
				}
				if s.let && handed && i == sure {
					m.t.Errorf("it was handed the lock and got %v", got.err)
				}
				break
			}
			holders++
			if !got.at.Equal(now) {
				m.t.Errorf("it got the lock at %v, and it is %v", got.at, now)
			}
			if i < len(before) && sure >= 0 && i > sure || i >= len(before) && handed {
				m.t.Errorf("%d of %d in line got the lock; %d was there before and waits; handed over: %t", i, len(before), sure, handed)
			}
		default:
			if !o.ends.IsZero() {
				m.t.Error("its ctx has ended and it waits")
			}
			m.line = append(m.line, o)
		}
	}
	switch {
	case holders > 1:
		m.t.Errorf("%d have the lock", holders)
	case holders == 0 && len(m.line) > 0:
		m.t.Errorf("nobody has the lock, and %d wait", len(m.line))
	case len(m.line) != m.m.parked():
		m.t.Errorf("%d wait, and %d are parked", len(m.line), m.m.parked())
	}
	m.held = holders > 0
	if state := m.m.state.Load(); state&woken != 0 || state&locked != 0 != m.held {
		m.t.Errorf("held: %t, and the state is %s", m.held, stateText(state))
	}
	if m.t.Failed() {
		m.t.FailNow()
	}
}
