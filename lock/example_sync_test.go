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
