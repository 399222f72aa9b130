package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A publisher stores messages on the server without waiting for each. The one of nats.go starts a goroutine that it may
// leave behind, if it is closed meanwhile, and a timer for each message.
type publisher struct {
	nc     *nats.Conn
	prefix string
	sub    *nats.Subscription

	mu      sync.Mutex // guards the fields below; never held while blocking
	next    uint64
	pending map[uint64]posted
	closed  bool
}

// A posted message is one that the server has not answered.
type posted struct {
	since time.Time
	done  func(error)
}

func newPublisher(nc *nats.Conn) (*publisher, error) {
	p := &publisher{nc: nc, prefix: nc.NewRespInbox() + ".", pending: make(map[uint64]posted)}
	sub, err := nc.Subscribe(p.prefix+"*", p.answered)
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: %w", err)
	}
	_ = sub.SetPendingLimits(-1, -1) // as many as there are messages
	p.sub = sub
	return p, nil
}

// post sends a message. done is called once, by any goroutine and perhaps before post returns, unless the publisher is
// closed before the server answers: with nil when the message is stored, with nats.ErrTimeout if it is not known.
func (p *publisher) post(m *nats.Msg, done func(error)) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.next++
	number := p.next
	p.pending[number] = posted{time.Now(), done}
	p.mu.Unlock()
	m.Reply = p.prefix + strconv.FormatUint(number, 36)
	if err := p.nc.PublishMsg(m); err != nil {
		p.settle(number, err)
	}
}

func (p *publisher) settle(number uint64, err error) {
	p.mu.Lock()
	m, ok := p.pending[number]
	delete(p.pending, number)
	p.mu.Unlock()
	if ok {
		m.done(err)
	}
}

// answered takes the server's word.
func (p *publisher) answered(msg *nats.Msg) {
	number, err := strconv.ParseUint(msg.Subject[len(p.prefix):], 36, 64)
	if err != nil {
		return
	}
	p.settle(number, ackError(msg))
}

// ackError returns nil if the server has stored the message.
func ackError(msg *nats.Msg) error {
	if len(msg.Data) == 0 {
		return nats.ErrNoResponders // a status says so
	}
	if !bytes.Contains(msg.Data, []byte(`"error"`)) && bytes.Contains(msg.Data, []byte(`"seq"`)) {
		return nil
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil || answer.Error == nil {
		return fmt.Errorf("%w: the server's answer", errMessage)
	}
	return answer.Error
}

// expire gives up on what the server has not answered for so long.
func (p *publisher) expire(after time.Duration) {
	p.mu.Lock()
	now := time.Now()
	var late []uint64
	for number, m := range p.pending {
		if now.Sub(m.since) >= after {
			late = append(late, number)
		}
	}
	p.mu.Unlock()
	for _, number := range late {
		p.settle(number, nats.ErrTimeout)
	}
}

// close forgets what is pending.
func (p *publisher) close() {
	p.mu.Lock()
	p.closed, p.pending = true, nil
	p.mu.Unlock()
	_ = p.sub.Unsubscribe() // else the connection is gone, and it with it
}
