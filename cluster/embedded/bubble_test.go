package embedded_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

func TestRedeliveryInABubbleTakesExactlyAckWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := embedded.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		nc, err := srv.Connect()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Storage: jetstream.MemoryStorage, Retention: jetstream.WorkQueuePolicy})
		if err != nil {
			t.Fatal(err)
		}
		consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(ctx, "s.a", []byte("call")); err != nil {
			t.Fatal(err)
		}
		if _, err := consumer.Next(jetstream.FetchMaxWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
		delivered := time.Now()
		again, err := consumer.Next(jetstream.FetchMaxWait(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		const want = 30*time.Second + time.Millisecond // ackWaitDelay of the server: it looks a millisecond later than it has to
		if waited := time.Since(delivered); waited != want {
			t.Errorf("delivered again after %v, want %v", waited, want)
		}
		meta, err := again.Metadata()
		if err != nil || meta.NumDelivered != 2 {
			t.Errorf("metadata %+v, %v; want the second delivery", meta, err)
		}
		if err := again.DoubleAck(ctx); err != nil {
			t.Error(err)
		}
	})
}

// Answers find their way to a worker's account for as long as the server remembers who asked: two minutes after the last.
func TestWorkerGetsACallThatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := embedded.Start(embedded.Token(fullToken), embedded.WorkerToken(workerToken))
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		dial := func(token string) jetstream.JetStream {
			nc, err := nats.Connect("", nats.InProcessServer(srv.NATS()), nats.Token(token), nats.CustomInboxPrefix(embedded.WorkerInbox))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			return newJetStream(t, nc)
		}
		ctx, js := t.Context(), dial(fullToken)
		stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "POTOK_CALLS", Subjects: []string{"potok.call.>"}, Storage: jetstream.MemoryStorage})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
			t.Fatal(err)
		}
		consumer, err := dial(workerToken).Consumer(ctx, "POTOK_CALLS", "workers")
		if err != nil {
			t.Fatal(err)
		}
		const late = 115 * time.Second
		time.AfterFunc(late, func() { js.PublishAsync("potok.call.late", nil) })
		begin := time.Now()
		if _, err := consumer.Next(jetstream.FetchMaxWait(2 * time.Minute)); err != nil || time.Since(begin) != late {
			t.Errorf("%v after %v, want a call after %v", err, time.Since(begin), late)
		}
	})
}
