package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

const (
	publishTime = 5 * time.Second        // after which what was sent is sent again
	resendAfter = 250 * time.Millisecond // what the server has refused
)

// A note is what the client keeps of a call, from one attempt to the next. It is guarded by mu, once the call is sent.
type note struct {
	name    string // of its messages; "": none yet
	after   uint64 // sequence of the result of the last attempt
	message *message
	index   int
	dropped bool // withdrawn
	many    bool // it came with others, and may share a message
}

// A message is calls on their way.
type message struct {
	name      string // the last part of its subject
	task      *registry.Task
	token     string
	shipments []*remote.Shipment
	body      *callMessage
	live      int // shipments that are not withdrawn; guarded by mu
	sent      time.Time
	checked   time.Time // when it was last seen to
	stored    bool      // the server has said so
}

// Send takes a call along with the next Flush.
func (c *Client) Send(s *remote.Shipment) {
	n, _ := s.Item.Note.(*note)
	if n == nil {
		n = &note{}
		s.Item.Note = n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n.message, n.dropped, n.many = nil, false, s.Item.Many
	c.batch = append(c.batch, s)
}

// Withdraw drops a call that has not begun, as far as is known. If it has it runs on until it hears of it, and nobody
// hears its answer.
func (c *Client) Withdraw(s *remote.Shipment) bool {
	n := s.Item.Note.(*note)
	c.mu.Lock()
	defer c.mu.Unlock()
	n.dropped = true
	if m := n.message; m != nil {
		m.live--
		if key := resultName(m.name); m.live == 0 && c.out[key] == m {
			delete(c.out, key)
		}
		c.cancels = append(c.cancels, cancelOrder{m, n.index, m.live == 0})
		c.rouse()
	}
	return true
}

// End tells whoever runs the call that its context has ended.
func (c *Client) End(ctx context.Context, s *remote.Shipment) {
	n := s.Item.Note.(*note)
	c.mu.Lock()
	m := n.message
	c.mu.Unlock()
	if m == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return // the worker has the deadline too
	}
	c.tellEnd(m, n.index, len(m.shipments) == 1, registry.ContextError(ctx))
}

// tellEnd is heard by the workers that are connected now; nobody else can have the call.
func (c *Client) tellEnd(m *message, index int, all bool, why error) {
	e := endMessage{message: m.name, all: all, index: index, why: wire.AppendError(nil, why)}
	_ = c.nc.Publish(endPrefix+c.options.run, e.append(nil)) // if the connection is gone, so is its worker's, or it will be late
}

// rouse has the clerk look.
func (c *Client) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Flush sends what Send has taken along.
func (c *Client) Flush() {
	c.mu.Lock()
	batch := c.batch
	c.batch = nil
	c.mu.Unlock()
	for len(batch) > 0 {
		m, rest, stored := c.pack(batch)
		batch = rest
		switch {
		case stored.sequence > 0:
			c.work.Go(func() { c.takeStored(m, stored.sequence) })
		case m != nil:
			c.post(m)
		}
	}
}

// pack makes a message of the first calls of a batch. None: they are withdrawn. With a sequence it is not to be sent, as
// its result is stored.
func (c *Client) pack(batch []*remote.Shipment) (m *message, rest []*remote.Shipment, known stored) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(batch) > 0 && batch[0].Item.Note.(*note).dropped {
		batch = batch[1:]
	}
	if len(batch) == 0 {
		return nil, nil, known
	}
	first := batch[0]
	call := first.Item.Call
	t := c.taskLocked(call.Task())
	m = &message{task: call.Task(), token: t.token}
	m.body = &callMessage{
		kind: kindCalls, task: m.task.Name, items: 1,
		timeout: call.Timeout(), keep: c.options.keep, attempts: uint64(c.options.attempts),
	}
	if !first.Deadline.IsZero() {
		m.body.remains = max(1, time.Until(first.Deadline))
	}
	if k := first.Item.Chunk; k != nil {
		m.body.kind, m.body.items = kindChunk, k.Items()
	}
	if n := first.Item.Note.(*note); c.book != nil && n.name == "" {
		name := c.book.next(m.task.Name, first.Item.In)
		n.name = name.String()
		if known = c.book.stored[name]; known.sequence > 0 {
			delete(c.book.stored, name)
			if known.cancelled {
				n.after, known = known.sequence, stored{}
			}
		}
	}
	size := 0
	for {
		s := batch[0]
		n := s.Item.Note.(*note)
		n.message, n.index = m, len(m.shipments)
		m.shipments = append(m.shipments, s)
		m.body.ins = append(m.body.ins, s.Item.In)
		size += len(s.Item.In)
		batch = batch[1:]
		if len(batch) == 0 || !c.joinsLocked(m, size, batch[0]) {
			break
		}
	}
	if m.body.kind == kindCalls {
		m.body.items = len(m.shipments)
	}
	m.live = len(m.shipments)
	c.nameLocked(m)
	m.sent = time.Now()
	m.checked = m.sent
	c.out[resultName(m.name)] = m
	return m, batch, known
}

// joinsLocked says whether a call may share a message with those before it.
func (c *Client) joinsLocked(m *message, size int, s *remote.Shipment) bool {
	it, first := s.Item, m.shipments[0].Item
	n, one := it.Note.(*note), first.Note.(*note)
	return c.book == nil && one.many && n.many && !n.dropped && n.name == "" && one.name == "" &&
		it.Chunk == nil && first.Chunk == nil && it.Call.Task() == m.task &&
		m.body.timeout == 0 && it.Call.Timeout() == 0 && s.Deadline.Equal(m.shipments[0].Deadline) &&
		len(m.shipments) < c.pace.items() && size+len(it.In) <= packLimit
}

// nameLocked names a message: by its only call, for attempts to find each other, or by a number.
func (c *Client) nameLocked(m *message) {
	n := m.shipments[0].Item.Note.(*note)
	if n.name == "" || len(m.shipments) > 1 {
		c.numbers++
		m.name = strconv.FormatUint(c.numbers, 36)
		if len(m.shipments) == 1 {
			n.name = m.name
		}
		return
	}
	m.name = n.name
	if n.after > 0 { // the message before it may be there still
		m.name += "-" + strconv.FormatUint(n.after, 36)
		m.body.after = n.after
	}
}

// resultName is the last part of the subject of a message's result: the same for all attempts.
func resultName(message string) string {
	name, _, _ := strings.Cut(message, "-")
	return name
}

// taskLocked returns what is known of a task.
func (c *Client) taskLocked(task *registry.Task) *taskState {
	t := c.tasks[task]
	if t == nil {
		t = &taskState{}
		t.token, _ = taskToken(task.Name) // encode has looked
		c.tasks[task] = t
	}
	return t
}

// post sends a message, later if its task's consumer has to be made first, or if its arguments have to go elsewhere.
func (c *Client) post(m *message) {
	size := 0
	for _, in := range m.body.ins {
		size += len(in)
	}
	if size > inlineLimit {
		c.work.Go(func() { c.postLarge(m) })
		return
	}
	c.mu.Lock()
	t := c.tasks[m.task]
	switch {
	case t.made:
		c.mu.Unlock()
		c.publish(m)
		return
	case len(t.waiting) == 0:
		c.work.Go(func() { c.makeTask(t, m.task) })
	}
	t.waiting = append(t.waiting, m)
	c.mu.Unlock()
}

// makeTask makes the consumer of a task, and then sends what has waited for it, in order.
func (c *Client) makeTask(t *taskState, task *registry.Task) {
	for {
		ctx, cancel := context.WithTimeout(c.ctx, requestTime)
		err := makeConsumer(ctx, c.js, t.token)
		away := ctx.Err() != nil || errors.Is(err, nats.ErrNoResponders)
		cancel()
		if err == nil {
			break
		}
		if c.ctx.Err() != nil || !away {
			c.mu.Lock()
			waiting := t.waiting
			t.waiting = nil
			c.mu.Unlock()
			for _, m := range waiting {
				c.refused(m, err)
			}
			return
		}
		slog.Default().Warn("potok/cluster: the server does not answer", "task", task.Name, "err", err)
		pause(c.ctx, resendAfter)
	}
	_ = c.nc.Publish(taskSubject, []byte(task.Name)) // workers that were there before it look for it
	for {
		c.mu.Lock()
		waiting := t.waiting
		t.waiting = nil
		t.made = len(waiting) == 0
		c.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		for _, m := range waiting {
			c.publish(m)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// postLarge puts the arguments where they fit, and posts the rest.
func (c *Client) postLarge(m *message) {
	name := c.options.run + "/" + m.name + "/in"
	if err := c.objects.put(c.ctx, name, m.body.appendIns(nil)); err != nil {
		c.refused(m, fmt.Errorf("potok/cluster: the arguments of %s: %w", m.task.Name, err))
		return
	}
	m.body.object, m.body.ins = name, nil
	c.post(m)
}

// publish sends a message, and notStored is told if the server has not stored it.
func (c *Client) publish(m *message) {
	msg := &nats.Msg{Subject: callPrefix + m.token + "." + c.options.run + "." + m.name, Data: m.body.append(nil)}
	if _, err := c.js.PublishMsgAsync(msg); err != nil {
		c.notStored(msg, err)
	}
}

// outNamed returns a message that is out; nil: it is not.
func (c *Client) outNamed(name string) *message {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.out[resultName(name)]; m != nil && m.name == name {
		return m
	}
	return nil
}

// notStored is told that a message was not stored, or may not have been.
func (c *Client) notStored(msg *nats.Msg, err error) {
	_, id, _ := parseCallSubject(msg.Subject)
	if id.run != c.options.run {
		return // a cancel that came too late
	}
	m := c.outNamed(id.message)
	switch {
	case m == nil: // answered, or withdrawn
	case codeOf(err) == codeStoreFailed && strings.Contains(err.Error(), "per subject"):
		// It is there: sent again, by this client, or by another of the same run.
	case errors.Is(err, nats.ErrMaxPayload):
		c.refused(m, potok.Permanent(fmt.Errorf("potok/cluster: the argument of %s: %w", m.task.Name, err)))
	case errors.Is(err, nats.ErrConnectionClosed):
		c.refused(m, fmt.Errorf("potok/cluster: %w", err))
	default: // full, or away: it has accepted the call, so it tries for as long as it takes
		c.mu.Lock()
		c.unsent = append(c.unsent, m)
		c.mu.Unlock()
	}
}

// refused fails the calls of a message.
func (c *Client) refused(m *message, err error) {
	c.mu.Lock()
	if key := resultName(m.name); c.out[key] == m {
		delete(c.out, key)
	}
	shipments := m.shipments
	c.mu.Unlock()
	for _, s := range shipments {
		c.group.Refuse(s, err)
	}
}
