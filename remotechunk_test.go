package potok_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// byHand is an executor whose chunks a test drives.
type byHand struct {
	*far
	given chan registry.Chunk
	in    *input
	calls int
}

// newByHand returns one that accepts the second chunk when all of the input is pulled: so of 12 items that are to come in
// one chunk at least 6 do.
func newByHand(t *testing.T) *byHand {
	x := &byHand{far: newFar(t, 0, 0), given: make(chan registry.Chunk, 20), in: naturals(12)}
	x.host.Ended = nil // it does not note what has begun
	return x
}

func (x *byHand) Dispatch(calls registry.Batch) {
	for x.calls++; x.calls == 2 && !x.in.ended(); {
		runtime.Gosched()
	}
	it := &ticket{call: calls.At(0)}
	if it.call.Accept(&x.host, it) {
		x.given <- it.call.(registry.Chunk)
	}
}

// drive runs test with the first chunk that has at least so many items, and the others in full, until given is closed.
func drive(x *byHand, items int, test func(k registry.Chunk)) {
	tested := false
	for k := range x.given {
		if !tested && k.Items() >= items {
			tested = true
			test(k)
			continue
		}
		if _, ok := k.Began(); !ok {
			continue
		}
		copy(*k.Results(0, k.Items()).(*[]int), *k.In().(*[]int))
		k.Done(k.Items())
		k.Settle(nil)
	}
}

func TestAChunkThatSettlesWithAnErrorFailsTheItemsThatAreNotDone(t *testing.T) {
	worlds(t, func(t *testing.T) {
		x := newByHand(t)
		next := make(chan struct{})
		var views [][]int
		defer close(x.given)
		var first, end atomic.Int64 // of the items of that chunk
		go drive(x, 5, func(k registry.Chunk) {
			in := *k.In().(*[]int)
			end.Store(int64(in[0] + len(in)))
			first.Store(int64(in[0]))
			ctx, ok := k.Start("worker")
			if !ok || ctx.Err() != nil || k.Out() != nil || k.Chunk() != 20 || !k.Plain() || k.Requeue() || k.Refuse(errTest) {
				t.Error("it has not begun")
			}
			if _, again := k.Began(); again {
				t.Error("it begins twice")
			}
			view := *k.Results(0, 3).(*[]int)
			view[0], view[1], view[2] = -7, -7, -7
			view = *k.Results(0, 3).(*[]int)
			if !slices.Equal(view, []int{0, 0, 0}) {
				t.Errorf("results %v before there are any", view)
			}
			copy(view, in)
			views = append(views, view)
			k.Fail(1, errItem)
			k.Fail(2, errItem) // will not be done
			k.Done(2)
			<-next // both are taken
			if delay, again := k.Settle(errDied); delay != 0 || again {
				t.Error("it wants to run again")
			}
			if k.Cancel(errTest) {
				t.Error("it is cancelled although it has settled")
			}
		})
		i := 0
		for v, err := range doubleTask.Map(t.Context(), x, x.in.all, potok.Lookahead(20), potok.Chunk(20)) {
			bad, want, wantErr := int(first.Load()), i, error(nil)
			if bad > 0 {
				switch {
				case i == bad+1:
					wantErr = errItem
					close(next)
				case i > bad+1 && i < int(end.Load()):
					want, wantErr = 0, errDied
				}
			}
			if v != want || err != wantErr {
				t.Errorf("item %d is %d, %v", i, v, err)
			}
			i++
		}
		bad := int(first.Load())
		for _, view := range views {
			if !slices.Equal(view, []int{0, 0, 0}) && !slices.Equal(view, []int{0, 0, bad + 2}) {
				t.Errorf("results are kept: %v", view)
			}
		}
		if s := x.Stats(); i != 12 || int(s.Failed) != int(end.Load())-bad-1 {
			t.Errorf("%d items, chunk from %d to %d, %+v", i, bad, end.Load(), s)
		}
		if err := x.check(12); err != nil {
			t.Error(err)
		}
	})
}

func TestAChunkIsRefusedOrCancelledAsAWholeAndSplitsAfterwardsAreToo(t *testing.T) {
	worlds(t, func(t *testing.T) {
		for name, end := range map[string]func(k registry.Chunk) bool{
			"Refuse": func(k registry.Chunk) bool { return k.Refuse(errTest) },
			"Cancel": func(k registry.Chunk) bool { return k.Cancel(errTest) && k.Cancel(errDied) },
			"Expire": func(k registry.Chunk) bool {
				return k.Expiring().Unstarted() && k.Expiring().Expire(errTest) == nil
			},
		} {
			x := newByHand(t)
			defer close(x.given)
			told := &ticket{}
			go drive(x, 5, func(k registry.Chunk) {
				if !end(k) {
					t.Errorf("%s: it is not queued", name)
				}
				told.call = k.Split(2, told)
				for _, c := range []registry.Call{k, told.call} {
					if _, ok := c.Began(); ok || c.Expiring().Unstarted() {
						t.Errorf("%s: it begins", name)
					}
				}
			})
			good, bad := 0, 0
			for _, err := range doubleTask.Map(t.Context(), x, x.in.all, potok.Lookahead(20), potok.Chunk(20)) {
				if err == nil {
					good++
				} else if wantErrors(t, err, errTest); errors.Is(err, potok.ErrCancelled) == (name != "Refuse") {
					bad++
				}
			}
			if good+bad != 12 || bad < 5 {
				t.Errorf("%s: %d good, %d bad", name, good, bad)
			}
			if err := x.check(12); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			eventually(t, name, func() bool {
				x.mu.Lock()
				defer x.mu.Unlock()
				return told.told == 1
			})
		}
	})
}

func TestWhatIsSplitFromARunningChunkIsCancelledWhenContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		x := newByHand(t)
		defer close(x.given)
		var from, end atomic.Int64
		go drive(x, 4, func(k registry.Chunk) {
			in := *k.In().(*[]int)
			from.Store(int64(in[0]))
			end.Store(int64(in[0] + len(in)))
			own, ok := k.Began()
			rest := &ticket{}
			rest.call = k.Split(2, rest)
			if n := k.Items() + rest.call.(registry.Chunk).Items(); n != len(in) || !ok {
				t.Errorf("%d items of %d", n, len(in))
			}
			cancel()
			<-own.Done()
			synctest.Wait()
			x.mu.Lock()
			told := rest.told
			x.mu.Unlock()
			if _, ok := rest.call.Began(); ok || told != 1 {
				t.Errorf("it begins, told %d times", told)
			}
			copy(*k.Results(0, 2).(*[]int), in)
			k.Done(2)
			k.Settle(nil)
		})
		i := 0
		for _, err := range doubleTask.Map(ctx, x, x.in.all, potok.Lookahead(20), potok.Chunk(20)) {
			if lost := i >= int(from.Load())+2; from.Load() > 0 && lost != (err != nil) {
				t.Errorf("item %d: %v", i, err)
			}
			i++
		}
		if i != 12 {
			t.Errorf("%d pairs", i)
		}
	})
}
