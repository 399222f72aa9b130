package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// model is the queue as one would explain it: a slice, a flag, and two lines of people.
type model struct {
	order    string
	capacity int
	items    []int
	owed     int
	closed   bool
	putters  []*op
	getters  []*op
	joiners  []*op
}

// op is one Put, Get or Join: started on a goroutine of its own, and what the model says becomes of it.
type op struct {
	item   int
	cancel context.CancelFunc
	got    chan outcome // from the queue
	want   *outcome     // from the model; nil while it waits
}

type outcome struct {
	item int
	err  error
}

func (m *model) put(o *op) {
	switch {
	case m.closed:
		o.want = &outcome{err: ErrClosed}
	case len(m.getters) > 0:
		m.owed++
		m.getters[0].want = &outcome{item: o.item}
		m.getters = m.getters[1:]
		o.want = &outcome{}
	case len(m.items) < m.capacity:
		m.owed++
		m.items = append(m.items, o.item)
		o.want = &outcome{}
	default:
		m.putters = append(m.putters, o)
	}
}

func (m *model) get(o *op) {
	switch {
	case len(m.items) > 0:
		o.want = &outcome{item: m.next()}
		if len(m.putters) > 0 {
			w := m.putters[0]
			m.putters = m.putters[1:]
			m.put(w)
		}
	case m.closed:
		o.want = &outcome{err: ErrClosed}
	default:
		m.getters = append(m.getters, o)
	}
}

// next takes the item that leaves next.
func (m *model) next() int {
	i := 0
	switch m.order {
	case "lifo":
		i = len(m.items) - 1
	case "priority":
		for j := range m.items {
			if byThousands(m.items[j], m.items[i]) {
				i = j
			}
		}
	}
	v := m.items[i]
	m.items = slices.Delete(m.items, i, i+1)
	return v
}

func (m *model) done() bool {
	if m.owed == len(m.items) {
		return false
	}
	m.owed--
	m.settle()
	return true
}

func (m *model) settle() {
	if m.owed == 0 {
		for _, o := range m.joiners {
			o.want = &outcome{}
		}
		m.joiners = nil
	}
}

func (m *model) close() {
	m.closed = true
	for _, o := range append(m.putters, m.getters...) {
		o.want = &outcome{err: ErrClosed}
	}
	m.putters, m.getters = nil, nil
}

func (m *model) closeNow() []int {
	m.close()
	var left []int
	for len(m.items) > 0 {
		left = append(left, m.next())
		m.owed--
	}
	m.settle()
	return left
}

func TestQueueDoesWhatTheModelDoes(t *testing.T) {
	for order, newQueue := range orders {
		for _, capacity := range []int{1, 2, 3, 7} {
			for seed := range uint64(2) {
				t.Run(fmt.Sprintf("order=%s/cap=%d/seed=%d", order, capacity, seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						rnd := rand.New(rand.NewPCG(seed, uint64(capacity)))
						for range 20 {
							walk(t, rnd, newQueue(capacity), &model{order: order, capacity: capacity})
						}
					})
				})
			}
		}
	}
}

// walk does random operations on q and m until both are closed and everyone is gone.
func walk(t *testing.T, rnd *rand.Rand, q *Queue[int], m *model) {
	var waiting []*op
	start := func(item int, do func(ctx context.Context) (int, error)) *op {
		ctx, cancel := context.WithCancel(t.Context())
		o := &op{item: item, cancel: cancel, got: make(chan outcome, 1)}
		go func() { // ended by the queue's Close, or by cancel; the bubble waits for it
			v, err := do(ctx)
			o.got <- outcome{v, err}
		}()
		waiting = append(waiting, o)
		return o
	}
	const steps = 120
	for step := range steps {
		item := 1000*rnd.IntN(12) + step // unique, and of one in twelve priorities
		what := rnd.IntN(20)
		if step == steps-1 {
			what = 19 // close, so that all ends
		}
		switch {
		case what < 5:
			m.put(start(item, func(ctx context.Context) (int, error) { return 0, q.Put(ctx, item) }))
		case what < 10:
			m.get(start(0, q.Get))
		case what < 11:
			o := &op{item: item}
			if m.put(o); o.want == nil {
				m.putters = m.putters[:len(m.putters)-1]
				o.want = &outcome{err: ErrFull}
			}
			if err := q.TryPut(item); err != o.want.err {
				t.Fatalf("TryPut: %v, want %v", err, o.want.err)
			}
		case what < 12:
			o := &op{}
			if m.get(o); o.want == nil {
				m.getters = m.getters[:len(m.getters)-1]
				o.want = &outcome{err: ErrEmpty}
			}
			if v, err := q.TryGet(); v != o.want.item || err != o.want.err {
				t.Fatalf("TryGet: %d, %v, want %+v", v, err, *o.want)
			}
		case what < 14:
			if ok := m.done(); (q.Done() == nil) != ok {
				t.Fatalf("Done is nil: %t, want %t", !ok, ok)
			}
		case what < 15:
			o := start(0, func(ctx context.Context) (int, error) { return 0, q.Join(ctx) })
			m.joiners = append(m.joiners, o)
			m.settle()
		case what < 18:
			if len(waiting) == 0 {
				break
			}
			o := waiting[rnd.IntN(len(waiting))]
			o.cancel()
			gone := func(l []*op) []*op { return slices.DeleteFunc(l, func(x *op) bool { return x == o }) }
			m.putters, m.getters, m.joiners = gone(m.putters), gone(m.getters), gone(m.joiners)
			o.want = &outcome{err: context.Canceled}
		case step < steps/2 || what < 19:
		case step == steps-1 && m.owed > 0 && len(m.joiners) > 0 || rnd.IntN(2) == 0:
			if left, want := q.CloseNow(), m.closeNow(); !slices.Equal(left, want) {
				t.Fatalf("CloseNow: %v, want %v", left, want)
			}
		default:
			q.Close()
			m.close()
		}

		synctest.Wait()
		q.check(t)
		if q.Len() != len(m.items) {
			t.Fatalf("Len: %d, want %d", q.Len(), len(m.items))
		}
		waiting = slices.DeleteFunc(waiting, func(o *op) bool { return compare(t, o) })
	}
	for _, o := range waiting { // joiners of what nobody will finish
		o.cancel()
	}
	synctest.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// compare says whether o is over, in the queue and in the model alike.
func compare(t *testing.T, o *op) bool {
	t.Helper()
	select {
	case got := <-o.got:
		if o.want == nil {
			t.Fatalf("got %+v, want it to wait", got)
		}
		if got.item != o.want.item || !errors.Is(got.err, o.want.err) {
			t.Fatalf("got %+v, want %+v", got, *o.want)
		}
		o.cancel()
		return true
	default:
		if o.want != nil {
			t.Fatalf("waits, want %+v", *o.want)
		}
		return false
	}
}
