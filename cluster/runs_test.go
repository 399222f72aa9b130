package cluster_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

var (
	sometimes = potok.Define("cluster.sometimes", func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, potok.Permanent(errors.New("negative"))
		}
		return n, nil
	})
	patient = potok.Define("cluster.patient", func(ctx context.Context, n int) (int, error) {
		patientRuns.Add(1)
		<-ctx.Done()
		return n, context.Cause(ctx)
	})
	patientRuns atomic.Int32
)

// within bounds all that a test asks for.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// work has two places serve until the test ends, or stop is called.
func work(t *testing.T, s *embedded.Server) (stop func()) {
	t.Helper()
	pool := potok.NewPool(2)
	ctx, cancel := context.WithCancel(t.Context())
	nc := connect(t, s)
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- cluster.Serve(ctx, nc, pool, cluster.OnReady(func() { close(ready) })) }()
	<-ready
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		pool.Close()
	}
	t.Cleanup(stop)
	return stop
}

func resume(t *testing.T, s *embedded.Server, opts ...cluster.Option) *cluster.Client {
	t.Helper()
	c, err := cluster.Connect(within(t), connect(t, s), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func infoOf(t *testing.T, nc *nats.Conn, run string) cluster.RunInfo {
	t.Helper()
	info, err := cluster.FindRun(within(t), nc, run)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// restOf returns what is known of a run when no call waits: one is acknowledged after its result is there.
func restOf(t *testing.T, nc *nats.Conn, run string) cluster.RunInfo {
	t.Helper()
	r := infoOf(t, nc, run)
	for ; r.Waiting != 0; r = infoOf(t, nc, run) {
		if t.Context().Err() != nil {
			t.Fatalf("%+v", r)
		}
		time.Sleep(time.Millisecond)
	}
	return r
}

func TestRunsAreListedWithWhatBecameOfTheirCalls(t *testing.T) {
	s := startServer(t)
	nc := connect(t, s)
	ctx := within(t)
	if runs, err := cluster.Runs(ctx, nc); err != nil || len(runs) != 0 {
		t.Fatal(runs, err)
	}
	if _, err := cluster.FindRun(ctx, nc, "first"); !errors.Is(err, cluster.ErrNoRun) {
		t.Fatal(err)
	}
	work(t, s)
	c := resume(t, s, cluster.WithRun("first"), cluster.Keep(time.Hour))
	for _, f := range sometimes.SubmitAll(ctx, c, []int{1, 2, -1, 3}) {
		_, _ = f.Result(ctx)
	}
	unnamed := resume(t, s)
	for range sometimes.Map(ctx, unnamed, slices.Values([]int{1, 2, 3, -1, -2})) {
	}
	restOf(t, nc, "first")
	restOf(t, nc, unnamed.Run())
	runs, err := cluster.Runs(ctx, nc)
	if err != nil || len(runs) != 2 {
		t.Fatal(runs, err)
	}
	if r := runs[0]; r.Name != "first" || !r.Named || r.Keep != time.Hour || time.Since(r.Began) > time.Minute || r.Succeeded != 3 || r.Failed != 1 || r.Waiting != 0 {
		t.Errorf("%+v", r)
	}
	if r := runs[1]; r.Name != unnamed.Run() || r.Named || r.Keep != cluster.DefaultKeep || r.Succeeded != 3 || r.Failed != 2 {
		t.Errorf("%+v", r)
	}
	if err := cluster.RemoveRun(ctx, nc, "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.FindRun(ctx, nc, "first"); !errors.Is(err, cluster.ErrNoRun) {
		t.Error(err)
	}
	if r := infoOf(t, nc, unnamed.Run()); r.Succeeded != 3 {
		t.Errorf("%+v", r)
	}
}

func TestACancelledRunSettlesItsFutures(t *testing.T) {
	for name, opts := range map[string][]cluster.Option{"named": {cluster.WithRun("r")}, "unnamed": nil} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			nc := connect(t, s)
			ctx := within(t)
			stop := work(t, s)
			c := resume(t, s, opts...)
			patientRuns.Store(0)
			fs := patient.SubmitAll(ctx, c, []int{1, 2, 3, 4, 5})
			for patientRuns.Load() < 2 || infoOf(t, nc, c.Run()).Waiting == 0 {
				time.Sleep(time.Millisecond)
			}
			if err := cluster.RemoveRun(ctx, nc, c.Run()); !errors.Is(err, cluster.ErrRunBusy) {
				t.Error(err)
			}
			if n, err := cluster.CancelRun(ctx, nc, c.Run()); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			for i, f := range fs {
				if _, err := f.Result(ctx); !errors.Is(err, potok.ErrCancelled) || f.State() != potok.Cancelled {
					t.Errorf("%d: %v, %v", i, f, err)
				}
			}
			stop() // what ran has ended, or this hangs
			if r := restOf(t, nc, c.Run()); r.Cancelled == 0 || r.Succeeded != 0 || r.Failed != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestACancelledRunCancelsTheItemsOfAMap(t *testing.T) {
	s := startServer(t)
	nc := connect(t, s)
	ctx := within(t)
	work(t, s)
	c := resume(t, s)
	patientRuns.Store(0)
	over := make(chan int)
	go func() {
		n := 0
		for _, err := range patient.Map(ctx, c, slices.Values([]int{1, 2, 3, 4, 5, 6, 7, 8})) {
			if errors.Is(err, potok.ErrCancelled) {
				n++
			}
		}
		over <- n
	}()
	for patientRuns.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for {
		if _, err := cluster.CancelRun(ctx, nc, c.Run()); err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-over:
			if n != 8 {
				t.Errorf("%d of 8 items are cancelled", n)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestDeadLettersAreListedAndQueuedAgain(t *testing.T) {
	s := startServer(t)
	nc := connect(t, s)
	ctx := within(t)
	stop := work(t, s)
	c := resume(t, s, cluster.WithRun("r"))
	if _, err := sometimes.Submit(ctx, c, 1).Result(ctx); err != nil { // makes the consumer
		t.Fatal(err)
	}
	if err := nc.Publish("potok.call.cluster=2esometimes.r.garbage", []byte("no call")); err != nil {
		t.Fatal(err)
	}
	for infoOf(t, nc, "r").Dead == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	// A call whose workers have all died, as the server sees it: it came again, and has left its marks.
	f := sometimes.Submit(ctx, c, 7)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for n := range cluster.DefaultMaxAttempts {
		consumer, err := js.Consumer(ctx, "POTOK_CALLS", "cluster=2esometimes")
		if err != nil {
			t.Fatal(err)
		}
		msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			mark := strings.Replace(msg.Subject(), "potok.call.cluster=2esometimes.", "potok.try.", 1) + "." + strconv.Itoa(n)
			if _, err := js.Publish(ctx, mark, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := msg.Nak(); err != nil {
			t.Fatal(err)
		}
	}
	stop = work(t, s)
	if _, err := f.Result(ctx); !errors.Is(err, cluster.ErrDead) {
		t.Fatal(err)
	}
	letters, err := cluster.DeadLetters(ctx, nc, "r")
	if err != nil || len(letters) != 2 {
		t.Fatal(letters, err)
	}
	if l := letters[0]; l.Call != "garbage" || string(l.Message) != "no call" || l.Args != nil || l.Deliveries != 1 || !strings.Contains(l.Reason, "makes no sense") {
		t.Errorf("%+v", l)
	}
	l := letters[1]
	if l.Task != "cluster.sometimes" || len(l.Args) != 1 || l.Deliveries != 4 || !strings.Contains(l.Reason, "it has begun 3 times") || time.Since(l.At) > time.Minute {
		t.Errorf("%+v", l)
	}
	n, err := cluster.Requeue(ctx, nc, "r")
	if n != 1 || err == nil || !strings.Contains(err.Error(), "garbage") {
		t.Errorf("%d queued, %v", n, err)
	}
	for infoOf(t, nc, "r").Succeeded < 2 {
		time.Sleep(time.Millisecond)
	}
	if r := restOf(t, nc, "r"); r.Dead != 1 || r.Cancelled != 0 {
		t.Errorf("%+v", r)
	}
	if n, err := cluster.Requeue(ctx, nc, "r", l.Call); n != 0 || !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("%d queued, %v", n, err)
	}
	stop()
	again := resume(t, s, cluster.WithRun("r")) // nobody works: it is read
	for _, in := range []int{1, 7} {
		if got, err := sometimes.Submit(ctx, again, in).Result(ctx); got != in || err != nil {
			t.Error(got, err)
		}
	}
}

// A client that comes between Requeue and the new result waits for it.
func TestARequeuedCallIsWaitedFor(t *testing.T) {
	s := startServer(t)
	nc := connect(t, s)
	ctx := within(t)
	c := resume(t, s, cluster.WithRun("r"), cluster.MaxAttempts(1))
	f := sometimes.Submit(ctx, c, 7)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for infoOf(t, nc, "r").Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	consumer, err := js.Consumer(ctx, "POTOK_CALLS", "cluster=2esometimes")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.Nak(); err != nil {
		t.Fatal(err)
	}
	stop := work(t, s)
	if _, err := f.Result(ctx); !errors.Is(err, cluster.ErrDead) {
		t.Fatal(err)
	}
	stop()
	if n, err := cluster.Requeue(ctx, nc, "r"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	again := resume(t, s, cluster.WithRun("r"))
	f = sometimes.Submit(ctx, again, 7)
	for again.Stats().Queued+again.Stats().Running == 0 {
		time.Sleep(time.Millisecond)
	}
	work(t, s)
	if got, err := f.Result(ctx); got != 7 || err != nil {
		t.Error(got, err)
	}
	if r := restOf(t, nc, "r"); r.Succeeded != 1 || r.Dead != 0 {
		t.Errorf("%+v", r)
	}
}
