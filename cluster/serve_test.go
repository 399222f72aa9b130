package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
	"github.com/potok-go/potok/process"
)

// ran counts the runs of counted.
var ran atomic.Int64

var (
	counted = potok.Define("cluster.counted", func(_ context.Context, n int) (int, error) {
		ran.Add(1)
		if n < 0 {
			return n, errors.New("less than nothing")
		}
		return n + 1, nil
	})
	reversed = potok.Define("cluster.reversed", func(_ context.Context, b []byte) ([]byte, error) {
		slices.Reverse(b)
		return b, nil
	})
	zeros = potok.Define("cluster.zeros", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
	gate  = make(chan struct{})
	gated = potok.Define("cluster.gated", func(ctx context.Context, n int) (int, error) {
		select {
		case <-gate:
			return n, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	traced = potok.Define("cluster.traced", func(ctx context.Context, _ int) (string, error) {
		s, _ := ctx.Value(traceKey{}).(string)
		return s, nil
	})
)

type traceKey struct{}

func connectTo(t *testing.T, s *embedded.Server, opts ...cluster.Option) *cluster.Client {
	t.Helper()
	c, err := cluster.Connect(t.Context(), connect(t, s), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func result[T comparable](t *testing.T, f *potok.Future[T], want T) {
	t.Helper()
	if v, err := f.Result(t.Context()); v != want || err != nil {
		t.Errorf("got %v, %v, want %v", v, err, want)
	}
}

// What makes no sense is put aside with a word, whoever waits for it hears so, and the worker goes on.
func TestHostileMessagesStopNobody(t *testing.T) {
	s := startServer(t)
	c := joinCluster(t, s, 1, cluster.WithRun("good"))
	result(t, counted.Submit(t.Context(), c, 1), 2) // and so the task has a consumer
	nc := connect(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bad := [][]byte{{}, {0}, {1, 'c'}, {2, 'c', 0}, bytes.Repeat([]byte{255}, 1000), append([]byte{1, 'c', 7}, "unknown"...)}
	for i, b := range bad {
		if _, err := js.Publish(t.Context(), fmt.Sprint("potok.call.cluster=2ecounted.bad.", i), b); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []string{"potok.ctl.run.good", "potok.ctl.task", "potok.ctl.who", "potok.ev.worker", "potok.ev.run.good"} {
		if err := nc.Publish(subject, []byte("garbage")); err != nil {
			t.Fatal(err)
		}
	}
	results, err := js.Stream(t.Context(), "POTOK_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte{1, 'c', 255}, 1<<20/3) // all that a server takes
	if _, err := js.Publish(t.Context(), "potok.call.cluster=2ecounted.bad.large", large); err != nil {
		t.Fatal(err)
	}
	for i, b := range bad {
		var letter *jetstream.RawStreamMsg
		until(t, "the dead letter", func() bool {
			letter, err = results.GetLastMsgForSubject(t.Context(), fmt.Sprint("potok.dead.bad.", i))
			return err == nil
		})
		if !bytes.Equal(letter.Data, b) || letter.Header.Get("Potok-Error") == "" {
			t.Errorf("message %d: %q, %v", i, letter.Data, letter.Header)
		}
	}
	until(t, "the dead letter of what is too large", func() bool {
		letter, err := results.GetLastMsgForSubject(t.Context(), "potok.dead.bad.large")
		return err == nil && bytes.HasPrefix(large, letter.Data) && strings.Contains(letter.Header.Get("Potok-Error"), "of 1048575 bytes")
	})
	result(t, counted.Submit(t.Context(), c, 2), 3)
	calls, err := js.Stream(t.Context(), "POTOK_CALLS")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "no call is left", func() bool {
		info, err := calls.Info(t.Context())
		return err == nil && info.State.Msgs == 0
	})
}

// A result that nobody can read fails its call, and no other.
func TestAHostileResultFailsItsCall(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s, cluster.WithRun("r"))
	nc := connect(t, s)
	names := make(chan string, 1)
	sub, err := nc.Subscribe("potok.call.>", func(m *nats.Msg) { names <- m.Subject })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.Flush(); err != nil { // the call comes by another connection
		t.Fatal(err)
	}
	f := counted.Submit(t.Context(), c, 5)
	subject := <-names
	if err := nc.Publish("potok.res.r."+subject[len("potok.call.cluster=2ecounted.r."):], []byte("garbage")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Result(t.Context()); !errors.Is(err, cluster.ErrDead) {
		t.Errorf("got %v", err)
	}
	serve(t, s, potok.NewPool(1))
	result(t, counted.Submit(t.Context(), c, 6), 7)
}

// A worker needs no more than its rights, for what is large too.
func TestAWorkerNeedsNoMoreThanItsRights(t *testing.T) {
	const full, worker = "full-rights-for-tests", "worker-rights-for-tests"
	s := startServer(t, embedded.Listen("127.0.0.1:0"), embedded.Token(full), embedded.WorkerToken(worker))
	nc, err := nats.Connect(s.URL(), nats.Token(worker), nats.CustomInboxPrefix(embedded.WorkerInbox))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	pool := potok.NewPool(2)
	defer pool.Close()
	c := connectTo(t, s)
	go func() { over <- cluster.Serve(ctx, nc, pool) }()
	result(t, counted.Submit(ctx, c, 1), 2)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	got, err := reversed.Submit(ctx, c, large).Result(ctx)
	slices.Reverse(got)
	if err != nil || !bytes.Equal(got, large) {
		t.Errorf("a large argument: %d bytes, %v", len(got), err)
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestARunIsTakenUpAgain(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(2))
	in := []int{1, 2, 2, -1, 3}
	want := []int{2, 3, 3, -1, 4}
	ran.Store(0)
	all := func(in, want []int) {
		t.Helper()
		c, err := cluster.Connect(t.Context(), connect(t, s), cluster.WithRun("again"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		i := 0
		for v, err := range counted.Map(t.Context(), c, slices.Values(in)) {
			if v != want[i] || (err != nil) != (v < 0) {
				t.Errorf("item %d: %d, %v", i, v, err)
			}
			i++
		}
		if i != len(in) {
			t.Errorf("%d items of %d", i, len(in))
		}
	}
	all(in, want)
	if n := ran.Load(); n != 5 {
		t.Errorf("%d calls ran, want 5", n)
	}
	all(in, want) // results are read
	all([]int{3, 2, 7, 2, 2}, []int{4, 3, 8, 3, 3})
	if n := ran.Load(); n != 7 { // of those 7, and the third 2, are new
		t.Errorf("%d calls ran, want 7", n)
	}
}

func TestTwoClientsOfARun(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(2))
	ran.Store(0)
	in := make([]int, 200)
	for i := range in {
		in[i] = i
	}
	var futures []*potok.Future[int]
	for range 2 {
		futures = append(futures, counted.SubmitAll(t.Context(), connectTo(t, s, cluster.WithRun("two")), in)...)
	}
	for i, f := range futures {
		result(t, f, i%len(in)+1)
	}
	if n := ran.Load(); n < 200 || n > 400 {
		t.Errorf("%d calls ran", n)
	}
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	results, err := js.Stream(t.Context(), "POTOK_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := results.Info(t.Context(), jetstream.WithSubjectFilter("potok.res.two.>"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(info.State.Subjects); n != len(in) {
		t.Errorf("%d results, want %d", n, len(in))
	}
}

// Each client stores the large argument, and both hear the one result.
func TestTwoClientsOfALargeCall(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(2))
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	var futures []*potok.Future[[]byte]
	for range 3 {
		futures = append(futures, reversed.Submit(t.Context(), connectTo(t, s, cluster.WithRun("large")), slices.Clone(large)))
	}
	slices.Reverse(large)
	for _, f := range futures {
		if got, err := f.Result(t.Context()); err != nil || !bytes.Equal(got, large) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestCallsThatComeTogetherShareMessages(t *testing.T) {
	s := startServer(t)
	c := joinCluster(t, s, 2)
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	stored := func() uint64 {
		calls, err := js.Stream(t.Context(), "POTOK_CALLS")
		if err != nil {
			t.Fatal(err)
		}
		return calls.CachedInfo().State.LastSeq
	}
	in := make([]int, 1000)
	for i, f := range counted.SubmitAll(t.Context(), c, in[:1]) { // makes what is needed
		if _, err := f.Result(t.Context()); err != nil {
			t.Fatal(i, err)
		}
	}
	until(t, "short calls share messages", func() bool { // once it is known that they are short
		before := stored()
		for i, f := range counted.SubmitAll(t.Context(), c, in) {
			if _, err := f.Result(t.Context()); err != nil {
				t.Fatal(i, err)
			}
		}
		return stored()-before < uint64(len(in)/4)
	})
}

func TestAWorkerDrains(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	pool := potok.NewPool(1)
	defer pool.Close()
	nc := connect(t, s)
	go func() { over <- cluster.Serve(ctx, nc, pool) }()
	f := gated.Submit(t.Context(), c, 3)
	until(t, "it runs", func() bool { return f.State() == potok.Running })
	stop()
	until(t, "the worker has said that it leaves", func() bool { return c.Stats().Workers == 0 })
	select {
	case err := <-over:
		t.Fatalf("it has not waited: %v", err)
	default:
	}
	gate <- struct{}{}
	result(t, f, 3)
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestAClosedExecutorGivesItsCallsBack(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	closing := potok.NewPool(1)
	nc := connect(t, s)
	over := make(chan error, 1)
	go func() { over <- cluster.Serve(t.Context(), nc, closing) }()
	f := gated.Submit(t.Context(), c, 4)
	until(t, "it runs", func() bool { return f.State() == potok.Running })
	closing.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
	serve(t, s, potok.NewPool(1))
	gate <- struct{}{}
	result(t, f, 4)
}

func TestAWorkerOfProcesses(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	pool, err := process.NewPool(2)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, s, pool)
	for v, err := range double.Map(t.Context(), c, slices.Values([]int{1, 2, 3})) {
		if err != nil || v == 0 {
			t.Error(v, err)
		}
	}
	result(t, double.Submit(t.Context(), c, 21), 42)
}

func TestTraceContextCrosses(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(1), cluster.TraceFrom(func(ctx context.Context, trace string) context.Context {
		if trace == "panic" {
			panic("in extract")
		}
		return context.WithValue(ctx, traceKey{}, trace)
	}))
	c := connectTo(t, s, cluster.Trace(func(ctx context.Context) string {
		trace, _ := ctx.Value(traceKey{}).(string)
		return trace
	}))
	for _, trace := range []string{"00-abc-01", "", "panic"} {
		want := trace
		if trace == "panic" {
			want = ""
		}
		result(t, traced.Submit(context.WithValue(t.Context(), traceKey{}, trace), c, 0), want)
	}
}

// A worker that drains finishes what the server has handed to it, also what was on its way when it was told.
func TestAWorkerThatDrainsLosesNoCall(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	stop := work(t, s)
	result(t, counted.Submit(t.Context(), c, 0), 1) // makes the consumer
	stop()
	var fs []*potok.Future[int]
	for round := range 50 {
		stop := work(t, s)
		fs = append(fs, counted.Submit(t.Context(), c, round), counted.Submit(t.Context(), c, round))
		if round%2 == 1 {
			result(t, fs[0], 1)
		}
		stop()
		unacknowledged(t, js, "cluster=2ecounted")
	}
	work(t, s)
	for i, f := range fs {
		result(t, f, i/2+1)
	}
}

// unacknowledged waits until no call of a task is with a worker; the server takes ten seconds to take one from who is gone.
func unacknowledged(t *testing.T, js jetstream.JetStream, token string) {
	t.Helper()
	for end := time.Now().Add(8 * time.Second); ; time.Sleep(time.Millisecond) {
		consumer, err := js.Consumer(t.Context(), "POTOK_CALLS", token)
		if err != nil {
			t.Fatal(err)
		}
		n := consumer.CachedInfo().NumAckPending
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d calls went to a worker that is gone", n)
		}
	}
}

// A worker may make no bucket: there is one before a call can ask for it.
func TestALargeResultOfASmallArgument(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	serve(t, s, potok.NewPool(1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if got, err := zeros.Submit(ctx, c, 3<<20).Result(ctx); err != nil || len(got) != 3<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Whoever does not want a large result any more does not wait until there is room for it.
func TestALargeResultThatCannotBeStoredIsNotWaitedFor(t *testing.T) {
	s := startServer(t)
	c := connectTo(t, s)
	serve(t, s, potok.NewPool(1))
	js, err := jetstream.New(connect(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteObjectStore(t.Context(), "potok"); err != nil {
		t.Fatal(err)
	}
	f := zeros.Submit(t.Context(), c, 3<<20)
	result(t, counted.Submit(t.Context(), c, 1), 2) // at the one place: the other has run
	f.Cancel()
	if _, err := f.Result(t.Context()); !errors.Is(err, potok.ErrCancelled) {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// Of a connection that is closed nobody hears any more: calls fail, whether they have begun or not.
func TestCallsOfAClosedConnectionFail(t *testing.T) {
	s := startServer(t)
	serve(t, s, potok.NewPool(1))
	nc := connect(t, s)
	c, err := cluster.Connect(t.Context(), nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	runs := gated.Submit(t.Context(), c, 5)
	until(t, "it runs", func() bool { return c.Stats().Running == 1 })
	waits := gated.Submit(t.Context(), c, 6)
	items := make(chan error)
	go func() { // as many errors as items
		for _, err := range counted.Map(t.Context(), c, slices.Values([]int{1, 2, 3})) {
			items <- err
		}
	}()
	until(t, "all are sent", func() bool { return c.Stats().Queued+c.Stats().Running >= 3 })
	nc.Close()
	for _, f := range []*potok.Future[int]{runs, waits, gated.Submit(t.Context(), c, 7)} {
		if v, err := f.Result(within(t)); !errors.Is(err, nats.ErrConnectionClosed) {
			t.Errorf("%d, %v", v, err)
		}
	}
	for range 3 {
		if err := <-items; !errors.Is(err, nats.ErrConnectionClosed) {
			t.Error(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
