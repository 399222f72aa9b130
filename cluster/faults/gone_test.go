package faults_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

// Of a worker whose connection is closed the server knows at once, and clients soon: nobody waits for the end of its lease.
func TestACallOfAWorkerThatIsGoneGoesToAnotherSoon(t *testing.T) {
	for _, priority := range []cluster.Priority{cluster.Normal, cluster.High} {
		inBubble(t, func(b *bubble) {
			dying := b.connect(b.cable())
			b.worker(dying, 4, "dying")
			c := b.client(b.connect(b.cable()), cluster.WithPriority(priority))
			died := make(chan time.Time, 2)
			act := func(ctx context.Context, n int) (int, error) {
				if n == 0 {
					time.Sleep(20 * time.Second)
					died <- time.Now()
					dying.Close()
					<-ctx.Done()
				}
				return n + 1, nil
			}
			b.act("single", act)
			b.act("chunk", act)
			single := perform.Submit(b.Context(), c, "single")
			chunk := make(chan int)
			go func() {
				for v := range perform.Map(context.Background(), c, func(yield func(string) bool) { yield("chunk") }) {
					chunk <- v
				}
			}()
			time.Sleep(10 * time.Second)
			b.worker(b.connect(b.cable()), 4, "other")
			b.want(single, 2)
			if v := <-chunk; v != 2 {
				t.Errorf("result %d of Map", v)
			}
			first := <-died
			for _, name := range []string{"single", "chunk"} {
				if d := b.begun(name)[1].Sub(first); d > 2*time.Second+100*time.Millisecond {
					t.Errorf("%s began again %v after its worker had died", name, d)
				}
			}
			b.noCalls(b.connect(b.cable()))
		})
	}
}

// A worker that connects again has what it had, and nobody else gets it.
func TestACallOfAWorkerThatConnectsAgainIsNotBegunAgain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		far := b.cable()
		b.worker(b.connect(far), 1, "hung up")
		b.worker(b.connect(b.cable()), 1, "other")
		c := b.client(b.connect(b.cable()))
		b.act("long", func(context.Context, int) (int, error) { time.Sleep(2 * time.Minute); return 7, nil })
		fs := []*potok.Future[int]{perform.Submit(b.Context(), c, "long"), perform.Submit(b.Context(), c, "long")}
		for range 150 {
			time.Sleep(700 * time.Millisecond)
			far.hangUp()
		}
		for _, f := range fs {
			b.want(f, 7)
		}
		if n := len(b.begun("long")); n != 2 {
			t.Errorf("2 calls have begun %d times", n)
		}
	})
}

var bulk = potok.Define("faults.bulk", func(ctx context.Context, b []byte) ([]byte, error) {
	n, err := perform.Call(ctx, "bulk")
	return bytes.Repeat(b, n), err
})

// What is large is stored by each worker that runs the call, and none takes the place of what another has stored.
func TestALargeCallThatRunsTwice(t *testing.T) {
	inBubble(t, func(b *bubble) {
		far := b.cable()
		b.worker(b.connect(far), 1, "cut off")
		b.act("bulk", func(_ context.Context, n int) (int, error) {
			if n == 0 {
				far.cut()
				time.Sleep(30 * time.Second)
			}
			return 2 + n, nil
		})
		large := bytes.Repeat([]byte("0123456789abcdef"), 50_000)
		check := func(f *potok.Future[[]byte]) {
			if got, err := f.Result(b.Context()); err != nil || !bytes.Equal(got, bytes.Repeat(large, 3)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
		c := b.client(b.connect(b.cable()), cluster.WithRun("large"))
		f := bulk.Submit(b.Context(), c, large)
		time.Sleep(time.Second)
		b.worker(b.connect(b.cable()), 1, "other")
		check(f)
		far.heal()
		time.Sleep(5 * time.Minute)
		b.noCalls(b.connect(b.cable()))
		if n := len(b.begun("bulk")); n != 2 {
			t.Errorf("%d executions", n)
		}
		check(bulk.Submit(b.Context(), b.client(b.connect(b.cable()), cluster.WithRun("large")), large))
	})
}
