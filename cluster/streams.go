package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	ackWait       = 10 * time.Second // a worker that is silent for so long has lost its calls
	heartbeat     = 3 * time.Second  // of workers, for themselves and their calls
	payloadsLive  = 30 * 24 * time.Hour
	maxAckPending = 1 << 17
	maxWaiting    = 1 << 13 // requests for calls that wait at a consumer

	codeNoReplicas    jetstream.ErrorCode = 10074 // the server is alone
	codeNoPeers       jetstream.ErrorCode = 10005 // its cluster is smaller
	codeNoStorage     jetstream.ErrorCode = 10047 // the account may not use so much of it
	codeWrongSequence jetstream.ErrorCode = 10071 // another message is there already
	codeStoreFailed   jetstream.ErrorCode = 10077 // full, or as above where each subject has one message
)

// makeStreams makes what is not there yet. What is there stays as it is: an administrator may have made it.
func makeStreams(ctx context.Context, nc *nats.Conn, js jetstream.JetStream) error {
	calls := jetstream.StreamConfig{
		Name:                 callsStream,
		Description:          "potok: calls that are not done",
		Subjects:             []string{callPrefix + ">"},
		Retention:            jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject:    1, // a call is there once
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		AllowDirect:          true,
	}
	results := jetstream.StreamConfig{
		Name:              resultsStream,
		Description:       "potok: results, and what was put aside",
		Subjects:          []string{resultPrefix + ">", deadPrefix + ">", tryPrefix + ">", runPrefix + ">"},
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew, // nothing is forgotten before its time
		AllowMsgTTL:       true,                 // each result has its own
		AllowDirect:       true,
	}
	for _, c := range []jetstream.StreamConfig{calls, results} {
		if err := makeStream(ctx, nc, js, c); err != nil {
			return fmt.Errorf("potok/cluster: stream %s: %w", c.Name, err)
		}
	}
	if err := makeBucket(ctx, js); err != nil {
		return fmt.Errorf("potok/cluster: object store %s: %w", payloadBucket, err)
	}
	return nil
}

func makeStream(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, c jetstream.StreamConfig) error {
	_, err := findStream(ctx, js, c.Name)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	// As safe as the server can: three copies, or one, on disk, or in memory where there is none.
	c.Replicas = 1
	if nc.ConnectedClusterName() != "" {
		c.Replicas = 3
	}
	for {
		_, err = untilAnswered(ctx, func(ctx context.Context) (jetstream.Stream, error) { return js.CreateStream(ctx, c) })
		switch code := codeOf(err); {
		case errors.Is(err, jetstream.ErrStreamNameAlreadyInUse):
			return nil // somebody else was faster, and had another configuration in mind
		case c.Replicas > 1 && (code == codeNoReplicas || code == codeNoPeers):
			c.Replicas = 1
		case c.Storage == jetstream.FileStorage && code == codeNoStorage:
			c.Storage = jetstream.MemoryStorage
		default:
			return err
		}
	}
}

// codeOf returns the server's code of an error; 0: it has none.
func codeOf(err error) jetstream.ErrorCode {
	if e, ok := errors.AsType[jetstream.JetStreamError](err); ok && e.APIError() != nil {
		return e.APIError().ErrorCode
	}
	return 0
}

// makeConsumer makes the consumer of a task, from which all workers that know the task take calls.
func makeConsumer(ctx context.Context, js jetstream.JetStream, token string) error {
	config := jetstream.ConsumerConfig{
		Durable:       token,
		Description:   "potok: calls of a task",
		FilterSubject: callPrefix + token + ".>",
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxDeliver:    -1, // who is given a call too often puts it aside
		MaxAckPending: maxAckPending,
		MaxWaiting:    maxWaiting,
	}
	_, err := untilAnswered(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return js.CreateConsumer(ctx, callsStream, config)
	})
	if errors.Is(err, jetstream.ErrConsumerExists) || errors.Is(err, jetstream.ErrConsumerNameAlreadyInUse) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("potok/cluster: consumer %s: %w", token, err)
	}
	return nil
}

// makeBucket makes the bucket for what is too large for a message. A worker may not, and learns only when a call has run that its
// result is large.
func makeBucket(ctx context.Context, js jetstream.JetStream) error {
	_, err := findStream(ctx, js, bucketStream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	calls, err := findStream(ctx, js, callsStream)
	if err != nil {
		return err
	}
	safe := calls.CachedInfo().Config // as the calls are
	_, err = untilAnswered(ctx, func(ctx context.Context) (jetstream.ObjectStore, error) {
		return js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: payloadBucket, TTL: payloadsLive, Replicas: safe.Replicas, Storage: safe.Storage,
		})
	})
	if errors.Is(err, jetstream.ErrBucketExists) {
		return nil // somebody else was faster
	}
	return err
}
