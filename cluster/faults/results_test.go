package faults_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok/cluster"
)

// submitMany submits calls that take a second each, and returns what waits for them.
func (b *bubble) submitMany(c *cluster.Client, name string, n int) (wait func()) {
	b.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(name, i)
		b.act(names[i], func(context.Context, int) (int, error) { time.Sleep(time.Second); return i, nil })
	}
	fs := perform.SubmitAll(b.Context(), c, names)
	return func() {
		b.Helper()
		for i, f := range fs {
			b.want(f, i)
		}
	}
}

func (b *bubble) once(name string, n int) {
	b.Helper()
	for i := range n {
		if got := len(b.begun(fmt.Sprint(name, i))); got != 1 {
			b.Errorf("call %d: %d executions", i, got)
		}
	}
}

func TestResultsThatAreLostOnTheWayAreReadAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to int // results that are lost, of ten
	}{{"first", 0, 1}, {"middle", 3, 5}, {"last", 9, 10}, {"all", 0, 10}} {
		for _, opts := range [][]cluster.Option{nil, {cluster.WithRun("lost")}} {
			t.Run(fmt.Sprint(tt.name, len(opts)), func(t *testing.T) {
				inBubble(t, func(b *bubble) {
					b.worker(b.connect(b.cable()), 1, "worker")
					near := b.cable()
					nc := b.connect(near)
					c := b.client(nc, opts...)
					came := 0
					near.set(func() {
						near.drop = func(_, reply string) bool {
							if !strings.Contains(reply, ".POTOK_RESULTS.") || !strings.HasPrefix(reply, "$JS.ACK.") {
								return false
							}
							came++
							return came > tt.from && came <= tt.to
						}
					})
					begin := time.Now()
					b.submitMany(c, "lost", 10)()
					// A second each, and the time to see it.
					if d := time.Since(begin); d > 10*time.Second+7*time.Second {
						t.Errorf("it took %v", d)
					}
					b.once("lost", 10)
					b.noCalls(nc)
				})
			})
		}
	}
}

func TestTheResultsConsumerIsDeleted(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		c := b.client(nc)
		js := newJetStream(t, nc)
		wait := b.submitMany(c, "deleted", 20)
		for range 3 {
			time.Sleep(5*time.Second + 500*time.Millisecond)
			stream, err := js.Stream(b.Context(), "POTOK_RESULTS")
			if err != nil {
				t.Fatal(err)
			}
			for name := range stream.ConsumerNames(b.Context()).Name() {
				if err := stream.DeleteConsumer(b.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		wait()
		b.once("deleted", 20)
		b.noCalls(nc)
	})
}

func TestAClientThatIsCutOffHearsOfItsResultsLater(t *testing.T) {
	for _, away := range []time.Duration{20 * time.Second, 100 * time.Second} {
		t.Run(away.String(), func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				b.worker(b.connect(b.cable()), 1, "worker")
				near := b.cable()
				c := b.client(b.connect(near), cluster.WithRun("away"))
				wait := b.submitMany(c, "away", 20)
				time.Sleep(5*time.Second + 500*time.Millisecond)
				near.cut()
				time.Sleep(away)
				near.heal()
				begin := time.Now()
				wait()
				if d := time.Since(begin); d > 10*time.Minute { // until nats.go sees that nobody answers its pings
					t.Errorf("it took %v", d)
				}
				b.once("away", 20)
			})
		})
	}
}

func TestTheConsumerOfCallsComesAndGoes(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		c := b.client(nc)
		b.submitMany(c, "before", 2)()
		stream, err := newJetStream(t, nc).Stream(b.Context(), "POTOK_CALLS")
		if err != nil {
			t.Fatal(err)
		}
		token := strings.ReplaceAll(perform.Name(), ".", "=2e")
		consumer, err := stream.Consumer(b.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.DeleteConsumer(b.Context(), token); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		wait := b.submitMany(c, "meanwhile", 3)
		if _, err := stream.CreateConsumer(b.Context(), consumer.CachedInfo().Config); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		wait()
		if d := time.Since(begin); d > 3*time.Second+40*time.Second {
			t.Errorf("it took %v", d)
		}
		b.once("meanwhile", 3)
		b.noCalls(nc)
	})
}

func TestARequestForCallsThatIsLostIsMadeAgain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		far := b.cable()
		b.worker(b.connect(far), 1, "worker")
		c := b.client(b.connect(b.cable()))
		var lost atomic.Int32
		far.set(func() { // as a leader loses it that dies
			far.swallow = func(commands string) bool {
				if !strings.Contains(commands, ".CONSUMER.MSG.NEXT.") || lost.Load() == 2 {
					return false
				}
				lost.Add(1)
				return true
			}
		})
		begin := time.Now()
		b.submitMany(c, "request", 1)()
		if d := time.Since(begin); d > 2*10*time.Second+time.Second {
			t.Errorf("it took %v", d)
		}
		if n := lost.Load(); n != 2 {
			t.Errorf("%d requests were lost", n)
		}
	})
}

func TestAWorkerWithNothingToDoGetsACallAtOnce(t *testing.T) {
	inBubble(t, func(b *bubble) {
		far := b.cable()
		b.worker(b.connect(far), 1, "worker")
		c := b.client(b.connect(b.cable()))
		b.submitMany(c, "first", 1)()
		var asked atomic.Int32
		far.set(func() {
			far.swallow = func(commands string) bool {
				asked.Add(int32(strings.Count(commands, ".CONSUMER.MSG.NEXT.")))
				return false
			}
		})
		time.Sleep(time.Hour + 7*time.Second)
		if n := asked.Load(); n > 3600/30+1 {
			t.Errorf("it asked %d times in an hour", n)
		}
		begin := time.Now()
		b.submitMany(c, "second", 1)()
		if d := time.Since(begin); d != time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

func TestARunThatIsPastItsTimeIsNotTakenUp(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		opts := []cluster.Option{cluster.WithRun("kept"), cluster.Keep(time.Hour)}
		b.submitMany(b.client(b.connect(b.cable()), opts...), "kept", 3)()
		time.Sleep(59 * time.Minute)
		again := b.client(b.connect(b.cable()), opts...)
		fs := perform.SubmitAll(b.Context(), again, []string{"kept0", "kept1", "kept2"})
		for i, f := range fs {
			b.want(f, i)
		}
		b.once("kept", 3)
		time.Sleep(2 * time.Minute)
		nc := b.connect(b.cable())
		c, err := cluster.Connect(b.Context(), nc, opts...)
		if !errors.Is(err, cluster.ErrExpired) {
			t.Errorf("%v, %v", c, err)
		}
		if results := subjects(b, newJetStream(t, nc), "POTOK_RESULTS", "potok.res.>"); len(results) > 0 {
			t.Errorf("results are there still: %v", results)
		}
	})
}

func TestACancelledCallCountsAsMissingInTheNextLife(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		c := b.client(nc, cluster.WithRun("cancelled"))
		b.act("first", func(ctx context.Context, n int) (int, error) { time.Sleep(10 * time.Second); return 1, nil })
		b.act("waits", func(ctx context.Context, n int) (int, error) { return 2, nil })
		first, waits := perform.Submit(b.Context(), c, "first"), perform.Submit(b.Context(), c, "waits")
		time.Sleep(time.Second)
		if !waits.Cancel() {
			t.Error("it was not cancelled")
		}
		b.want(first, 1)
		synctest.Wait()
		if results := subjects(b, newJetStream(t, nc), "POTOK_RESULTS", "potok.res.cancelled.>"); len(results) != 2 {
			t.Errorf("results: %v", results)
		}
		if n := len(b.begun("waits")); n != 0 {
			t.Errorf("the cancelled call ran %d times", n)
		}
		for range 2 {
			again := b.client(b.connect(b.cable()), cluster.WithRun("cancelled"))
			first, waits := perform.Submit(b.Context(), again, "first"), perform.Submit(b.Context(), again, "waits")
			b.want(first, 1)
			b.want(waits, 2)
			again.Close()
		}
		if n, m := len(b.begun("first")), len(b.begun("waits")); n != 1 || m != 1 {
			t.Errorf("%d and %d executions", n, m)
		}
		b.noCalls(nc)
	})
}

func TestCallsWaitForAWorkerAndTheClientIsTold(t *testing.T) {
	inBubble(t, func(b *bubble) {
		nc := b.connect(b.cable())
		c := b.client(nc)
		b.act("waits", func(context.Context, int) (int, error) { return 4, nil })
		f := perform.Submit(b.Context(), c, "waits")
		time.Sleep(5*time.Second - time.Millisecond)
		const words = "no worker that was heard of knows the task"
		if strings.Contains(b.log.String(), words) {
			t.Error("it is told too early")
		}
		time.Sleep(2 * time.Second)
		if !strings.Contains(b.log.String(), words) || !strings.Contains(b.log.String(), perform.Name()) {
			t.Errorf("not told: %s", b.log)
		}
		time.Sleep(time.Hour)
		if n := strings.Count(b.log.String(), words); n != 1 {
			t.Errorf("told %d times", n)
		}
		b.worker(b.connect(b.cable()), 1, "worker")
		begin := time.Now()
		b.want(f, 4)
		if d := time.Since(begin); d > time.Millisecond {
			t.Errorf("it took %v", d)
		}
		b.noCalls(nc)
	})
}

// Whoever runs the calls cannot be told that they end: Close waits for a word of theirs, and gives up.
func TestCloseOfAClientThatIsCutOff(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 45 * time.Second, 10 * time.Minute} {
		for _, calls := range []int{0, 20} {
			t.Run(fmt.Sprint(away, calls), func(t *testing.T) {
				inBubble(t, func(b *bubble) {
					b.worker(b.connect(b.cable()), 1, "worker")
					near := b.cable()
					c := b.client(b.connect(near))
					b.submitMany(c, "before", 1)()
					b.submitMany(c, "closed", calls)
					time.Sleep(1500 * time.Millisecond)
					near.cut()
					time.Sleep(away)
					begin := time.Now()
					if err := c.Close(); err != nil {
						t.Error(err)
					}
					limit := time.Duration(0)
					if calls > 0 {
						limit = 45 * time.Second // ten for the workers, and as much for each request that is under way
					}
					if d := time.Since(begin); d > limit {
						t.Errorf("it took %v", d)
					}
				})
			})
		}
	}
}
