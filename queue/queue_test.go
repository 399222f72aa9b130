package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"
)

func TestItemsLeaveInTheOrderOfTheDiscipline(t *testing.T) {
	put := []int{3001, 1002, 3003, 2004, 1005, 1006}
	want := map[string][]int{
		"fifo":     {3001, 1002, 3003, 2004, 1005, 1006},
		"lifo":     {1006, 1005, 2004, 3003, 1002, 3001},
		"priority": {1002, 1005, 1006, 2004, 3001, 3003},
	}
	for order, newQueue := range orders {
		t.Run("order="+order, func(t *testing.T) {
			everywhere(t, func(t *testing.T) {
				for _, how := range []string{"Get", "All", "CloseNow"} {
					q := newQueue(len(put))
					for _, v := range put {
						if err := q.Put(t.Context(), v); err != nil {
							t.Fatal(err)
						}
					}
					var got []int
					switch how {
					case "Get":
						for range put {
							v, _ := q.Get(t.Context())
							got = append(got, v)
						}
					case "All":
						q.Close()
						got = slices.Collect(q.All(t.Context()))
					case "CloseNow":
						got = q.CloseNow()
					}
					q.check(t)
					if !slices.Equal(got, want[order]) {
						t.Errorf("%s: %v, want %v", how, got, want[order])
					}
				}
			})
		})
	}
}

func TestCapacityIsExact(t *testing.T) {
	for order, newQueue := range orders {
		for _, capacity := range []int{1, 2, 3, 7, 8, 100} {
			t.Run(fmt.Sprintf("order=%s/cap=%d", order, capacity), func(t *testing.T) {
				q := newQueue(capacity)
				for range 3 { // the second and third time around the ring
					for i := range capacity {
						if err := q.TryPut(i); err != nil {
							t.Fatalf("item %d: %v", i, err)
						}
						q.check(t)
					}
					if err := q.TryPut(0); err != ErrFull || q.Len() != capacity || q.Cap() != capacity {
						t.Fatalf("one over: %v, Len %d, Cap %d", err, q.Len(), q.Cap())
					}
					for range capacity {
						if _, err := q.TryGet(); err != nil {
							t.Fatal(err)
						}
						q.check(t)
					}
					if _, err := q.TryGet(); err != ErrEmpty || q.Len() != 0 {
						t.Fatalf("one less than none: %v, Len %d", err, q.Len())
					}
				}
			})
		}
	}
}

// As many workers as there is room for each put one and then take one: so there is always room for the one, and always
// an item for the other.
func TestTryPutAndTryGetNeverFailWhereTheyNeedNot(t *testing.T) {
	for order, newQueue := range orders {
		for _, workers := range []int{1, 2, 3, 8} {
			t.Run(fmt.Sprintf("order=%s/workers=%d", order, workers), func(t *testing.T) {
				everywhere(t, func(t *testing.T) {
					q := newQueue(workers)
					var wg sync.WaitGroup
					for range workers {
						wg.Go(func() {
							for i := range 500 {
								if err := q.TryPut(i); err != nil {
									t.Errorf("TryPut with room: %v", err)
								}
								if _, err := q.TryGet(); err != nil {
									t.Errorf("TryGet with an item: %v", err)
								}
							}
						})
					}
					wg.Wait()
					q.check(t)
				})
			})
		}
	}
}

func TestWrongArgumentsPanic(t *testing.T) {
	for name, c := range map[string]struct {
		call func()
		want string
	}{
		"New":         {func() { New[int](0) }, "potok/queue: capacity 0 is less than 1"},
		"NewLIFO":     {func() { NewLIFO[int](-1) }, "potok/queue: capacity -1 is less than 1"},
		"NewPriority": {func() { NewPriority(0, byThousands) }, "potok/queue: capacity 0 is less than 1"},
		"nil less":    {func() { NewPriority[int](1, nil) }, "potok/queue: NewPriority with a nil less"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panicked with %v, want %q", got, c.want)
				}
			}()
			c.call()
		})
	}
}

func TestPutWaitsForRoomAndGetForAnItem(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](1)
		got := make(chan int)
		go func() {
			v, _ := q.Get(t.Context())
			got <- v
		}()
		q.awaitParked(1)
		if err := q.Put(t.Context(), 1); err != nil || <-got != 1 {
			t.Fatal("the parked getter was not served", err)
		}

		_ = q.Put(t.Context(), 2)
		put := make(chan error)
		go func() { put <- q.Put(t.Context(), 3) }()
		q.awaitParked(1)
		if v, err := q.Get(t.Context()); v != 2 || err != nil {
			t.Fatal(v, err)
		}
		if err := <-put; err != nil {
			t.Fatal(err)
		}
		if v, err := q.Get(t.Context()); v != 3 || err != nil {
			t.Fatal(v, err)
		}
		q.check(t)
	})
}

func TestAnEndedContextDoesNothing(t *testing.T) {
	why := errors.New("why")
	caused, cancelCaused := context.WithCancelCause(t.Context())
	cancelCaused(why)
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	same, cancelSame := context.WithCancelCause(t.Context())
	cancelSame(fmt.Errorf("wrapped: %w", context.Canceled))
	for name, c := range map[string]struct {
		ctx  context.Context
		want []error
		text string
	}{
		"cancelled": {ended(), []error{context.Canceled}, "context canceled"},
		"cause":     {caused, []error{context.Canceled, why}, "context canceled: why"},
		"deadline":  {late, []error{context.DeadlineExceeded}, "context deadline exceeded"},
		"same":      {same, []error{context.Canceled, context.Cause(same)}, "wrapped: context canceled"},
		"hand-made": {handMade{t.Context()}, []error{context.Canceled}, "context canceled"},
	} {
		t.Run("ctx="+name, func(t *testing.T) {
			q := New[int](2)
			_ = q.TryPut(1)
			match := func(err error) {
				t.Helper()
				for _, want := range c.want {
					if !errors.Is(err, want) {
						t.Errorf("%v does not match %v", err, want)
					}
				}
				if err.Error() != c.text {
					t.Errorf("text %q, want %q", err, c.text)
				}
			}
			match(q.Put(c.ctx, 2))
			v, err := q.Get(c.ctx)
			match(err)
			match(q.Join(c.ctx))
			for range q.All(c.ctx) {
				t.Error("All yielded under an ended ctx")
			}
			if q.Len() != 1 || v != 0 {
				t.Errorf("Len %d, got %d: something was done", q.Len(), v)
			}
			q.check(t)
		})
	}
}

// handMade ended by itself, so that context.Cause knows nothing of it.
type handMade struct{ context.Context }

func (handMade) Err() error            { return context.Canceled }
func (handMade) Done() <-chan struct{} { return ended().Done() }

func TestAContextThatEndsWakesTheWaiter(t *testing.T) {
	for order, newQueue := range orders {
		t.Run("order="+order, func(t *testing.T) {
			everywhere(t, func(t *testing.T) {
				q, why := newQueue(1), errors.New("why")
				for _, full := range []bool{false, true} {
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					errs := make(chan error)
					for range 3 {
						go func() {
							if full {
								errs <- q.Put(ctx, 2)
								return
							}
							_, err := q.Get(ctx)
							errs <- err
						}()
					}
					q.awaitParked(3)
					q.check(t)
					cancel(why)
					for range 3 {
						if err := <-errs; !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
							t.Error(err)
						}
					}
					q.check(t)
					_ = q.TryPut(1)
				}
				if v, err := q.TryGet(); v != 1 || err != nil || q.Len() != 0 {
					t.Errorf("%d, %v, %d left: a put that failed stored its item", v, err, q.Len())
				}
			})
		})
	}
}

// The ctx of a waiter ends and in the same moment comes what it waits for. On one processor the waiter wakes after both.
func TestAWaiterServedAsItsContextEndsKeepsWhatItGot(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for range 100 {
			q := New[int](1)
			errs := make(chan error)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, err := q.Get(ctx)
				errs <- err
			}()
			q.awaitParked(1)
			cancel()
			_ = q.TryPut(1)
			if err := <-errs; (err == nil) != (q.Len() == 0) {
				t.Fatalf("Get: %v, and the queue holds %d", err, q.Len())
			}

			q = New[int](1)
			_ = q.TryPut(1)
			ctx, cancel = context.WithCancel(t.Context())
			go func() { errs <- q.Put(ctx, 2) }()
			q.awaitParked(1)
			cancel()
			_, _ = q.TryGet()
			if err := <-errs; (err == nil) != (q.Len() == 1) {
				t.Fatalf("Put: %v, and the queue holds %d", err, q.Len())
			}
			q.check(t)
		}
	})
}

func TestAWaitLastsToTheMomentOfTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := New[int](1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		if _, err := q.Get(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestAllEndsInSilenceAndMayBeLeft(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](8)
		for i := range 6 {
			_ = q.TryPut(i)
		}
		seq := q.All(t.Context())
		for v := range seq {
			if v == 1 {
				break
			}
		}
		if q.Len() != 4 {
			t.Errorf("%d items left after two were taken of six", q.Len())
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n := 0
		for range q.All(ctx) {
			n++
			cancel()
		}
		if n != 1 {
			t.Errorf("%d items under a ctx that ended with the first", n)
		}
		q.Close()
		if rest := slices.Collect(seq); !slices.Equal(rest, []int{3, 4, 5}) {
			t.Errorf("the rest is %v", rest)
		}
		if rest := slices.Collect(seq); rest != nil {
			t.Errorf("after the end came %v", rest)
		}
		for range 6 { // All took them and said nothing of Done
			if err := q.Done(); err != nil {
				t.Error(err)
			}
		}
		q.check(t)
	})
}

func TestAPanicInTheLoopOverAllLeavesTheQueueUsable(t *testing.T) {
	q := New[int](2)
	_ = q.TryPut(1)
	func() {
		defer func() { _ = recover() }()
		for range q.All(t.Context()) {
			panic("loop")
		}
	}()
	q.check(t)
	if err := q.Put(t.Context(), 2); err != nil {
		t.Error(err)
	}
}

func TestNothingTakenOutIsKeptAlive(t *testing.T) {
	type big struct{ _ [64]*int }
	for order, newQueue := range map[string]func() *Queue[*big]{
		"fifo":     func() *Queue[*big] { return New[*big](4) },
		"lifo":     func() *Queue[*big] { return NewLIFO[*big](4) },
		"priority": func() *Queue[*big] { return NewPriority(4, func(a, b *big) bool { return false }) },
	} {
		t.Run("order="+order, func(t *testing.T) {
			q := newQueue()
			var seen []weak.Pointer[big]
			put := func() {
				v := new(big)
				seen = append(seen, weak.Make(v))
				_ = q.TryPut(v)
			}
			for range 4 {
				put()
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				v := new(big)
				seen = append(seen, weak.Make(v))
				_ = q.Put(ctx, v)
			})
			q.awaitParked(1)
			cancel() // a waiter that leaves takes its item with it
			wg.Wait()
			alive := func() (n int) {
				runtime.GC()
				for _, p := range seen {
					if p.Value() != nil {
						n++
					}
				}
				return n
			}
			for left := 3; left >= 0; left-- {
				_, _ = q.TryGet()
				if n := alive(); n != left {
					t.Errorf("%d items are reachable, %d are in the queue", n, left)
				}
			}
			runtime.KeepAlive(q)
		})
	}
}
