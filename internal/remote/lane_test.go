package remote_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
)

// A fake is a worker whose steps a test takes: it begins the calls in the order in which they were sent, and answers.
type fake struct {
	x    *remote.Executor
	lane *remote.Lane

	mu    sync.Mutex // guards the fields below; never held while blocking
	line  []*sent
	ended []uint64 // calls that it was asked to end
	ran   []int    // arguments of the calls that have begun
}

type sent struct {
	id            uint64
	item          *remote.Item
	begun, voided bool
}

func open(x *remote.Executor, place, most int) *fake {
	w := &fake{x: x}
	w.lane = x.NewLane(place, w, most)
	w.lane.Open()
	return w
}

func (w *fake) Send(s *remote.Shipment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = append(w.line, &sent{id: s.ID, item: s.Item})
}

func (w *fake) Withdraw(s *remote.Shipment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range w.line {
		if v.id == s.ID && !v.begun {
			v.voided = true
			return true
		}
	}
	return false
}

func (w *fake) Flush() {}

func (w *fake) End(_ context.Context, s *remote.Shipment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, s.ID)
}

// begin begins the first call, unless it was withdrawn. Nil: there is none.
func (w *fake) begin() *sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.line) == 0 {
		return nil
	}
	s := w.line[0]
	if !s.begun && !s.voided {
		s.begun = true
		w.ran = append(w.ran, *s.item.Call.In().(*int))
	}
	return s
}

// step begins the first call and ends it, or passes it over.
func (w *fake) step(t *testing.T, result error) (more bool) {
	t.Helper()
	s := w.begin()
	if s == nil {
		return false
	}
	w.mu.Lock()
	w.line = w.line[1:]
	w.mu.Unlock()
	it, ok := w.lane.Take(s.id)
	if !ok {
		t.Errorf("call %d is not the first", s.id)
	}
	if (it == nil) != s.voided {
		t.Errorf("call %d, withdrawn %v, is given as %v", s.id, s.voided, it)
	}
	if it != nil {
		*it.Call.Out().(*int) = *it.Call.In().(*int)
		w.x.Settle(it, result)
	}
	return true
}

func (w *fake) answer(t *testing.T) {
	t.Helper()
	if !w.step(t, nil) {
		t.Error("there is no call")
	}
}

var errDied = errors.New("the worker died")

// die is the end of a worker.
func (w *fake) die() {
	for _, it := range w.lane.Close() {
		w.x.Settle(it, errDied)
	}
}

func (w *fake) waiting() (args []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.line {
		if !s.voided {
			args = append(args, *s.item.Call.In().(*int))
		}
	}
	return args
}

func encodeNothing(registry.Call) ([]byte, error) { return nil, nil }

func newExecutor(places int) *remote.Executor {
	return remote.New(remote.Config{
		Places: places, Backlog: -1, Ahead: true, Encode: encodeNothing,
		Worker: func(place int) string { return fmt.Sprint(place) },
	})
}

func submit(t *testing.T, x potok.Executor, from, to int) (all []*potok.Future[int]) {
	for i := from; i < to; i++ {
		all = append(all, number.Submit(t.Context(), x, i))
	}
	return all
}

func want(t *testing.T, what string, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestAnIdleWorkerGetsWhatHasNotBegunElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExecutor(2)
		a := open(x, 0, 0)
		submit(t, x, 0, 5)
		a.begin()
		want(t, "of a", a.waiting(), []int{0, 1})
		b := open(x, 1, 0)
		want(t, "of b, the oldest that has not begun", b.waiting()[:1], []int{1})
		for b.step(t, nil) {
		}
		want(t, "what b ran", slices.Sorted(slices.Values(b.ran)), []int{1, 2, 3, 4})
		if s := x.Stats(); s.Running != 1 || s.Queued != 0 || s.Idle != 1 || s.Succeeded != 4 {
			t.Errorf("%+v", s)
		}
		for a.step(t, nil) {
		}
		want(t, "what a ran", a.ran, []int{0})
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatADeadWorkerHasNotBegunComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExecutor(1)
		a := open(x, 0, 0)
		all := submit(t, x, 0, 4)
		a.begin()
		a.die()
		if _, err := all[0].Result(t.Context()); !errors.Is(err, errDied) {
			t.Errorf("%v", err)
		}
		b := open(x, 0, 0)
		for b.step(t, nil) {
		}
		want(t, "after it", b.ran, []int{1, 2, 3})
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestACallThatWasSentAheadIsCancelledWithoutAQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExecutor(1)
		a := open(x, 0, 0)
		all := submit(t, x, 0, 2)
		a.begin()
		if !all[1].Cancel() || all[1].State() != potok.Cancelled {
			t.Errorf("state %v", all[1].State())
		}
		if !all[0].Cancel() || all[0].State() != potok.Running || !slices.Equal(a.ended, []uint64{1}) {
			t.Errorf("state %v, asked to end %v", all[0].State(), a.ended)
		}
		a.step(t, context.Canceled)
		if all[0].State() != potok.Cancelled {
			t.Errorf("state %v", all[0].State())
		}
		a.step(t, nil)
		want(t, "what ran", a.ran, []int{0})
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestALaneTakesNoMoreCallsThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newExecutor(1)
		a := open(x, 0, 3)
		all := submit(t, x, 0, 5)
		all[1].Cancel() // and does not count
		for a.step(t, nil) {
		}
		want(t, "what ran", a.ran, []int{0, 2, 3})
		a.lane.Stop()
		b := open(x, 0, 0)
		for b.step(t, nil) {
		}
		want(t, "what ran then", b.ran, []int{4})
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Workers come, go and die, calls are cancelled and retried, at random: each call settles once and rightly.
func TestManyLanes(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	for round := range 200 {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(round)))
			manyLanes(t, r)
		})
	}
}

func manyLanes(t *testing.T, r *rand.Rand) {
	const places = 3
	x := newExecutor(places)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	retried := number.With(potok.Retry(3, time.Second, time.Second))
	workers := make([]*fake, places)
	var all []*potok.Future[int]
	began := make(map[int]int)
	gone := func(w *fake) {
		for _, n := range w.ran {
			began[n]++
		}
	}
	for range 300 {
		i := r.IntN(places)
		w := workers[i]
		switch k := r.IntN(20); {
		case w == nil:
			workers[i] = open(x, i, r.IntN(2)*r.IntN(20))
		case k < 6:
			task, under := number, t.Context()
			if r.IntN(4) == 0 {
				task = retried
			}
			if r.IntN(4) == 0 {
				under = ctx
			}
			all = append(all, task.Submit(under, x, len(all)))
		case k < 14:
			var err error
			if r.IntN(5) == 0 {
				err = errors.New("failed")
			}
			w.step(t, err)
		case k == 14:
			w.begin()
		case k == 15 && len(all) > 0:
			all[r.IntN(len(all))].Cancel()
		case k == 16:
			w.die()
			gone(w)
			workers[i] = nil
		case k == 17:
			w.lane.Stop()
			for w.step(t, nil) {
			}
			gone(w)
			workers[i] = nil
		case k == 18 && r.IntN(10) == 0:
			cancel()
		case k == 19:
			time.Sleep(time.Second)
		}
		synctest.Wait()
	}
	for i, w := range workers {
		if w == nil {
			workers[i] = open(x, i, 0)
		} else {
			w.lane.Stop()
			for w.step(t, nil) {
			}
			gone(w)
			workers[i] = open(x, i, 0)
		}
	}
	for range 10 { // attempts
		time.Sleep(10 * time.Second)
		for _, w := range workers {
			for synctest.Wait(); w.step(t, nil); synctest.Wait() {
			}
		}
	}
	for _, w := range workers {
		gone(w)
	}
	for i, f := range all {
		v, err := f.Result(t.Context())
		if f.State() == potok.Succeeded && (v != i || began[i] == 0) {
			t.Errorf("call %d: %d, it began %d times", i, v, began[i])
		}
		if f.State() == potok.Failed && began[i] == 0 {
			t.Errorf("call %d failed without a start: %v", i, err)
		}
	}
	if s := x.Stats(); s.Queued != 0 || s.Running != 0 || s.Waiting != 0 || s.Idle != places {
		t.Errorf("%+v", s)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}
