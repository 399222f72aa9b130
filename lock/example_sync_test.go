package lock_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/potok-go/potok/lock"
)

// Runners wait for the shot. Who comes late does not wait: the event stays set.
func ExampleEvent() {
	ctx := context.Background()
	var shot lock.Event
	var runners sync.WaitGroup
	for range 3 {
		runners.Go(func() {
			if shot.Wait(ctx) == nil {
				fmt.Println("run")
			}
		})
	}
	fmt.Println("ready, steady")
	shot.Set()
	runners.Wait()
	fmt.Println(shot.Wait(ctx), shot.IsSet())
	// Output:
	// ready, steady
	// run
	// run
	// run
	// <nil> true
}

// Ten tokens stand for ten gigabytes. A large job takes more of them, and is not overtaken by small ones for ever.
func ExampleSemaphore() {
	ctx := context.Background()
	memory := lock.NewSemaphore(10)
	var jobs sync.WaitGroup
	for _, gigabytes := range []int{3, 8, 2, 10} {
		jobs.Go(func() {
			if memory.Acquire(ctx, gigabytes) != nil {
				return
			}
			defer memory.Release(gigabytes)
			fmt.Println("a job of", gigabytes)
		})
	}
	jobs.Wait()
	fmt.Println("all free again:", memory.TryAcquire(10))
	// Unordered output:
	// a job of 3
	// a job of 8
	// a job of 2
	// a job of 10
	// all free again: true
}

// One goroutine waits for what another does to the data under the lock.
func ExampleCond() {
	ctx := context.Background()
	var m lock.Mutex
	var letters []string
	arrived := lock.NewCond(&m)
	go func() {
		for _, letter := range []string{"a", "b"} {
			m.Lock()
			letters = append(letters, letter)
			arrived.Signal(1)
			m.Unlock()
		}
	}()

	m.Lock()
	defer m.Unlock()
	err := arrived.WaitFor(ctx, func() bool { return len(letters) == 2 }) // m is unlocked while it waits
	fmt.Println(letters, err)
	// Output: [a b] <nil>
}

// Three workers go from stage to stage together. Between two stages one of them, and no matter which, sums up.
func ExampleBarrier() {
	ctx := context.Background()
	var done [3]int
	stage := lock.NewBarrier(len(done), func() { fmt.Println("done so far:", done) })
	var workers sync.WaitGroup
	for w := range done {
		workers.Go(func() {
			for range 2 {
				done[w] += 10
				if _, err := stage.Wait(ctx); err != nil {
					return // somebody has given up, so nobody goes on
				}
			}
		})
	}
	workers.Wait()
	// Output:
	// done so far: [10 10 10]
	// done so far: [20 20 20]
}
