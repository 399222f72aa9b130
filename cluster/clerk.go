package cluster

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
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
			c.forgetWorkers()
			c.warnOfTasks()
			c.lookForResults()
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
	stream, err := c.js.Stream(ctx, callsStream)
	if err != nil {
		return
	}
	all := none && c.book == nil && len(orders) >= purgeAtOnce
	if all {
		_ = stream.Purge(ctx, jetstream.WithPurgeSubject(callPrefix+"*."+c.options.run+".>"))
	}
	for _, o := range orders {
		m := o.message
		if o.whole && c.book != nil { // first of all: a result that comes now is too late
			body := &resultMessage{kind: kindCancelled}
			msg := resultMsg(c.options.run, resultName(m.name), m.body.after, c.options.keep, body.append(nil))
			c.publisher.post(msg, func(error) {}) // another result came first, or it runs
		}
		if o.whole && !all {
			_ = stream.Purge(ctx, jetstream.WithPurgeSubject(callPrefix+m.token+"."+c.options.run+"."+m.name))
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
// stopped without a word, and a server may have lost its last second.
func (c *Client) lookForResults() {
	c.mu.Lock()
	now := time.Now()
	var lost []*message
	for _, m := range c.out {
		if now.Sub(m.checked) >= lostAfter && len(lost) < 64 {
			m.checked = now
			lost = append(lost, m)
		}
	}
	none, r := len(c.out) == 0, c.reader
	c.mu.Unlock()
	if none || r == nil || !c.nc.IsConnected() || now.UnixNano()-r.heard.Load() < int64(silentFor) {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, silentFor)
	defer cancel()
	stream, err := c.js.Stream(ctx, resultsStream)
	if err != nil {
		return
	}
	r.heard.Store(now.UnixNano()) // not again at once
	last, err := stream.GetLastMsgForSubject(ctx, r.subject())
	if err == nil && last.Sequence > r.last.Load() {
		slog.Default().Warn("potok/cluster: results did not come: reading them anew", "run", c.options.run)
		if err := r.consume(ctx); err != nil {
			slog.Default().Warn("potok/cluster: results cannot be read", "run", c.options.run, "err", err)
		}
		return
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return
	}
	calls, err := c.js.Stream(ctx, callsStream)
	if err != nil {
		return
	}
	for _, m := range lost {
		subject := callPrefix + m.token + "." + c.options.run + "." + m.name
		if _, err := calls.GetLastMsgForSubject(ctx, subject); errors.Is(err, jetstream.ErrMsgNotFound) && c.outNamed(m.name) == m {
			c.publish(m) // it is not there, nor is its result
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
	stream, err := c.js.Stream(ctx, resultsStream)
	if err != nil {
		return nil, err
	}
	msg, err := stream.GetMsg(ctx, sequence)
	if err != nil {
		return nil, err
	}
	return parseResult(msg.Data)
}

// resultMsg makes the message of a result, which the server stores only if the last of that subject is the one that it
// comes after: the first result wins, for as long as it is kept.
func resultMsg(run, name string, after uint64, keep time.Duration, body []byte) *nats.Msg {
	return &nats.Msg{Subject: resultPrefix + run + "." + name, Header: resultHeader(after, keep), Data: body}
}
