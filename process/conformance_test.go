package process_test

import (
	"io"
	"testing"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/exectest"
	"github.com/potok-go/potok/process"
)

func TestConformance(t *testing.T) {
	exectest.Run(t, exectest.Options{New: func(t testing.TB, workers int, settings ...exectest.Setting) potok.Executor {
		s := exectest.Collect(settings...)
		opts := []process.Option{process.WithName(s.Name), process.Output(io.Discard)}
		if s.Backlog >= 0 {
			opts = append(opts, process.WithBacklog(s.Backlog))
		}
		if s.Observer != nil {
			opts = append(opts, process.WithObserver(*s.Observer))
		}
		return newPool(t, workers, opts...)
	}})
}

func newPool(t testing.TB, workers int, opts ...process.Option) *process.Pool {
	t.Helper()
	p, err := process.NewPool(workers, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
