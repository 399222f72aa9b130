package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A worker listens under its name as long as it is connected, and says nothing. A server answers at once that nobody
// listens, so clients know that a worker is gone seconds before the server misses its acknowledgements:
//
//	a call runs for a second ─► is anybody there? ─► no ─► a second later: no ─► -NAK ─► another worker
//	                                                       yes: it has connected again

// lookForWorkers asks whether workers are there that have calls of this client.
func (c *Client) lookForWorkers() {
	if !c.nc.IsConnected() {
		return
	}
	c.mu.Lock()
	now := time.Now()
	ask := make(map[string]bool)
	for _, m := range c.out {
		if m.worker != "" && now.Sub(m.begun) >= lookEvery {
			ask[m.worker] = true
		}
	}
	for id := range c.missed {
		if !ask[id] {
			delete(c.missed, id)
		}
	}
	c.mu.Unlock()
	for id := range ask {
		_ = c.nc.PublishRequest(workerPrefix+id, c.nobody+id, nil)
	}
}

// heardNobody is told that a worker is not connected. The second time it is gone: what it had is given to others.
func (c *Client) heardNobody(msg *nats.Msg) {
	if msg.Header.Get("Status") != "503" {
		return
	}
	id := strings.TrimPrefix(msg.Subject, c.nobody)
	c.mu.Lock()
	now := time.Now()
	first, missed := c.missed[id]
	switch {
	case !missed:
		c.missed[id] = now
		fallthrough
	case now.Sub(first) < lookEvery/2: // several questions were on their way
		c.mu.Unlock()
		return
	}
	delete(c.missed, id)
	delete(c.workers, id)
	for s, e := range c.endings {
		if m, _ := c.sentLocked(s); m != nil && m.worker == id { // nobody will answer
			e.heard = time.Time{}
		}
	}
	var lost []*message
	for _, m := range c.out {
		if m.worker == id {
			m.worker = ""
			lost = append(lost, m)
		}
	}
	places := c.placesLocked()
	c.mu.Unlock()
	c.group.SetPlaces(places)
	if len(lost) > 0 {
		c.work.Go(func() { c.giveToOthers(lost) })
	}
}

// giveToOthers has the server hand out again what a worker had, as if that had given it back.
func (c *Client) giveToOthers(lost []*message) {
	ctx, cancel := context.WithTimeout(c.ctx, requestTime)
	defer cancel()
	stream, err := findStream(ctx, c.js, callsStream)
	if err != nil {
		return // it will miss them
	}
	infos := make(map[string]*jetstream.ConsumerInfo)
	for _, m := range lost {
		msg, err := lastMsg(ctx, stream, c.callSubject(m))
		if err != nil {
			continue // it is acknowledged
		}
		if infos[m.token] == nil {
			consumer, err := findConsumer(ctx, c.js, m.token)
			if err != nil {
				return
			}
			infos[m.token] = consumer.CachedInfo()
		}
		// Of the numbers in such a subject the server looks at the message's, and whether the delivery's may be one.
		_ = c.nc.Publish(fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.%d.0",
			callsStream, m.token, msg.Sequence, infos[m.token].Delivered.Consumer, time.Now().UnixNano()), []byte("-NAK"))
	}
}
