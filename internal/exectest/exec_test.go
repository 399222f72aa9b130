package exectest

import (
	"testing"

	"github.com/potok-go/potok"
)

func TestPool(t *testing.T) {
	Run(t, Options{
		New: func(_ testing.TB, workers int, s ...Setting) potok.Executor {
			return NewPool(workers, s...)
		},
		SharesMemory: true,
		Lends:        true,
		SameProcess:  true,
		Bubbles:      true,
		Refuses:      true,
	})
}

func TestWire(t *testing.T) {
	Run(t, Options{New: newWire, SameProcess: true, Bubbles: true})
}

// The probes are files here, as they are for executors in other processes.
func TestWireSeenThroughFiles(t *testing.T) {
	Run(t, Options{New: newWire, Calls: 500})
}

func newWire(_ testing.TB, workers int, s ...Setting) potok.Executor { return NewWire(workers, s...) }
