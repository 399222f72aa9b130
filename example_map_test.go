package potok_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/potok-go/potok"
)

func atoi(_ context.Context, s string) (int, error) { return strconv.Atoi(s) }

// An item's error stands beside its value, and the sequence goes on.
func ExampleMap() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	for n, err := range potok.Map(ctx, pool, slices.Values([]string{"1", "two", "3"}), atoi) {
		if err != nil {
			fmt.Println("skipped:", err)
			continue
		}
		fmt.Println(n)
	}
	// Output:
	// 1
	// skipped: strconv.Atoi: parsing "two": invalid syntax
	// 3
}

// All or the first error, in order.
func ExampleMapSlice() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	fmt.Println(potok.MapSlice(ctx, pool, []string{"1", "2", "3"}, atoi))
	fmt.Println(potok.MapSlice(ctx, pool, []string{"1", "two", "three"}, atoi))
	// Output:
	// [1 2 3] <nil>
	// [] strconv.Atoi: parsing "two": invalid syntax
}

func ExampleEach() {
	ctx := context.Background()
	pool := potok.NewPool(2)
	defer pool.Close()
	err := potok.Each(ctx, pool, slices.Values([]string{"a.txt", "b.txt"}), func(_ context.Context, file string) error {
		if file == "b.txt" {
			return errors.New("b.txt: permission denied")
		}
		return nil
	})
	fmt.Println(err)
	// Output: b.txt: permission denied
}

// The results as they come, where their order is of no use.
func ExampleUnordered() {
	ctx := context.Background()
	pool := potok.NewPool(3)
	defer pool.Close()
	sum := 0
	for n, err := range potok.Map(ctx, pool, slices.Values([]string{"1", "2", "3"}), atoi, potok.Unordered()) {
		if err == nil {
			sum += n
		}
	}
	fmt.Println(sum)
	// Output: 6
}

// The first error ends the sequence and is its last pair.
func ExampleStopOnError() {
	ctx := context.Background()
	pool := potok.NewPool(1)
	defer pool.Close()
	for n, err := range potok.Map(ctx, pool, slices.Values([]string{"1", "two", "3"}), atoi, potok.StopOnError()) {
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 0 strconv.Atoi: parsing "two": invalid syntax
}

// With a look-ahead of one, the next input is pulled when the result before it has been taken.
func ExampleLookahead() {
	ctx := context.Background()
	pool := potok.NewPool(4)
	defer pool.Close()
	pulled := 0
	in := func(yield func(string) bool) {
		for pulled = 1; yield("1"); pulled++ {
		}
	}
	for range potok.Map(ctx, pool, in, atoi, potok.Lookahead(1)) {
		break
	}
	fmt.Println(pulled <= 2)
	// Output: true
}
