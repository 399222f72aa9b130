package faults_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

// A power cut in Fast takes the last second from each stream, as it comes. Whoever lives through it goes on.
func TestAServerThatForgetsItsLastSeconds(t *testing.T) {
	for _, tt := range []struct {
		name           string
		calls, results time.Duration // from when the streams are
		stop           time.Duration
	}{
		{name: "both", calls: 3500 * time.Millisecond, results: 3500 * time.Millisecond, stop: 7500 * time.Millisecond},
		{name: "results", calls: 7500 * time.Millisecond, results: 3500 * time.Millisecond, stop: 7500 * time.Millisecond},
		{name: "calls", calls: 3500 * time.Millisecond, results: 7500 * time.Millisecond, stop: 7500 * time.Millisecond},
		{name: "acceptance", stop: 2500 * time.Millisecond}, // from before the calls came
	} {
		for _, named := range []bool{false, true} {
			name := tt.name
			var opts []cluster.Option
			if named {
				name += "OfARunWithAName"
				opts = append(opts, cluster.WithRun("forgets"))
			}
			t.Run(name, func(t *testing.T) {
				to := t.TempDir()
				inBubble(t, func(b *bubble) {
					b.worker(b.connect(b.cable()), 1, "worker")
					nc := b.connect(b.cable())
					c := b.client(nc, opts...)
					b.submitMany(c, "early", 1)() // so there is a consumer
					time.Sleep(time.Second)
					begin := time.Now()
					copied := func(part string, at time.Duration) {
						time.Sleep(time.Until(begin.Add(at)))
						synctest.Wait()
						b.copyStore(to, part)
					}
					const calls, results = "$G/streams/POTOK_CALLS", "$G/streams/POTOK_RESULTS"
					if tt.calls == 0 {
						copied("", 0)
					}
					wait := b.submitMany(c, "forgets", 20)
					switch {
					case tt.calls == 0:
					case tt.calls < tt.results:
						copied("", tt.calls)
						copied(results, tt.results)
					default:
						copied("", tt.results)
						copied(calls, tt.calls)
					}
					time.Sleep(time.Until(begin.Add(tt.stop)))
					b.replace(to)
					wait()
					if d := time.Since(begin); d > 2*time.Minute {
						t.Errorf("it took %v", d)
					}
					more := b.submitMany(c, "more", 3)
					more()
					time.Sleep(time.Minute)
					b.noCalls(nc)
				})
			})
		}
	}
}

// The next attempt's result stands behind that of the one before, which may be gone.
func TestTheResultOfTheAttemptBeforeIsLost(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 1, "worker")
		nc := b.connect(b.cable())
		c := b.client(nc, cluster.WithRun("attempts"))
		b.act("twice", func(_ context.Context, n int) (int, error) {
			if n == 0 {
				return 0, errors.New("not yet")
			}
			return 3, nil
		})
		f := perform.With(potok.Retry(2, time.Minute, time.Minute)).Submit(b.Context(), c, "twice")
		time.Sleep(time.Second)
		stream, err := newJetStream(t, nc).Stream(b.Context(), "POTOK_RESULTS")
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Purge(b.Context()); err != nil {
			t.Fatal(err)
		}
		b.want(f, 3)
		if n := len(b.begun("twice")); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}
