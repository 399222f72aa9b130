package lock

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
)

// A stack is where a goroutine was: the return addresses of its frames, the innermost first.
type stack struct {
	n   int
	pcs [32]uintptr // of which n are set; what lies further out is cut off
}

// walkable says whether there is a walk for this processor, which sees what runtime.Callers sees in the version of Go
// that this was built with.
var walkable atomic.Bool

// addresses is a copy of s that takes no more room than it needs.
func (s *stack) addresses() []uintptr { return append([]uintptr(nil), s.pcs[:s.n]...) }

// framesOf returns the frames of a stack from where it entered this package, without those of the runtime that begin
// every goroutine. Where the runtime called this package, as it does what was deferred by a goroutine that panics or ends,
// that is who called the runtime.
func framesOf(pcs []uintptr) []runtime.Frame {
	var all []runtime.Frame
	frames := runtime.CallersFrames(pcs)
	for more := len(pcs) > 0; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if frame.Function == "" || frame.Function == "runtime.goexit" || len(all) == 0 && (ours(frame) || strings.HasPrefix(frame.Function, "runtime.")) {
			continue
		}
		all = append(all, frame)
	}
	return all
}

// siteOf is where this package was entered, as "file.go:12".
func siteOf(pcs []uintptr) string {
	frames := framesOf(pcs)
	if len(frames) == 0 {
		return "an unknown place"
	}
	return fmt.Sprintf("%s:%d", filepath.Base(frames[0].File), frames[0].Line)
}

// callSite is where a method of this package was called from outside of it; for messages of panics.
func callSite() string {
	var pcs [16]uintptr
	return siteOf(pcs[:runtime.Callers(2, pcs[:])])
}

// ours says whether a frame is of this package, its tests apart.
func ours(frame runtime.Frame) bool {
	return strings.HasPrefix(frame.Function, "github.com/potok-go/potok/lock.") && !strings.HasSuffix(frame.File, "_test.go")
}
