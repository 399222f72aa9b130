package cluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

// What a client cancels while it runs is missing when the run is taken up again.
func TestACallCancelledWhileItRunsIsMissing(t *testing.T) {
	for name, cancel := range map[string]func(*cluster.Client, *potok.Future[int]){
		"Cancel": func(_ *cluster.Client, f *potok.Future[int]) { f.Cancel() },
		"Close":  func(c *cluster.Client, _ *potok.Future[int]) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			nc := connect(t, s)
			ctx := within(t)
			work(t, s)
			c := resume(t, s, cluster.WithRun("r"))
			patientRuns.Store(0)
			f := patient.Submit(ctx, c, 5)
			for f.State() == potok.Pending {
				time.Sleep(time.Millisecond)
			}
			cancel(c, f)
			if got, err := f.Result(ctx); got != 5 || !errors.Is(err, potok.ErrCancelled) { // what it returned, too
				t.Errorf("%d, %v", got, err)
			}
			if r := infoOf(t, nc, "r"); r.Cancelled != 1 || r.Failed != 0 {
				t.Errorf("%+v", r)
			}
			patientRuns.Store(0)
			again := resume(t, s, cluster.WithRun("r"))
			f = patient.Submit(ctx, again, 5)
			for patientRuns.Load() == 0 {
				if f.State() > potok.Running {
					t.Fatal(f.Result(ctx))
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}
