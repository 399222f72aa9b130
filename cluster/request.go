package cluster

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answerTime is how long a server has to answer before it is asked again. While servers choose a leader of a stream nobody
// answers, and nobody remembers that he was asked; package jetstream asks once and waits for as long as ctx lets it.
const answerTime = 2 * time.Second

// untilAnswered asks until a server answers, or ctx ends, which is requestTime at most where it has no deadline. So what is asked
// must be the same when it is asked twice.
func untilAnswered[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := withRequestTime(ctx)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, answerTime)
		v, err := ask(once)
		silent := once.Err() != nil
		cancel()
		if err == nil || !silent || ctx.Err() != nil {
			return v, err
		}
	}
}

// withRequestTime bounds what is asked of a server, for callers who have set no bound.
func withRequestTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, requestTime)
}

func findStream(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	return untilAnswered(ctx, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, name) })
}

// findConsumer finds the consumer of a task.
func findConsumer(ctx context.Context, js jetstream.JetStream, token string) (jetstream.Consumer, error) {
	return untilAnswered(ctx, func(ctx context.Context) (jetstream.Consumer, error) { return js.Consumer(ctx, callsStream, token) })
}

func lastMsg(ctx context.Context, s jetstream.Stream, subject string) (*jetstream.RawStreamMsg, error) {
	return untilAnswered(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.GetLastMsgForSubject(ctx, subject)
	})
}

func getMsg(ctx context.Context, s jetstream.Stream, sequence uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return untilAnswered(ctx, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return s.GetMsg(ctx, sequence, opts...) })
}

// publishMsg stores a message that is refused where it is already: by the sequence it expects, or as calls are.
func publishMsg(ctx context.Context, js jetstream.JetStream, m *nats.Msg) (*jetstream.PubAck, error) {
	return untilAnswered(ctx, func(ctx context.Context) (*jetstream.PubAck, error) { return js.PublishMsg(ctx, m) })
}

func purge(ctx context.Context, s jetstream.Stream, subject string) error {
	_, err := untilAnswered(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.Purge(ctx, jetstream.WithPurgeSubject(subject))
	})
	return err
}

// orderedConsumer makes a consumer of results. One of which nobody was told is gone after some minutes.
func orderedConsumer(ctx context.Context, js jetstream.JetStream, config jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	return untilAnswered(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return js.OrderedConsumer(ctx, resultsStream, config)
	})
}
