package faults_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

func TestACallOfAWorkerThatIsCutOffGoesToAnotherAfterItsLease(t *testing.T) {
	for _, after := range []time.Duration{0, 7 * time.Second, 20 * time.Second} { // the call has begun
		t.Run(after.String(), func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				far := b.cable()
				b.worker(b.connect(far), 1, "cut off")
				started := time.Now()
				c := b.client(b.connect(b.cable()), cluster.WithRun("lease"))
				b.act("hang", func(_ context.Context, n int) (int, error) {
					if n > 0 {
						return 2, nil
					}
					time.Sleep(after)
					far.cut()
					time.Sleep(time.Minute)
					return 1, nil
				})
				time.Sleep(500 * time.Millisecond)
				f := perform.Submit(b.Context(), c, "hang")
				time.Sleep(time.Millisecond)
				b.worker(b.connect(b.cable()), 1, "other")
				b.want(f, 2)
				begun := b.begun("hang")
				last := begun[0]
				for beat := started.Add(heartbeat); beat.Before(begun[0].Add(after)); beat = beat.Add(heartbeat) {
					last = beat
				}
				want := ackWait
				if last.Equal(begun[0]) {
					want += late
				}
				if got := begun[1].Sub(last); got != want {
					t.Errorf("given to another worker %v after the last heartbeat, want %v", got, want)
				}
				// The cable is whole again, and the first worker says what it has found.
				far.heal()
				time.Sleep(5 * time.Minute)
				nc := b.connect(b.cable())
				b.noCalls(nc)
				if results := subjects(b, newJetStream(b, nc), "POTOK_RESULTS", "potok.res.>"); len(results) != 1 {
					t.Errorf("results: %v", results)
				}
				again := b.client(b.connect(b.cable()), cluster.WithRun("lease"))
				b.want(perform.Submit(b.Context(), again, "hang"), 2)
				if n := len(b.begun("hang")); n != 2 {
					t.Errorf("%d executions, want 2", n)
				}
			})
		})
	}
}

func TestACallThatRunsForLongIsGivenToNobodyElse(t *testing.T) {
	inBubble(t, func(b *bubble) {
		for range 3 {
			b.worker(b.connect(b.cable()), 1, "worker")
		}
		nc := b.connect(b.cable())
		c := b.client(nc)
		b.act("long", func(context.Context, int) (int, error) { time.Sleep(10 * time.Minute); return 7, nil })
		begin := time.Now()
		b.want(perform.Submit(b.Context(), c, "long"), 7)
		if d := time.Since(begin); d != 10*time.Minute {
			t.Errorf("it took %v", d)
		}
		if n := len(b.begun("long")); n != 1 {
			t.Errorf("%d executions", n)
		}
		b.noCalls(nc)
	})
}

func TestACallThatKillsWorkersIsGivenUp(t *testing.T) {
	const attempts = 3
	inBubble(t, func(b *bubble) {
		near := b.cable() // where it is not heard that the call has begun: else others get it sooner
		near.drop = func(subject, _ string) bool { return strings.HasPrefix(subject, "potok.ev.run.") }
		nc := b.connect(near)
		c := b.client(nc, cluster.WithRun("poison"), cluster.MaxAttempts(attempts))
		var current atomic.Pointer[nats.Conn]
		b.act("poison", func(context.Context, int) (int, error) {
			current.Load().Close()
			return 1, nil
		})
		b.act("good", func(context.Context, int) (int, error) { return 5, nil })
		f := perform.Submit(b.Context(), c, "poison")
		for deaths := range attempts {
			dying := b.connect(b.cable())
			current.Store(dying)
			b.worker(dying, 1, "dying")
			for len(b.begun("poison")) <= deaths {
				time.Sleep(time.Millisecond)
			}
		}
		b.worker(b.connect(b.cable()), 1, "last")
		_, err := f.Result(b.Context())
		given, begun := time.Now(), b.begun("poison")
		if !errors.Is(err, cluster.ErrDead) || !strings.Contains(err.Error(), "begun 3 times") {
			t.Errorf("error %v", err)
		}
		if len(begun) != attempts {
			t.Fatalf("%d executions, want %d", len(begun), attempts)
		}
		for i, at := range append(begun[1:], given) {
			if d := at.Sub(begun[i]); d != ackWait+late {
				t.Errorf("delivery %d after %v, want %v", i+2, d, ackWait+late)
			}
		}
		b.want(perform.Submit(b.Context(), c, "good"), 5)
		b.noCalls(nc)
		letters := subjects(b, newJetStream(b, nc), "POTOK_RESULTS", "potok.dead.poison.>")
		results := subjects(b, newJetStream(b, nc), "POTOK_RESULTS", "potok.res.poison.>")
		if len(letters) != 1 || len(results) != 2 {
			t.Fatalf("dead letters %v, results %v", letters, results)
		}
		for subject := range letters {
			if results["potok.res."+strings.TrimPrefix(subject, "potok.dead.")] != 1 {
				t.Errorf("the dead letter %s is of no result: %v", subject, results)
			}
		}
	})
}

// Calls that workers had fetched beside it come again as often as it does, and are not given up with it.
func TestACallThatKillsWorkersTakesNoOtherAlong(t *testing.T) {
	const attempts, others = 3, 20
	inBubble(t, func(b *bubble) {
		nc := b.connect(b.cable())
		c := b.client(nc, cluster.WithRun("poison"), cluster.MaxAttempts(attempts))
		var current atomic.Pointer[nats.Conn]
		b.act("poison", func(context.Context, int) (int, error) {
			time.Sleep(time.Second) // the others come meanwhile
			current.Load().Close()
			return 1, nil
		})
		b.act("short", func(context.Context, int) (int, error) { time.Sleep(10 * time.Microsecond); return 5, nil })
		warm := func() { // so that the worker fetches ahead
			for range 40 {
				b.want(perform.Submit(b.Context(), c, "short"), 5)
			}
		}
		var poison *potok.Future[int]
		var rest []*potok.Future[int]
		for death := range attempts {
			dying := b.connect(b.cable())
			current.Store(dying)
			b.worker(dying, 1, "dying")
			warm()
			if death == 0 {
				poison = perform.Submit(b.Context(), c, "poison")
				for range others {
					rest = append(rest, perform.Submit(b.Context(), c, "short"))
				}
			}
			for !dying.IsClosed() {
				time.Sleep(time.Millisecond)
			}
		}
		b.worker(b.connect(b.cable()), 1, "last")
		if _, err := poison.Result(b.Context()); !errors.Is(err, cluster.ErrDead) {
			t.Errorf("error %v", err)
		}
		for _, f := range rest {
			b.want(f, 5)
		}
		b.noCalls(nc)
	})
}

func TestATimeoutEndsAnAttemptOnTime(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		c := b.client(nc)
		b.act("slow", func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		begin := time.Now()
		_, err := perform.With(potok.Timeout(30*time.Second)).Submit(b.Context(), c, "slow").Result(b.Context())
		if d := time.Since(begin); d != 30*time.Second || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, potok.ErrCancelled) {
			t.Errorf("%v after %v", err, d)
		}
		b.noCalls(nc)
	})
}

func TestRetriesComeOnTime(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		for _, opts := range [][]cluster.Option{nil, {cluster.WithRun("retries")}} {
			c := b.client(b.connect(b.cable()), opts...)
			b.act("fails", func(_ context.Context, n int) (int, error) {
				if n < 3 {
					return 0, errors.New("not yet")
				}
				return 9, nil
			})
			b.want(perform.With(potok.Retry(4, 20*time.Second, 20*time.Second)).Submit(b.Context(), c, "fails"), 9)
			begun := b.begun("fails")
			if len(begun) != 4 {
				t.Fatalf("%d attempts", len(begun))
			}
			for i := range 3 {
				if d := begun[i+1].Sub(begun[i]); d != 20*time.Second {
					t.Errorf("attempt %d after %v", i+2, d)
				}
			}
			b.noCalls(nc)
		}
	})
}
