package cluster

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// An ending is a call that has begun and whose context has ended: it ends with what its worker answers, however long that
// takes. The worker says each time it is told that it has the call; if nobody says so for long, nobody has it any more.
type ending struct {
	why   error
	told  time.Time
	heard time.Time // that somebody has it
}

// End tells whoever runs the call that its context has ended.
func (c *Client) End(ctx context.Context, s *remote.Shipment) {
	now := time.Now()
	e := &ending{registry.ContextError(ctx), now, now}
	c.mu.Lock()
	c.endings[s] = e
	m, index := c.sentLocked(s)
	c.mu.Unlock()
	if m == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return // it is not sent yet, or the worker has the deadline too: it is told when it is late
	}
	c.tellEnd(m, index, len(m.shipments) == 1, e.why)
}

// sentLocked returns the message that a call went with, and where it stands there; nil: it has not gone yet, or there is
// another attempt. The caller holds mu.
func (c *Client) sentLocked(s *remote.Shipment) (m *message, index int) {
	n := s.Item.Note.(*note)
	if m = n.message; m == nil || m.shipments[n.index] != s {
		return nil, 0
	}
	return m, n.index
}

// tellEnd is heard by the workers that are connected now; nobody else can have the call.
func (c *Client) tellEnd(m *message, index int, all bool, why error) {
	e := endMessage{message: m.name, all: all, index: index, why: wire.AppendError(nil, why)}
	_ = c.nc.Publish(endPrefix+c.options.run, e.bytes()) // if the connection is gone, so is its worker's, or it will be late
}

// tellEndings tells workers again which calls are to end, and ends those that nobody has.
func (c *Client) tellEndings() {
	type tell struct {
		m     *message
		index int
		why   error
	}
	var again []tell
	var lost []*remote.Shipment
	c.mu.Lock()
	now := time.Now()
	for s, e := range c.endings {
		n := s.Item.Note.(*note)
		m, index := c.sentLocked(s)
		switch {
		case n.dropped, m != nil && c.out[resultName(m.name)] != m, m == nil && n.message != nil: // answered, or withdrawn
			delete(c.endings, s)
		case m == nil: // it will be sent
			e.heard = now
		case now.Sub(e.heard) > ackWait:
			delete(c.endings, s)
			lost = append(lost, s)
		case now.Sub(e.told) >= heartbeat:
			e.told = now
			again = append(again, tell{m, index, e.why})
		}
	}
	c.mu.Unlock()
	for _, t := range again {
		c.tellEnd(t.m, t.index, len(t.m.shipments) == 1, t.why)
	}
	if len(lost) > 0 {
		slog.Default().Warn("potok/cluster: calls were to end, and no worker has them", "run", c.options.run, "calls", len(lost))
	}
	for _, s := range lost {
		c.Withdraw(s)
		c.group.GiveBack(s)
	}
}
