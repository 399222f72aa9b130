package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
)

const (
	lookEvery   = time.Second
	silentFor   = 5 * time.Second  // with calls out, after which the results are looked for
	lostAfter   = 15 * time.Second // after which a call is looked for that was not heard of
	unknownFor  = 5 * time.Second  // after which it is said that no worker knows a task
	purgeAtOnce = 16               // calls to cancel, from which on one request drops all of the run
)

// A cancelOrder is a call that was withdrawn once it was sent.
type cancelOrder struct {
	message *message
	index   int
	whole   bool // nobody wants the message any more
}

// clerk is the goroutine that does what must not hold up anybody else: it cancels on the server, sends again, and looks
// after what is silent. disconnect waits for it.
func (c *Client) clerk() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	again := time.NewTicker(resendAfter)
	defer again.Stop()
	for {
		select {
		case <-c.ctx.Done():
			c.cancelOnServer() // what Close has withdrawn
			return
		case <-c.wake:
			c.cancelOnServer()
		case <-again.C:
			c.sendAgain()
		case <-tick.C:
			c.publisher.expire(publishTime)
			c.failUnheard()
			c.tellEndings()
			c.lookForWorkers()
			c.forgetWorkers()
			c.warnOfTasks()
			c.lookForResults()
		}
	}
}

// failUnheard fails what is out when the connection is closed, by its owner or as the server sent it away for good: nobody
// will hear of it.
func (c *Client) failUnheard() {
	if !c.nc.IsClosed() {
		return
	}
	c.mu.Lock()
	var out []*message
	for _, m := range c.out {
		out = append(out, m)
	}
	clear(c.out)
	c.mu.Unlock()
	err := fmt.Errorf("potok/cluster: %w", nats.ErrConnectionClosed)
	for _, m := range out {
		for _, s := range m.shipments {
			c.group.Answer(s, "", func(it *remote.Item) error { return storeFailure(it, err) })
		}
	}
}

// cancelOnServer drops calls that were withdrawn where they wait, tells who may run them, and, in a run that others may
// know, leaves word.
func (c *Client) cancelOnServer() {
	c.mu.Lock()
	orders := c.cancels
	c.cancels = nil
	none := len(c.out) == 0
	c.mu.Unlock()
	if len(orders) == 0 || !c.nc.IsConnected() {
		return // they run, and nobody hears of it
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTime) // not c.ctx: Close waits for it
	defer cancel()
	stream, err := findStream(ctx, c.js, callsStream)
	if err != nil {
		return
	}
	all := none && c.book == nil && len(orders) >= purgeAtOnce
	if all {
		_ = purge(ctx, stream, callPrefix+"*."+c.options.run+".>")
	}
	for _, o := range orders {
		m := o.message
		if o.whole && c.book != nil { // first of all: a result that comes now is too late
			body := &resultMessage{kind: kindCancelled}
			msg := resultMsg(c.options.run, resultName(m.name), m.body.after, c.options.keep, body.bytes())
			c.publisher.post(msg, func(error) {}) // another result came first, or it runs
		}
		if o.whole && !all {
			_ = purge(ctx, stream, c.callSubject(m))
		}
		why := potok.ErrCancelled
		if c.near.Closed() {
			why = potok.ErrClosed
		}
		c.tellEnd(m, o.index, o.whole, why)
	}
}

// sendAgain sends what the server has not stored.
func (c *Client) sendAgain() {
	c.mu.Lock()
	unsent := c.unsent
	c.unsent = nil
	c.mu.Unlock()
	if len(unsent) == 0 || !c.nc.IsConnected() {
		c.mu.Lock()
		c.unsent = append(unsent, c.unsent...)
		c.mu.Unlock()
		return
	}
	for _, m := range unsent {
		if c.outNamed(m.name) == m {
			c.publish(m)
		}
	}
}

// lookForResults sees to it that results come that are there, and that calls are there that were sent: a consumer may have
// stopped without a word, and a server may have lost its last second, or all that it had.
func (c *Client) lookForResults() {
	c.mu.Lock()
	none, r := len(c.out) == 0, c.reader
	c.mu.Unlock()
	now := time.Now()
	if none || r == nil || !c.nc.IsConnected() || now.UnixNano()-r.heard.Load() < int64(silentFor) {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, silentFor)
	defer cancel()
	read := r.last.Load() // before the server is asked: results come meanwhile
	calls, errCalls := findStream(ctx, c.js, callsStream)
	stream, err := findStream(ctx, c.js, resultsStream)
	if errors.Is(errCalls, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		c.beginAnew(ctx, r)
		return
	}
	if errors.Join(err, errCalls) != nil {
		return
	}
	r.heard.Store(now.UnixNano()) // not again at once
	if stream.CachedInfo().State.LastSeq < read {
		c.readAnew(r, true)
		return
	}
	last, err := lastMsg(ctx, stream, r.subject())
	if err == nil && last.Sequence > r.last.Load() {
		if age := time.Since(last.Time); 0 <= age && age < lookEvery { // it is on its way
			return
		}
		c.readAnew(r, false)
		return
	}
	if err == nil || errors.Is(err, jetstream.ErrMsgNotFound) {
		c.lookForCalls(ctx, calls, stream, r)
	}
}

// readAnew makes another consumer of results. What the server has lost it numbers again: then all are read.
func (c *Client) readAnew(r *resultReader, all bool) {
	slog.Default().Warn("potok/cluster: results did not come: reading them anew", "run", c.options.run, "lost", all)
	r.heard.Store(time.Now().UnixNano()) // not again at once
	if all {
		r.forget()
		c.mu.Lock()
		c.epoch++
		for _, m := range c.out { // whichever comes is its answer
			m.body.after = 0
		}
		c.mu.Unlock()
	}
	r.restart()
}

// beginAnew makes again what the server has lost, and sends what is out.
func (c *Client) beginAnew(ctx context.Context, r *resultReader) {
	slog.Default().Warn("potok/cluster: the server has lost its streams: making them again", "run", c.options.run)
	err := makeStreams(ctx, c.nc, c.js)
	if err == nil {
		err = c.beginRun(ctx)
	}
	if err != nil {
		slog.Default().Warn("potok/cluster: streams cannot be made", "run", c.options.run, "err", err)
		return
	}
	c.readAnew(r, true)
	c.mu.Lock()
	var lost []*message
	for _, t := range c.tasks {
		t.made = false
	}
	for _, m := range c.out {
		if m.posted.Load() {
			lost = append(lost, m)
		}
	}
	c.mu.Unlock()
	for _, m := range lost {
		c.post(m)
	}
}

// lookForCalls looks whether the server has calls that were not heard of for long, or their results, and has consumers of
// them. It asks about some; what is true of one is true of many.
func (c *Client) lookForCalls(ctx context.Context, calls, results jetstream.Stream, r *resultReader) {
	c.mu.Lock()
	now := time.Now()
	var old []*message
	for _, m := range c.out {
		if m.posted.Load() && now.Sub(m.checked) >= lostAfter {
			m.checked = now
			old = append(old, m)
		}
	}
	c.mu.Unlock()
	looked := make(map[*registry.Task]bool)
	missing := false
	for _, m := range old[:min(len(old), 64)] {
		if !looked[m.task] {
			looked[m.task] = true
			if makeConsumer(ctx, c.js, m.token) != nil {
				return
			}
		}
		if _, err := lastMsg(ctx, calls, c.callSubject(m)); !errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		result, err := lastMsg(ctx, results, resultPrefix+c.options.run+"."+resultName(m.name))
		read := r.last.Load() // before out is looked at: who reads a result first takes it out there
		switch {
		case c.outNamed(m.name) != m: // it came meanwhile
		case err == nil && result.Sequence > max(read, m.body.after): // it is about to
		case err == nil && result.Sequence > m.body.after:
			c.readAnew(r, true)
			return
		case err == nil, errors.Is(err, jetstream.ErrMsgNotFound):
			missing = true
		}
	}
	if !missing {
		return
	}
	slog.Default().Warn("potok/cluster: the server has lost calls: sending them again", "run", c.options.run, "calls", len(old))
	for _, m := range old { // those that are there are refused
		if c.outNamed(m.name) == m {
			c.publish(m)
		}
	}
}

// takeStored answers a call with the result that is stored.
func (c *Client) takeStored(m *message, sequence uint64) {
	for {
		ctx, cancel := context.WithTimeout(c.ctx, requestTime)
		body, err := c.readStored(ctx, sequence)
		cancel()
		switch {
		case err == nil:
			c.mu.Lock()
			delete(c.out, resultName(m.name))
			m.epoch = c.epoch
			c.mu.Unlock()
			c.answered(m, body, sequence)
			return
		case errors.Is(err, jetstream.ErrMsgNotFound), errors.Is(err, errMessage): // its time is over: Connect has seen it
			c.refused(m, errors.Join(ErrExpired, err))
			return
		case c.ctx.Err() != nil:
			c.refused(m, potok.ErrClosed)
			return
		}
		pause(c.ctx, resendAfter)
	}
}

func (c *Client) readStored(ctx context.Context, sequence uint64) (*resultMessage, error) {
	stream, err := findStream(ctx, c.js, resultsStream)
	if err != nil {
		return nil, err
	}
	msg, err := getMsg(ctx, stream, sequence)
	if err != nil {
		return nil, err
	}
	return parseResult(msg.Data)
}
