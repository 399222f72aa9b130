package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/potok-go/potok/queue"
)

// Two queues in a row: the producer closes the first; the second is closed when the last of the workers between them is
// gone, by the one who waits for them all.
func ExampleQueue() {
	ctx := context.Background()
	words, upper := queue.New[string](2), queue.New[string](2)
	go func() {
		defer words.Close()
		for _, w := range []string{"one", "two", "three", "four"} {
			if words.Put(ctx, w) != nil {
				return
			}
		}
	}()
	go func() {
		defer upper.Close()
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() {
				for w := range words.All(ctx) {
					_ = upper.Put(ctx, strings.ToUpper(w))
				}
			})
		}
		workers.Wait()
	}()
	for w := range upper.All(ctx) {
		fmt.Println(w)
	}
	// Unordered output:
	// ONE
	// TWO
	// THREE
	// FOUR
}

func ExampleNew() {
	q := queue.New[int](2)
	fmt.Println(q.TryPut(1), q.TryPut(2), errors.Is(q.TryPut(3), queue.ErrFull))
	q.Close()
	for v := range q.All(context.Background()) {
		fmt.Println(v)
	}
	// Output:
	// <nil> <nil> true
	// 1
	// 2
}

func ExampleNewLIFO() {
	q := queue.NewLIFO[string](3)
	for _, s := range []string{"old", "newer", "newest"} {
		_ = q.TryPut(s)
	}
	fmt.Println(q.CloseNow())
	// Output: [newest newer old]
}

func ExampleNewPriority() {
	type job struct {
		name    string
		urgency int
	}
	q := queue.NewPriority(4, func(a, b job) bool { return a.urgency > b.urgency })
	for _, j := range []job{{"sweep", 1}, {"fire", 9}, {"flood", 9}, {"post", 3}} {
		_ = q.TryPut(j)
	}
	q.Close()
	for j := range q.All(context.Background()) {
		fmt.Println(j.name)
	}
	// Output:
	// fire
	// flood
	// post
	// sweep
}

func ExampleQueue_Join() {
	ctx := context.Background()
	q := queue.New[int](10)
	sum := 0
	go func() {
		for v := range q.All(ctx) {
			sum += v
			_ = q.Done() // v is not only taken but dealt with
		}
	}()
	for v := range 5 {
		_ = q.Put(ctx, v)
	}
	if err := q.Join(ctx); err == nil {
		fmt.Println(sum)
	}
	q.Close()
	// Output: 10
}
