package lock

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// callSite is where a method of this package was called from outside of it, as "file.go:12"; for messages of panics.
func callSite() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if !ours(frame.Function) {
			return place(frame)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// ours says whether a function is a method of this package. Its tests are not.
func ours(function string) bool {
	return strings.HasPrefix(function, "github.com/potok-go/potok/lock.(*")
}

func place(frame runtime.Frame) string {
	return fmt.Sprintf("%s:%d", filepath.Base(frame.File), frame.Line)
}
