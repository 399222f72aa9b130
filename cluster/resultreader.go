package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/internal/registry"
)

// resultsIdle is how long the server keeps a consumer that nobody reads from.
const resultsIdle = 5 * time.Minute

// A resultReader reads the results of a run in the order in which they were stored, each once. It makes its consumer anew
// when the connection is, when a message was lost on the way, and when the clerk says so. The ordered consumer of package
// jetstream does the first two, but may not be stopped before the server has answered it, ten seconds and more.
type resultReader struct {
	client *Client
	prefix string        // of the subjects of results
	last   atomic.Uint64 // sequence of the last one that was read, or may be skipped; set under mu
	heard  atomic.Int64  // when, in Unix nanoseconds

	broken chan struct{}    // holds a value: the consumer is to be made anew
	status chan nats.Status // the same, when the connection is

	mu        sync.Mutex // guards the fields below; never held while blocking
	serial    uint64     // of the consumer that counts
	delivered uint64     // how many messages it has delivered
}

// readResults begins to read, and blocks until all that is stored now is known. The reader starts before any call.
func (c *Client) readResults(ctx context.Context) error {
	stream, err := findStream(ctx, c.js, resultsStream)
	if err != nil {
		return fmt.Errorf("potok/cluster: %w", explain(err))
	}
	r := &resultReader{
		client: c, prefix: resultPrefix + c.options.run + ".",
		broken: make(chan struct{}, 1), status: c.nc.StatusChanged(nats.CONNECTED),
	}
	upTo := uint64(0)
	if c.book == nil { // nobody else knows the run: nothing is there
		r.last.Store(stream.CachedInfo().State.LastSeq)
	} else {
		last, err := lastMsg(ctx, stream, r.subject())
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			c.nc.RemoveStatusListener(r.status)
			return fmt.Errorf("potok/cluster: %w", err)
		default:
			upTo = last.Sequence
		}
	}
	now, err := r.consume(ctx)
	if err != nil {
		c.nc.RemoveStatusListener(r.status)
		return err
	}
	c.reader = r
	c.work.Go(func() { r.run(now) })
	for r.last.Load() < upTo { // as fast as the server sends; not worth a signal of its own
		pause(ctx, 5*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("potok/cluster: reading the results of run %s: %w", c.options.run, registry.ContextError(ctx))
		}
	}
	return nil
}

func (r *resultReader) subject() string { return r.prefix + ">" }

// run sees to it that there is a consumer, until the client is disconnected, which waits for it.
func (r *resultReader) run(now jetstream.ConsumeContext) {
	defer r.client.nc.RemoveStatusListener(r.status)
	status := r.status
	for {
		select {
		case <-r.client.ctx.Done():
			stopConsuming(now)
			return
		case _, open := <-status:
			if !open { // the connection is closed
				status = nil
				continue
			}
		case <-r.broken:
		}
		stopConsuming(now)
		now = r.consumeAgain()
	}
}

func stopConsuming(now jetstream.ConsumeContext) {
	if now != nil {
		now.Stop()
		<-now.Closed()
	}
}

// consumeAgain makes a consumer, for as long as it takes while the client is connected.
func (r *resultReader) consumeAgain() jetstream.ConsumeContext {
	c := r.client
	for warned := false; c.ctx.Err() == nil; pause(c.ctx, resendAfter) {
		ctx, cancel := context.WithTimeout(c.ctx, requestTime)
		now, err := r.consume(ctx)
		cancel()
		if err == nil {
			return now
		}
		if !warned && c.ctx.Err() == nil {
			warned = true
			slog.Default().Warn("potok/cluster: results cannot be read", "run", c.options.run, "err", err)
		}
	}
	return nil
}

// consume begins to read behind the last result.
func (r *resultReader) consume(ctx context.Context) (jetstream.ConsumeContext, error) {
	r.mu.Lock()
	r.serial++
	r.delivered = 0
	serial, next := r.serial, r.last.Load()+1
	r.mu.Unlock()
	config := jetstream.ConsumerConfig{
		Name:              rand.Text(),
		FilterSubject:     r.subject(),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       next,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: resultsIdle,
		Replicas:          1,
		MemoryStorage:     true,
	}
	consumer, err := untilAnswered(ctx, func(ctx context.Context) (jetstream.Consumer, error) {
		return r.client.js.CreateConsumer(ctx, resultsStream, config)
	})
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: results: %w", err)
	}
	now, err := consumer.Consume(func(msg jetstream.Msg) { r.read(serial, msg) },
		jetstream.PullMaxMessages(window),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { r.failed(serial, err) }))
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: results: %w", err)
	}
	r.heard.Store(time.Now().UnixNano())
	return now, nil
}

// failed is told what is wrong with a consumer. What is not said here the clerk sees, as nothing comes.
func (r *resultReader) failed(serial uint64, err error) {
	r.mu.Lock()
	counts := serial == r.serial
	r.mu.Unlock()
	if counts && (errors.Is(err, jetstream.ErrNoHeartbeat) || errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, nats.ErrNoResponders)) {
		r.restart()
	}
}

// restart has the consumer made anew. It does not block.
func (r *resultReader) restart() {
	select {
	case r.broken <- struct{}{}:
	default:
	}
}

// forget has the next consumer begin with the first result: what is on its way does not count.
func (r *resultReader) forget() {
	r.mu.Lock()
	r.serial++
	r.last.Store(0)
	r.mu.Unlock()
}

// read takes one result.
func (r *resultReader) read(serial uint64, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		return
	}
	sequence := meta.Sequence.Stream
	r.mu.Lock()
	counts := serial == r.serial && meta.Sequence.Consumer == r.delivered+1
	lost := serial == r.serial && !counts
	if counts {
		r.delivered++
	}
	r.mu.Unlock()
	if lost {
		r.restart()
	}
	if !counts || sequence <= r.last.Load() {
		return
	}
	if name, ok := strings.CutPrefix(msg.Subject(), r.prefix); ok {
		r.client.heardResult(name, sequence, msg.Data())
	}
	r.mu.Lock()
	if serial == r.serial {
		r.last.Store(sequence)
	}
	r.mu.Unlock()
	r.heard.Store(time.Now().UnixNano())
}
