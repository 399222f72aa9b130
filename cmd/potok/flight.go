package main

import (
	"context"
	"math"
	"sync"
)

// largeInFlight is how many bytes the lines of those numbers may have together that are under way without need.
const largeInFlight = 16 << 20

// flight knows the numbers that were read and are not printed yet. It bounds what their factorials take: so many as keep all workers
// busy are let in however large they are, more only while they are small.
type flight struct {
	always int           // so many are let in
	landed chan struct{} // 1: tells start that there may be room

	mu      sync.Mutex // guards the fields below; never held while blocking
	started []int      // those that next has not returned, in order
	count   int        // of those that have not landed, at least len(started)
	size    int        // of their lines, together
}

func newFlight(always int) *flight {
	return &flight{always: always, landed: make(chan struct{}, 1)}
}

// start waits until there is room for n and lets it in. It is false when ctx has ended. One goroutine at a time may start numbers.
func (f *flight) start(ctx context.Context, n int) bool {
	for !f.tryStart(n) {
		select {
		case <-f.landed:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (f *flight) tryStart(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count >= f.always && f.size+digitsOf(n) > largeInFlight {
		return false
	}
	f.started = append(f.started, n)
	f.count++
	f.size += digitsOf(n)
	return true
}

// next returns the numbers again in the order in which they were started. It is false when there is none.
func (f *flight) next() (n int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.started) == 0 {
		return 0, false
	}
	n = f.started[0]
	f.started = f.started[1:]
	return n, true
}

// land says that n is printed.
func (f *flight) land(n int) {
	f.mu.Lock()
	f.count--
	f.size -= digitsOf(n)
	f.mu.Unlock()
	select {
	case f.landed <- struct{}{}:
	default: // it has been told
	}
}

// digitsOf returns about how many digits n! has, and never less.
func digitsOf(n int) int {
	ln, _ := math.Lgamma(float64(n) + 1)
	return int(ln/math.Ln10*(1+1e-12)) + 2
}
