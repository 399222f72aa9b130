package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
)

const (
	publishTime = 5 * time.Second        // after which what was sent is sent again
	resendAfter = 250 * time.Millisecond // what the server has refused
)

// A note is what the client keeps of a call, from one attempt to the next. It is guarded by mu, once the call is sent.
type note struct {
	name    string // of its messages; "": none yet
	after   uint64 // sequence of the result of the last attempt
	epoch   int    // of that sequence
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
	live      int       // shipments that are not withdrawn; guarded by mu
	checked   time.Time // when it was sent, or last looked for; guarded by mu
	worker    string    // the id of whom it was last heard of, "" before; guarded by mu
	begun     time.Time // when it was first heard of from there; guarded by mu

	epoch  int         // of the sequence of its result
	posted atomic.Bool // once at least; what is large takes a while before it is
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
	if n.dropped && c.book == nil { // whoever runs it may still answer to that name
		n.name = ""
	}
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
	if c.book != nil {
		known = c.lookUpLocked(first.Item)
	}
	size := 0
	for {
		s := batch[0]
		n := s.Item.Note.(*note)
		n.message, n.index = m, len(m.shipments)
		m.shipments = append(m.shipments, s)
		trace, in := split(s.Item.In)
		m.body.trace, m.body.ins = trace, append(m.body.ins, in)
		size += len(in)
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
	m.checked = time.Now()
	c.out[resultName(m.name)] = m
	return m, batch, known
}

// lookUpLocked names a call of a run that others may know, and returns the result that it has, if there is one that is newer
// than what this client knows.
func (c *Client) lookUpLocked(it *remote.Item) (known stored) {
	n := it.Note.(*note)
	if n.name == "" {
		_, in := split(it.In)
		n.name = c.book.next(it.Call.Task().Name, in).String()
	}
	name, _ := parseHash(n.name)
	known = c.book.stored[name]
	delete(c.book.stored, name)
	switch {
	case known.sequence <= n.after && n.epoch == c.epoch:
		return stored{}
	case known.cancelled:
		n.after, n.epoch = known.sequence, c.epoch
		return stored{}
	}
	return known
}

// joinsLocked says whether a call may share a message with those before it.
func (c *Client) joinsLocked(m *message, size int, s *remote.Shipment) bool {
	it, first := s.Item, m.shipments[0].Item
	n, one := it.Note.(*note), first.Note.(*note)
	return c.book == nil && one.many && n.many && !n.dropped && n.name == "" && one.name == "" &&
		it.Chunk == nil && first.Chunk == nil && it.Call.Task() == m.task &&
		m.body.timeout == 0 && it.Call.Timeout() == 0 && s.Deadline.Equal(m.shipments[0].Deadline) &&
		len(m.shipments) < c.pace.items() && size+len(it.In) <= packLimit && traceOf(it.In) == m.body.trace
}

func traceOf(encoded []byte) string {
	trace, _ := split(encoded)
	return trace
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
	if n.epoch != c.epoch { // the server has lost the last of its results, and numbers them anew
		n.after, n.epoch = 0, c.epoch
	}
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
		t.token += c.options.priority.token()
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
	if c.tasks[m.task].made && len(c.waiting) == 0 {
		c.mu.Unlock()
		c.publish(m)
		return
	}
	if c.waiting = append(c.waiting, m); len(c.waiting) == 1 {
		c.work.Go(c.makeTasks)
	}
	c.mu.Unlock()
}

// makeTasks sends what waits, in order, and makes the consumers of tasks that have none yet.
func (c *Client) makeTasks() {
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			c.mu.Unlock()
			return
		}
		m := c.waiting[0]
		made := c.tasks[m.task].made
		c.mu.Unlock()
		err := error(nil)
		if !made {
			err = c.makeTask(m)
		}
		switch {
		case err != nil:
			c.refused(m, err)
		case c.outNamed(m.name) == m: // else its result came meanwhile, of another client of the run: it must not run again
			c.publish(m)
		}
		// Only now: what comes meanwhile stands behind it.
		c.mu.Lock()
		c.waiting[0] = nil // an old chunk of a Map would keep all that come after it
		if c.waiting = c.waiting[1:]; len(c.waiting) == 0 {
			c.waiting = nil
		}
		c.mu.Unlock()
	}
}

// makeTask makes the consumer of a task, for as long as it takes while the server is away.
func (c *Client) makeTask(m *message) error {
	for {
		ctx, cancel := context.WithTimeout(c.ctx, requestTime)
		err := makeConsumer(ctx, c.js, m.token)
		away := ctx.Err() != nil || errors.Is(err, nats.ErrNoResponders)
		cancel()
		switch {
		case err == nil:
			c.mu.Lock()
			c.tasks[m.task].made = true
			c.mu.Unlock()
			_ = c.nc.Publish(taskSubject, []byte(m.task.Name)) // workers that were there before it look for it
			return nil
		case c.ctx.Err() != nil:
			return potok.ErrClosed
		case !away:
			return err
		}
		slog.Default().Warn("potok/cluster: the server does not answer", "task", m.task.Name, "err", err)
		pause(c.ctx, resendAfter)
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

// postLarge puts the arguments where they fit, for as long as it takes while somebody wants the result, and posts the rest.
func (c *Client) postLarge(m *message) {
	u := newUpload(objectName(c.options.run, m.name, "in"), m.body.appendIns(nil))
	for ; ; pause(c.ctx, resendAfter) {
		err := c.objects.put(c.ctx, u)
		switch {
		case c.ctx.Err() != nil:
			c.refused(m, potok.ErrClosed)
			return
		case c.outNamed(m.name) != m: // withdrawn, or its result came meanwhile, of another client of the run
			c.objects.dropUpload(c.ctx, u)
			return
		case err == nil:
			m.body.object, m.body.ins = u.name, nil
			c.post(m)
			return
		case errors.Is(err, nats.ErrMaxPayload):
			c.refused(m, potok.Permanent(fmt.Errorf("potok/cluster: the arguments of %s: %w", m.task.Name, err)))
			return
		case errors.Is(err, nats.ErrConnectionClosed):
			c.refused(m, fmt.Errorf("potok/cluster: %w", err))
			return
		}
		if !c.objects.warned.Swap(true) { // full, or away, as in notStored
			slog.Default().Warn("potok/cluster: large arguments cannot be stored yet", "run", c.options.run, "err", err)
		}
	}
}

// publish sends a message, and notStored is told if the server has not stored it.
func (c *Client) publish(m *message) {
	m.posted.Store(true)
	msg := &nats.Msg{Subject: c.callSubject(m), Data: m.body.bytes()}
	c.publisher.post(msg, func(err error) {
		if err != nil && c.outNamed(m.name) == m { // else it is answered, or withdrawn
			c.notStored(m, err)
		}
	})
}

func (c *Client) callSubject(m *message) string {
	return callPrefix + m.token + "." + c.options.run + "." + m.name
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
func (c *Client) notStored(m *message, err error) {
	switch {
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
