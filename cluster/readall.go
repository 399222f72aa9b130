package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/internal/registry"
)

// readIdle is how long readAll waits for a message before it looks whether there is one to wait for.
const readIdle = time.Second

// subjectsOf returns which subjects of a stream have a message. None, where there is no stream: nobody has called yet.
func subjectsOf(ctx context.Context, js jetstream.JetStream, stream, filter string) ([]string, error) {
	s, err := findStream(ctx, js, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, asking(err)
	}
	info, err := untilAnswered(ctx, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.Info(ctx, jetstream.WithSubjectFilter(filter))
	})
	if err != nil {
		return nil, asking(err)
	}
	subjects := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		subjects = append(subjects, subject)
	}
	slices.Sort(subjects)
	return subjects, nil
}

// readAll calls fn for each message of these subjects in the results stream that is stored now, in the order in which they
// were stored. What comes meanwhile may be among them.
func readAll(ctx context.Context, js jetstream.JetStream, subjects []string, fn func(jetstream.Msg)) error {
	stream, err := findStream(ctx, js, resultsStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return asking(err)
	}
	last := stream.CachedInfo().State.LastSeq
	consumer, err := orderedConsumer(ctx, js, jetstream.OrderedConsumerConfig{
		FilterSubjects: subjects, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return asking(err)
	}
	defer func() { // the server would drop it by itself after some minutes
		if info := consumer.CachedInfo(); info != nil {
			_ = js.DeleteConsumer(context.WithoutCancel(ctx), resultsStream, info.Name)
		}
	}()
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	msgs, err := consumer.Messages(jetstream.PullMaxMessages(window))
	if err != nil {
		return asking(err)
	}
	defer msgs.Stop()
	for {
		idle, cancel := context.WithTimeout(ctx, readIdle)
		msg, err := msgs.Next(jetstream.NextContext(idle))
		cancel()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return asking(registry.ContextError(ctx))
		case errors.Is(err, context.DeadlineExceeded): // what was to come may have been removed
			info, err := untilAnswered(ctx, consumer.Info)
			if err != nil {
				return asking(err)
			}
			if info.NumPending == 0 {
				return nil
			}
			continue
		default:
			return asking(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return asking(err)
		}
		fn(msg)
		if meta.NumPending == 0 || meta.Sequence.Stream >= last {
			return nil
		}
	}
}

// lastOf returns the last message of a subject in the results stream, nil if there is none.
func lastOf(ctx context.Context, js jetstream.JetStream, subject string) (*jetstream.RawStreamMsg, error) {
	stream, err := findStream(ctx, js, resultsStream)
	if err == nil {
		var msg *jetstream.RawStreamMsg
		if msg, err = lastMsg(ctx, stream, subject); err == nil {
			return msg, nil
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return nil, asking(err)
}

// asking is explain for an administrator's requests.
func asking(err error) error {
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("potok/cluster: %w", err)
	}
	return fmt.Errorf("potok/cluster: %w", explain(err))
}
