package cluster_test

import (
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

func TestAWorkerServesTheTasksThatItIsToldTo(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(1), cluster.Tasks(sometimes.Name()))
	c := resume(t, s)
	ctx := within(t)
	patientRuns.Store(0)
	other := patient.Submit(ctx, c, 1)
	if got, err := sometimes.Submit(ctx, c, 21).Result(ctx); got != 21 || err != nil {
		t.Fatal(got, err)
	}
	time.Sleep(50 * time.Millisecond) // long enough for a worker that takes what it should not
	if patientRuns.Load() != 0 {
		t.Error("the worker serves what it should not")
	}
	serve(t, s, potok.NewPool(1))
	until(t, "another worker serves it", func() bool { return patientRuns.Load() == 1 })
	other.Cancel()
}

func TestTasksThatNobodyHasDefinedPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	cluster.Tasks("cluster.undefined")
}
