package queue

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// poison is an item over which less panics.
const poison = -1

func touchy(a, b int) bool {
	if a == poison || b == poison {
		panic("poisoned")
	}
	return a < b
}

// panicOf is what f panics with, nil if it does not.
func panicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func TestPutWithAPanickingLessStoresNothing(t *testing.T) {
	q := NewPriority(4, touchy)
	_ = q.TryPut(2)
	_ = q.TryPut(1)
	if p := panicOf(func() { _ = q.Put(t.Context(), poison) }); p != "poisoned" {
		t.Errorf("panicked with %v", p)
	}
	q.check(t)
	_ = q.TryPut(0)
	if left := q.CloseNow(); !slices.Equal(left, []int{0, 1, 2}) {
		t.Error(left)
	}
}

func TestGetAndCloseNowWithAPanickingLessTakeNothing(t *testing.T) {
	calls := 1000 // that less still answers
	q := NewPriority(8, func(a, b int) bool {
		if calls--; calls < 0 {
			panic("broken")
		}
		return a < b
	})
	for _, v := range []int{5, 3, 4, 1, 2} {
		_ = q.TryPut(v)
	}
	for answered := range 3 { // a Get here asks three questions, a CloseNow six
		calls = answered
		if p := panicOf(func() { _, _ = q.Get(t.Context()) }); p != "broken" {
			t.Errorf("Get panicked with %v", p)
		}
		calls = answered + 3
		if p := panicOf(func() { q.CloseNow() }); p != "broken" {
			t.Errorf("CloseNow panicked with %v", p)
		}
	}
	calls = 1000
	q.check(t)
	if left := slices.Collect(q.All(t.Context())); !slices.Equal(left, []int{1, 2, 3, 4, 5}) {
		t.Errorf("after the panics there is %v", left)
	}
	q.check(t)
}

// The queue is full, of 1 and 2; a poisoned item and then 3 wait for room. The Get that makes the room calls less.
func TestAPanicOverAWaitingItemGoesToItsPut(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := NewPriority(2, touchy)
		_ = q.TryPut(1)
		_ = q.TryPut(2)
		panicked, put := make(chan any), make(chan error)
		go func() { panicked <- panicOf(func() { _ = q.Put(t.Context(), poison) }) }()
		q.awaitParked(1)
		go func() { put <- q.Put(t.Context(), 3) }()
		q.awaitParked(2)
		if v, err := q.Get(t.Context()); v != 1 || err != nil {
			t.Errorf("Get: %d, %v", v, err)
		}
		if p := <-panicked; p != "poisoned" {
			t.Errorf("the waiting Put panicked with %v", p)
		}
		if err := <-put; err != nil {
			t.Errorf("the Put after it: %v", err)
		}
		q.check(t)
		if left := q.CloseNow(); !slices.Equal(left, []int{2, 3}) {
			t.Error(left)
		}
	})
}

func TestALessThatEndsItsGoroutineLeavesTheQueueUsable(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		q := NewPriority(2, func(a, b int) bool {
			if a == poison || b == poison {
				runtime.Goexit()
			}
			return a < b
		})
		_ = q.TryPut(1)
		_ = q.TryPut(2)
		panicked, put := make(chan any), make(chan error)
		go func() { panicked <- panicOf(func() { _ = q.Put(t.Context(), poison) }) }()
		q.awaitParked(1)
		go func() { put <- q.Put(t.Context(), 3) }()
		q.awaitParked(2)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = q.Get(t.Context())
			t.Error("Get returned from Goexit")
		})
		wg.Wait()
		if p := <-panicked; p != "potok/queue: less called runtime.Goexit" {
			t.Errorf("the waiting Put panicked with %v", p)
		}
		if err := <-put; err != nil {
			t.Error(err)
		}
		q.check(t)
		if left := q.CloseNow(); !slices.Equal(left, []int{2, 3}) {
			t.Error(left)
		}
	})
}
