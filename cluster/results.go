package cluster

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

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
	return storeFailure(it, err)
}

// storeFailure fails a call, or all items of a chunk.
func storeFailure(it *remote.Item, err error) error {
	if it.Chunk == nil {
		return err
	}
	for i := range it.Chunk.Items() {
		it.Chunk.Fail(i, err)
	}
	it.Chunk.Done(it.Chunk.Items())
	return nil
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
