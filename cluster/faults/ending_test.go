package faults_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
)

// A call that is to end and whose worker is gone ends when the server would give it to another: there is none.
func TestACallThatIsCancelledEndsWithoutItsWorker(t *testing.T) {
	for name, end := range map[string]func(c potok.Executor, f *potok.Future[int], cancel func()){
		"Cancel":  func(_ potok.Executor, f *potok.Future[int], _ func()) { f.Cancel() },
		"context": func(_ potok.Executor, _ *potok.Future[int], cancel func()) { cancel() },
		"Close":   func(c potok.Executor, _ *potok.Future[int], _ func()) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(b *bubble) {
				far := b.cable()
				b.worker(b.connect(far), 1, "cut off")
				nc := b.connect(b.cable())
				c := b.client(nc)
				b.act("hang", func(ctx context.Context, _ int) (int, error) {
					time.Sleep(100 * time.Millisecond) // it is heard of that it has begun
					far.cut()
					<-ctx.Done()
					return 1, nil
				})
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				f := perform.Submit(ctx, c, "hang")
				time.Sleep(time.Second)
				begin := time.Now()
				end(c, f, cancel)
				_, err := f.Result(b.Context())
				if !errors.Is(err, context.Canceled) && !errors.Is(err, potok.ErrCancelled) && !errors.Is(err, potok.ErrClosed) {
					t.Errorf("error %v", err)
				}
				if d := time.Since(begin); d < ackWait || d > ackWait+heartbeat {
					t.Errorf("it took %v", d)
				}
				c.Close()
				b.noCalls(b.connect(b.cable()))
			})
		})
	}
}

// One whose worker takes its time ends with what that answers.
func TestACallThatIsCancelledEndsWithItsAnswer(t *testing.T) {
	inBubble(t, func(b *bubble) {
		b.worker(b.connect(b.cable()), 2, "worker")
		c := b.client(b.connect(b.cable()))
		b.act("stubborn", func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			time.Sleep(5 * time.Minute)
			return 7, nil
		})
		for _, fs := range [][]*potok.Future[int]{
			{perform.Submit(b.Context(), c, "stubborn")},
			perform.SubmitAll(b.Context(), c, []string{"stubborn", "stubborn"}),
		} {
			time.Sleep(time.Second)
			for _, f := range fs {
				f.Cancel()
			}
			begin := time.Now()
			for _, f := range fs {
				b.want(f, 7)
			}
			if d := time.Since(begin); d != 5*time.Minute {
				t.Errorf("it took %v", d)
			}
		}
	})
}

// A worker that is given such a call ends it at once.
func TestACallThatIsCancelledIsNotBegunAgain(t *testing.T) {
	inBubble(t, func(b *bubble) {
		far := b.cable()
		b.worker(b.connect(far), 1, "cut off")
		c := b.client(b.connect(b.cable()))
		b.act("hang", func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				time.Sleep(100 * time.Millisecond)
				far.cut()
			}
			<-ctx.Done()
			return 1, ctx.Err()
		})
		f := perform.Submit(b.Context(), c, "hang")
		time.Sleep(time.Second)
		b.worker(b.connect(b.cable()), 1, "other")
		time.Sleep(5 * time.Second)
		f.Cancel()
		begin := time.Now()
		if _, err := f.Result(b.Context()); err == nil {
			t.Error("no error")
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
		if n := len(b.begun("hang")); n > 2 {
			t.Errorf("begun %d times", n)
		}
	})
}

// Nobody can end the calls of a worker whose connection is closed but itself.
func TestCallsEndWithTheConnection(t *testing.T) {
	inBubble(t, func(b *bubble) {
		pool := potok.NewPool(2)
		nc := b.connect(b.cable())
		over := make(chan error, 1)
		go func() { over <- cluster.Serve(context.Background(), nc, pool) }()
		c := b.client(b.connect(b.cable()))
		b.act("patient", func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		mapped := make(chan struct{})
		go func() { // a chunk, which Serve waits for
			defer close(mapped)
			for range perform.Map(context.Background(), c, slices.Values([]string{"patient", "patient", "patient"})) {
			}
		}()
		perform.Submit(b.Context(), c, "patient")
		for len(b.begun("patient")) < 2 {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		nc.Close()
		if err := <-over; !errors.Is(err, nats.ErrConnectionClosed) {
			t.Error(err)
		}
		pool.Close()
		if d := time.Since(begin); d > 0 {
			t.Errorf("it took %v", d)
		}
		c.Close()
		<-mapped
	})
}
