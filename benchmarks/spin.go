package main

import (
	"context"
	"sync"
	"time"
)

// step is the function that is mapped. A variable, so that nobody's loop has it
// inlined: every contender calls it through a func value.
type step func(ctx context.Context, x int) (int, error)

// plainStep is an item of about a nanosecond.
var plainStep step = func(_ context.Context, x int) (int, error) { return x + 1, nil }

// spinStep is an item that computes for d.
func spinStep(d time.Duration) step {
	loops := loopsOf(d)
	return func(_ context.Context, x int) (int, error) {
		spin(loops)
		return x + 1, nil
	}
}

// spin computes for as long as loops steps of a random number generator take. It
// reads no clock: two that spin at once on one core take twice as long, as work
// does.
//
//go:noinline
func spin(loops int) {
	x := uint64(88172645463325252)
	for range loops {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	if x == 0 { // never, but the compiler cannot know, so it keeps the loop
		panic("xorshift reached 0")
	}
}

// loopsOf is how many loops take d on an idle machine.
func loopsOf(d time.Duration) int { return int(float64(d) * loopsPerNanosecond()) }

// loopsPerNanosecond is the machine's speed, measured once. The fastest of
// several tries counts: something else ran beside the others.
var loopsPerNanosecond = sync.OnceValue(func() float64 {
	const loops = 1_000_000
	fastest := time.Duration(1<<63 - 1)
	for range 20 {
		begin := time.Now()
		spin(loops)
		fastest = min(fastest, time.Since(begin))
	}
	return loops / float64(fastest)
})
