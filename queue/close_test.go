package queue

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestGetDrainsAClosedQueue(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](3)
		_ = q.TryPut(1)
		_ = q.TryPut(2)
		q.Close()
		if v, err := q.Get(t.Context()); v != 1 || err != nil {
			t.Error(v, err)
		}
		if v, err := q.TryGet(); v != 2 || err != nil {
			t.Error(v, err)
		}
		if _, err := q.Get(t.Context()); err != ErrClosed {
			t.Error(err)
		}
		if _, err := q.TryGet(); err != ErrClosed {
			t.Error(err)
		}
		if err := q.Put(t.Context(), 3); err != ErrClosed {
			t.Error(err)
		}
		if err := q.TryPut(3); err != ErrClosed {
			t.Error(err)
		}
		q.check(t)
	})
}

func TestClosedWinsOverAnEndedContext(t *testing.T) {
	q := New[int](1)
	_ = q.TryPut(1)
	q.Close()
	if err := q.Put(ended(), 2); err != ErrClosed {
		t.Errorf("Put: %v", err)
	}
	if _, err := q.Get(ended()); err == nil || errors.Is(err, ErrClosed) {
		t.Errorf("Get of a queue that is not drained: %v", err)
	}
	_, _ = q.TryGet()
	if _, err := q.Get(ended()); err != ErrClosed {
		t.Errorf("Get of a drained queue: %v", err)
	}
}

func TestCloseWakesEveryWaiter(t *testing.T) {
	for order, newQueue := range orders {
		t.Run("order="+order, func(t *testing.T) {
			everywhere(t, func(t *testing.T) {
				for _, now := range []bool{false, true} {
					for _, full := range []bool{false, true} {
						q := newQueue(1)
						if full {
							_ = q.TryPut(1)
						}
						errs := make(chan error)
						for range 5 {
							go func() {
								if full {
									errs <- q.Put(t.Context(), 2)
									return
								}
								_, err := q.Get(t.Context())
								errs <- err
							}()
						}
						q.awaitParked(5)
						if !now {
							q.Close()
						} else if left := q.CloseNow(); full != slices.Equal(left, []int{1}) {
							t.Errorf("full: %t, left: %v", full, left)
						}
						for range 5 {
							if err := <-errs; err != ErrClosed {
								t.Error(err)
							}
						}
						q.check(t)
					}
				}
			})
		})
	}
}

func TestCloseTwiceAndFromTenGoroutines(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](20)
		for i := range 20 {
			_ = q.TryPut(i)
		}
		var mu sync.Mutex
		var all []int
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if i%2 == 0 {
					q.Close()
				}
				left := q.CloseNow()
				mu.Lock()
				defer mu.Unlock()
				all = append(all, left...)
			})
		}
		wg.Wait()
		q.Close()
		slices.Sort(all)
		if len(all) != 20 || len(slices.Compact(all)) != 20 {
			t.Errorf("not each of 20 items once: %v", all)
		}
		if left := q.CloseNow(); len(left) != 0 {
			t.Errorf("left of nothing: %v", left)
		}
		q.check(t)
	})
}

func TestErrorsAreOurOwn(t *testing.T) {
	all := []error{ErrFull, ErrEmpty, ErrClosed, errDone}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v and %v", a, b)
			}
		}
	}
}
