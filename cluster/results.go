package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// A resultReader reads the results of a run in the order in which they were stored.
type resultReader struct {
	client *Client
	prefix string        // of the subjects of results
	last   atomic.Uint64 // sequence of the last one that was read, or may be skipped
	heard  atomic.Int64  // when, in Unix nanoseconds

	mu  sync.Mutex // guards the fields below; held while a consumer is made
	now jetstream.ConsumeContext
}

// readResults begins to read, and blocks until all that is stored now is known. The reader starts before any call.
func (c *Client) readResults(ctx context.Context) error {
	stream, err := findStream(ctx, c.js, resultsStream)
	if err != nil {
		return fmt.Errorf("potok/cluster: %w", explain(err))
	}
	r := &resultReader{client: c, prefix: resultPrefix + c.options.run + "."}
	upTo := uint64(0)
	if c.book == nil { // nobody else knows the run: nothing is there
		r.last.Store(stream.CachedInfo().State.LastSeq)
	} else {
		last, err := lastMsg(ctx, stream, r.subject())
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return fmt.Errorf("potok/cluster: %w", err)
		default:
			upTo = last.Sequence
		}
	}
	c.reader = r
	if err := r.consume(ctx); err != nil {
		return err
	}
	for r.last.Load() < upTo { // as fast as the server sends; not worth a signal of its own
		pause(ctx, 5*time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("potok/cluster: reading the results of run %s: %w", c.options.run, registry.ContextError(ctx))
		}
	}
	return nil
}

func (r *resultReader) subject() string { return r.prefix + ">" }

// consume begins to read behind the last result, anew if it has begun before.
func (r *resultReader) consume(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked()
	consumer, err := orderedConsumer(ctx, r.client.js, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{r.subject()},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    r.last.Load() + 1,
	})
	if err != nil {
		return fmt.Errorf("potok/cluster: results: %w", err)
	}
	r.now, err = consumer.Consume(r.read, jetstream.PullMaxMessages(window), jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) {
		// The consumer begins anew by itself where it can. Where it cannot, the clerk sees that nothing comes.
	}))
	if err != nil {
		return fmt.Errorf("potok/cluster: results: %w", err)
	}
	r.heard.Store(time.Now().UnixNano())
	return nil
}

func (r *resultReader) stopLocked() {
	if r.now == nil {
		return
	}
	r.now.Stop()
	<-r.now.Closed()
	r.now = nil
}

// forget has consume begin with the first result.
func (r *resultReader) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked()
	r.last.Store(0)
}

func (r *resultReader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopLocked()
}

// read takes one result.
func (r *resultReader) read(msg jetstream.Msg) {
	meta, err := msg.Metadata()
	if err != nil || meta.Sequence.Stream <= r.last.Load() {
		return
	}
	if name, ok := strings.CutPrefix(msg.Subject(), r.prefix); ok {
		r.client.heardResult(name, meta.Sequence.Stream, msg.Data())
	}
	r.last.Store(meta.Sequence.Stream)
	r.heard.Store(time.Now().UnixNano())
}

// heardResult is told of a result that is stored.
func (c *Client) heardResult(name string, sequence uint64, data []byte) {
	body, err := parseResult(data)
	if err != nil { // of a worker of another version, say; it is the first, so there will be no other
		slog.Default().Warn("potok/cluster: a result was put aside", "run", c.options.run, "call", name, "err", checkVersion(data))
		body = &resultMessage{kind: kindDead, items: 1, results: []result{{
			failure: wire.AppendError(nil, potok.Permanent(fmt.Errorf("%w: its result: %w", ErrDead, checkVersion(data)))),
		}}}
	}
	c.mu.Lock()
	m := c.out[name]
	if m == nil || sequence <= m.body.after {
		if h, ok := parseHash(name); ok && c.book != nil {
			c.book.stored[h] = stored{sequence, body.kind == kindCancelled}
		}
		c.mu.Unlock()
		return
	}
	delete(c.out, name)
	m.epoch = c.epoch
	if m.body.kind == kindCalls && body.kind == kindResults {
		c.pace.answered(len(body.results), body.ran)
	}
	c.mu.Unlock()
	c.answered(m, body, sequence)
}

// answered settles the calls of a message.
func (c *Client) answered(m *message, body *resultMessage, sequence uint64) {
	if body.object != "" {
		c.work.Go(func() {
			data, err := c.objects.get(c.ctx, body.object)
			if err == nil {
				err = body.parseResults(data)
			}
			if err != nil {
				err = potok.Permanent(fmt.Errorf("potok/cluster: the result of %s: %w", m.task.Name, err))
				body.kind, body.results = kindDead, []result{{failure: wire.AppendError(nil, err)}}
			} else if c.book == nil { // nobody else will read it
				_ = c.objects.drop(c.ctx, body.object)
			}
			body.object = ""
			c.answered(m, body, sequence)
		})
		return
	}
	if m.body.object != "" && body.kind == kindResults {
		c.work.Go(func() { _ = c.objects.drop(c.ctx, m.body.object) })
	}
	for i, s := range m.shipments {
		if body.kind == kindResults && m.body.kind == kindCalls && i >= len(body.results) {
			c.group.GiveBack(s)
			continue
		}
		c.group.Answer(s, body.worker, func(it *remote.Item) error {
			n := it.Note.(*note)
			n.after, n.epoch = sequence, m.epoch
			switch {
			case body.kind == kindCancelled && len(body.results) == 0: // by another client of the run
				it.Call.Cancel(potok.ErrCancelled)
				return context.Cause(it.Ctx)
			case body.kind == kindDead:
				return storeDead(it, body)
			case it.Chunk != nil:
				c.storeChunk(it, body.results, body.ran)
				return nil
			}
			return storeOne(it, body.results[i])
		})
	}
}

func storeDead(it *remote.Item, body *resultMessage) error {
	err := potok.Permanent(errMessage)
	if len(body.results) > 0 {
		err = failure(body.results[0].failure)
	}
	if it.Chunk != nil {
		for i := range it.Chunk.Items() {
			it.Chunk.Fail(i, err)
		}
		it.Chunk.Done(it.Chunk.Items())
		return nil
	}
	return err
}

// storeOne puts the result of a call where it belongs.
func storeOne(it *remote.Item, r result) error {
	if len(r.out) > 0 {
		if err := decodeResult(it.Call.Task(), r.out, it.Call.Out()); err != nil {
			return err
		}
	}
	return failure(r.failure)
}

func decodeResult(task *registry.Task, b []byte, to any) error {
	if err := apart(wire.Custom(task.Out), func() error { return wire.Decode(b, to) }); err != nil {
		return potok.Permanent(fmt.Errorf("potok/cluster: result of %s: %w", task.Name, err))
	}
	return nil
}

func failure(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	far, err := wire.DecodeError(b)
	if err != nil {
		return potok.Permanent(err)
	}
	return far
}

// apart runs what may be code of the user's on a goroutine of its own.
func apart(users bool, decode func() error) error {
	if users {
		return remote.Apart(decode)
	}
	return decode()
}
