package remote_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/remote"
)

// A crowd is workers behind one Carrier whose steps a test takes.
type crowd struct {
	x     *remote.Executor
	group *remote.Group

	mu        sync.Mutex // guards the fields below; never held while blocking
	out       []*remote.Shipment
	withdrawn []*remote.Shipment
	ended     []*remote.Shipment
}

func newCrowd(c remote.Config, window, places int) *crowd {
	c.Encode = encodeNothing
	w := &crowd{x: remote.New(c)}
	w.group = w.x.NewGroup(w, window)
	w.group.SetPlaces(places)
	return w
}

func (w *crowd) Send(s *remote.Shipment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out = append(w.out, s)
}

func (w *crowd) Withdraw(s *remote.Shipment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.withdrawn = append(w.withdrawn, s)
	w.out = slices.DeleteFunc(w.out, func(other *remote.Shipment) bool { return other == s })
	return true
}

func (w *crowd) Flush() {}

func (w *crowd) End(_ context.Context, s *remote.Shipment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, s)
}

func (w *crowd) at(i int) *remote.Shipment {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i >= len(w.out) {
		return nil
	}
	return w.out[i]
}

func (w *crowd) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.out)
}

func (w *crowd) answer(s *remote.Shipment, err error) {
	w.mu.Lock()
	w.out = slices.DeleteFunc(w.out, func(other *remote.Shipment) bool { return other == s })
	w.mu.Unlock()
	w.group.Answer(s, "w", func(it *remote.Item) error {
		if err == nil {
			*it.Call.Out().(*int) = *it.Call.In().(*int)
		}
		return err
	})
}

func plainConfig() remote.Config { return remote.Config{Backlog: -1} }

func TestCallsOfAGroupBeginAndEndInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowd(plainConfig(), 100, 2)
		all := submit(t, w.x, 0, 4)
		third, first := w.at(2), w.at(0)
		w.group.Began(third, "w")
		w.group.Began(third, "w") // what is told twice counts once
		if all[2].State() != potok.Running || all[0].State() != potok.Pending {
			t.Errorf("%v, %v", all[2], all[0])
		}
		if s := w.x.Stats(); s.Workers != 2 || s.Idle != 1 || s.Running != 1 || s.Queued != 3 {
			t.Errorf("%+v", s)
		}
		w.answer(first, nil) // nobody has said that it began
		w.answer(third, nil)
		w.group.Began(third, "w") // too late
		w.group.Answer(third, "w", func(*remote.Item) error { t.Error("stored twice"); return nil })
		for _, i := range []int{0, 2} {
			if v, err := all[i].Result(t.Context()); v != i || err != nil {
				t.Errorf("%d: %v, %v", i, v, err)
			}
		}
		if err := w.x.Close(); err != nil || len(w.withdrawn) != 2 {
			t.Errorf("%v, %d withdrawn", err, len(w.withdrawn))
		}
	})
}

func TestAGroupHasAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowd(plainConfig(), 3, 1)
		all := submit(t, w.x, 0, 5)
		if w.size() != 3 {
			t.Errorf("%d are out", w.size())
		}
		all[0].Cancel()
		w.answer(w.at(0), nil)
		if w.size() != 3 {
			t.Errorf("%d are out", w.size())
		}
		for s := w.at(0); s != nil; s = w.at(0) {
			w.answer(s, nil)
		}
		if err := w.x.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if s := w.x.Stats(); s.Succeeded != 4 || s.Cancelled != 1 {
			t.Errorf("%+v", s)
		}
		if err := w.x.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatAGroupGivesBackOrRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCrowd(plainConfig(), 2, 1)
		all := submit(t, w.x, 0, 4)
		first, second := w.at(0), w.at(1)
		w.mu.Lock()
		w.out = nil
		w.mu.Unlock()
		w.group.Began(first, "w")
		w.group.GiveBack(first)
		if s := w.at(0); s == nil || s.Item != first.Item {
			t.Error("what is given back is not sent first")
		}
		w.group.Refuse(second, errDied)
		if _, err := all[1].Result(t.Context()); !errors.Is(err, errDied) {
			t.Errorf("%v", err)
		}
		for s := w.at(0); s != nil; s = w.at(0) {
			w.answer(s, nil)
		}
		if v, err := all[0].Result(t.Context()); v != 0 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
		if err := w.x.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An answer that comes while the call is being started, which an observer holds up, waits for it.
func TestAnAnswerWaitsForTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := plainConfig()
		c.Observer = potok.Observer{Started: func(ctx context.Context, _ potok.Event) context.Context {
			time.Sleep(time.Hour)
			return ctx
		}}
		w := newCrowd(c, 10, 1)
		f := submit(t, w.x, 7, 8)[0]
		begun := time.Now()
		w.group.Began(w.at(0), "w")
		synctest.Wait()
		w.answer(w.at(0), nil)
		if v, err := f.Result(t.Context()); v != 7 || err != nil || time.Since(begun) != time.Hour {
			t.Errorf("%v, %v after %v", v, err, time.Since(begun))
		}
		if err := w.x.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever happens in whatever order, each future settles once and as it was told, and nothing is left.
func TestGroupModel(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { randomGroup(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func randomGroup(t *testing.T, r *rand.Rand) {
	c := plainConfig()
	if r.IntN(3) == 0 {
		c.Observer = potok.Observer{}
	}
	w := newCrowd(c, 1+r.IntN(6), r.IntN(3))
	var all []*potok.Future[int]
	task := number
	if r.IntN(2) == 0 {
		task = number.With(potok.Retry(3, time.Second, time.Minute))
	}
	for range 60 {
		s := w.at(r.IntN(8))
		switch r.IntN(8) {
		case 0, 1:
			all = append(all, task.Submit(t.Context(), w.x, len(all)))
		case 2:
			if len(all) > 0 {
				all[r.IntN(len(all))].Cancel()
			}
		case 3:
			w.group.SetPlaces(r.IntN(4))
		case 4:
			time.Sleep(time.Duration(r.IntN(int(time.Minute))))
		case 5:
			if s != nil {
				w.group.Began(s, "w")
			}
		case 6:
			if s != nil && r.IntN(3) == 0 {
				w.mu.Lock()
				w.out = slices.DeleteFunc(w.out, func(other *remote.Shipment) bool { return other == s })
				w.mu.Unlock()
				w.group.GiveBack(s)
			}
		case 7:
			if s != nil {
				w.answer(s, nil)
			}
		}
		if r.IntN(2) == 0 {
			synctest.Wait()
		}
	}
	if r.IntN(2) == 0 {
		for synctest.Wait(); w.size() > 0; synctest.Wait() {
			w.answer(w.at(0), nil)
		}
		if err := w.x.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	closed := make(chan struct{})
	go func() { defer close(closed); w.x.Close() }()
	for synctest.Wait(); w.size() > 0; synctest.Wait() { // what runs is waited for
		w.answer(w.at(0), errDied)
	}
	<-closed
	for i, f := range all {
		v, err := f.Result(t.Context())
		switch f.State() {
		case potok.Succeeded:
			if v != i {
				t.Errorf("call %d: %d", i, v)
			}
		case potok.Cancelled:
			if !errors.Is(err, potok.ErrCancelled) {
				t.Errorf("call %d: %v", i, err)
			}
		case potok.Failed:
			if !errors.Is(err, errDied) {
				t.Errorf("call %d: %v", i, err)
			}
		default:
			t.Errorf("call %d: %v", i, f)
		}
	}
	if s := w.x.Stats(); s.Queued != 0 || s.Running != 0 || s.Waiting != 0 || int(s.Succeeded+s.Failed+s.Cancelled) != len(all) {
		t.Errorf("%d calls: %+v", len(all), s)
	}
}
