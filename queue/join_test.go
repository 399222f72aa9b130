package queue

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
)

func TestDoneOnceTooOftenIsAnError(t *testing.T) {
	q := New[int](2)
	if q.Done() == nil {
		t.Error("Done of nothing")
	}
	_ = q.TryPut(1)
	_ = q.TryPut(2)
	if q.Done() == nil {
		t.Error("Done of an item that nobody got")
	}
	_, _ = q.TryGet()
	if err := q.Done(); err != nil {
		t.Error(err)
	}
	if q.Done() == nil {
		t.Error("Done twice for one item")
	}
	q.check(t)
	q.CloseNow()
	if q.Done() == nil {
		t.Error("Done for an item that CloseNow returned")
	}
	q.check(t)
}

func TestJoinWithNothingOwedIgnoresTheContext(t *testing.T) {
	q := New[int](1)
	if err := q.Join(ended()); err != nil {
		t.Error(err)
	}
	_ = q.TryPut(1)
	if err := q.Join(ended()); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	q.CloseNow()
	if err := q.Join(ended()); err != nil {
		t.Error(err)
	}
}

func TestJoinWaitsUntilTheLastItemIsDone(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		for _, last := range []func(q *Queue[int]){
			func(q *Queue[int]) { _ = q.Done() },
			func(q *Queue[int]) { q.Close(); _ = q.Done() },
		} {
			q := New[int](2)
			_ = q.TryPut(1)
			_ = q.TryPut(2)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if err := q.Join(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			ctx, cancel := context.WithCancel(t.Context())
			gaveUp := make(chan error)
			go func() { gaveUp <- q.Join(ctx) }()
			awaitJoin(q)
			cancel()
			if err := <-gaveUp; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			_, _ = q.TryGet()
			_ = q.Done()
			_, _ = q.TryGet()
			if q.owing() == nil {
				t.Error("nothing is owed while an item is in work")
			}
			last(q)
			wg.Wait()
			q.check(t)
		}
	})
}

func TestJoinReturnsThoughMoreIsPutRightAfterTheLastDone(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](1)
		_ = q.TryPut(1)
		_, _ = q.TryGet()
		joined := make(chan error)
		go func() { joined <- q.Join(t.Context()) }()
		awaitJoin(q)
		_ = q.Done()
		_ = q.TryPut(2)
		if err := <-joined; err != nil {
			t.Error(err)
		}
		q.check(t)
	})
}

func TestCloseNowFinishesWhatItReturns(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := New[int](3)
		for i := range 3 {
			_ = q.TryPut(i)
		}
		_, _ = q.TryGet()
		joined := make(chan error)
		go func() { joined <- q.Join(t.Context()) }()
		awaitJoin(q)
		if left := q.CloseNow(); len(left) != 2 {
			t.Error(left)
		}
		if q.owing() == nil {
			t.Error("the item in work is not owed any more")
		}
		_ = q.Done()
		if err := <-joined; err != nil {
			t.Error(err)
		}
		q.check(t)
	})
}

// awaitJoin waits until somebody has found something owed.
func awaitJoin(q *Queue[int]) {
	for {
		q.mu.Lock()
		waits := q.settled != nil
		q.mu.Unlock()
		if waits {
			return
		}
		runtime.Gosched()
	}
}
