//go:build amd64 || arm64

package lock

import "runtime"

// walk stores the return addresses of its caller and of those further out, and returns how many there are. It does what
// runtime.Callers does, for as many nanoseconds as that takes hundreds: without it every Lock that is checked would cost
// as much as ten that are not. The execution tracer of the runtime walks frame pointers in the same way.
//
//go:noescape
func walk(pcs *[32]uintptr) int

// testWalk is called when orders begin to be checked.
//
//go:noinline
func testWalk() {
	if walkable.Load() {
		return
	}
	var slow, quick stack
	slow.n = runtime.Callers(2, slow.pcs[:])
	quick.n = walk(&quick.pcs)
	seen, at := framesOf(quick.addresses()), 0
	for _, frame := range framesOf(slow.addresses()) {
		// Between its frames the walk has wrappers that the compiler made.
		for at < len(seen) && seen[at].Function != frame.Function {
			at++
		}
		if at++; at > len(seen) {
			return
		}
	}
	walkable.Store(true)
}

// record makes s the stack of the caller.
func (s *stack) record() {
	if walkable.Load() {
		s.n = walk(&s.pcs)
		return
	}
	s.n = runtime.Callers(2, s.pcs[:])
}
