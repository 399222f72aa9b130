package lock_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/potok-go/potok/lock"
)

// Ten goroutines add to one variable. Each reads it and writes it back, and nobody comes in between.
func ExampleMutex() {
	var (
		mu      lock.Mutex
		balance int // guarded by mu
	)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				mu.With(func() { balance++ })
			}
		})
	}
	wg.Wait()
	fmt.Println(balance)
	// Output: 1000
}

// A waiter that has a deadline does not wait for ever. It comes back with an error, and without the lock.
func ExampleMutex_LockContext() {
	var mu lock.Mutex
	mu.Lock() // somebody has it, and keeps it

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := mu.LockContext(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))

	mu.Unlock()
	if err := mu.LockContext(context.Background()); err == nil {
		fmt.Println("locked")
		mu.Unlock()
	}
	// Output:
	// context deadline exceeded
	// true
	// locked
}

// TryLock does not wait: who does not get the lock does something else.
func ExampleMutex_TryLock() {
	var mu lock.Mutex
	fmt.Println(mu.TryLock())
	fmt.Println(mu.TryLock())
	mu.Unlock()
	fmt.Println(mu.TryLock())
	// Output:
	// true
	// false
	// true
}

// Nobody can forget the lock of a value that cannot be reached without it.
func ExampleGuarded() {
	words := lock.Guard(map[string]int{})
	var wg sync.WaitGroup
	for _, w := range []string{"to", "be", "or", "not", "to", "be"} {
		wg.Go(func() {
			words.With(func(m *map[string]int) { (*m)[w]++ })
		})
	}
	wg.Wait()
	words.With(func(m *map[string]int) { fmt.Println(*m) })
	// Output: map[be:2 not:1 or:1 to:2]
}
