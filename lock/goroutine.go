package lock

import (
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/petermattis/goid"
)

// quick says whether goid.Get tells the truth: it looks into the runtime's own structure, whose shape it has to know for
// each version of Go.
var quick atomic.Bool

// testGoroutineID is called when orders begin to be checked.
func testGoroutineID() {
	if !quick.Load() && goid.Get() == parseGoroutineID() {
		quick.Store(true)
	}
}

// goroutineID is the number of the calling goroutine, which no other one of this process ever has.
func goroutineID() int64 {
	if quick.Load() {
		return goid.Get()
	}
	return parseGoroutineID()
}

// parseGoroutineID reads it in the head of the stack's text, "goroutine 18 [running]:", which costs some microseconds.
func parseGoroutineID() int64 {
	var text [64]byte
	fields := strings.Fields(string(text[:runtime.Stack(text[:], false)]))
	if len(fields) < 2 {
		return 0
	}
	id, _ := strconv.ParseInt(fields[1], 10, 64) // 0 if Go's format has changed: all goroutines are one then
	return id
}
