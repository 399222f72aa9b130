package exectest

import (
	"reflect"
	"testing"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
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

// An error type whose data cannot be sent would cross as a text, in silence.
func TestTheDataOfAllErrorTypesCanBeSent(t *testing.T) {
	types := registry.ErrorTypes()
	for _, typ := range types {
		if err := wire.CheckType(reflect.TypeOf(typ.New()).Elem()); err != nil {
			t.Errorf("%s: %v", typ.Code, err)
		}
	}
	if len(types) == 0 {
		t.Error("not even *potok.PanicError is there")
	}
}

func newWire(_ testing.TB, workers int, s ...Setting) potok.Executor { return NewWire(workers, s...) }
