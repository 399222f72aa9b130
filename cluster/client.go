package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

const (
	window      = 1 << 12 // calls, and chunks of calls, that are out at a time
	inlineLimit = 512 << 10
	packLimit   = 256 << 10
	requestTime = 10 * time.Second // that the server has to answer what is not a call
)

// Client is an Executor whose calls run wherever Serve runs. It is made by Connect, and takes Tasks only. All methods are
// safe for concurrent use.
//
//	Send ─► batch ─► message ─► POTOK_CALLS ─► worker ─► POTOK_RESULTS ─► results ─► Answer
//	          │         │ not stored: again after a while                    │
//	          └ Withdraw┴─► clerk: purge, tell who may run it                └ of nobody here: known for later
type Client struct {
	near    *remote.Executor
	group   *remote.Group
	nc      *nats.Conn
	js      jetstream.JetStream
	options options
	objects *objects

	publisher *publisher

	subs   []*nats.Subscription
	nobody string // with a dot: where the server says that a worker is not there
	reader *resultReader
	work   sync.WaitGroup  // the clerk, and what takes a while: large arguments, stored results
	wake   chan struct{}   // capacity 1: the clerk has something to do
	ctx    context.Context //nolint:containedctx // ends with the client; for what it asks of the server
	stop   context.CancelFunc

	mu      sync.Mutex // guards the fields below; never held while blocking. After the near side's
	batch   []*remote.Shipment
	out     map[string]*message // not answered, by the name of the result
	numbers uint64              // of messages without a hash
	epoch   int                 // counts how often the server has lost results, and so numbers them anew
	pace    pace
	tasks   map[*registry.Task]*taskState
	book    *book      // of a run with a name
	waiting []*message // for consumers that are being made
	unsent  []*message
	cancels []cancelOrder
	endings map[*remote.Shipment]*ending
	workers map[string]*knownWorker
	missed  map[string]time.Time // since when nobody is there of that id
}

var _ potok.Executor = (*Client)(nil)

// A taskState is what is known of a task.
type taskState struct {
	token  string    // with the priority
	made   bool      // its consumer
	since  time.Time // since when calls wait whose task no worker knows; zero: none do
	warned bool
}

// Connect makes an executor of a connection to a NATS server that has JetStream. It makes the streams that are missing,
// and, of a run that has a name and is known, reads which results there are. It blocks until then, or until ctx ends: then
// the error matches ctx.Err() and context.Cause(ctx). The error matches ErrExpired if results may be gone. The connection
// stays the caller's to close, after the client: if it is closed before, calls fail with an error that matches
// nats.ErrConnectionClosed. It should be one that never stops reconnecting.
func Connect(ctx context.Context, nc *nats.Conn, opts ...Option) (*Client, error) {
	o := options{backlog: -1, keep: DefaultKeep, attempts: DefaultMaxAttempts}
	for _, opt := range opts {
		opt.apply(&o)
	}
	if !o.named {
		o.run = rand.Text()
	}
	if err := checkRun(o.run); err != nil {
		return nil, err
	}
	c := &Client{
		nc:      nc,
		options: o,
		wake:    make(chan struct{}, 1),
		out:     make(map[string]*message),
		tasks:   make(map[*registry.Task]*taskState),
		workers: make(map[string]*knownWorker),
		missed:  make(map[string]time.Time),
		endings: make(map[*remote.Shipment]*ending),
	}
	if o.named {
		c.book = newBook()
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.near = remote.New(remote.Config{
		Backlog:  o.backlog,
		Name:     o.name,
		Observer: o.observer,
		Encode:   c.encode,
		Ahead:    !o.named, // chunks, which a run with a name does without

		ChunkTime: messageTime,
	})
	c.group = c.near.NewGroup(c, window)
	if err := c.open(ctx); err != nil {
		c.disconnect()
		if ctx.Err() != nil {
			return nil, registry.ContextError(ctx)
		}
		return nil, err
	}
	c.work.Go(c.clerk)
	return c, nil
}

// open asks the server for everything.
func (c *Client) open(ctx context.Context) (err error) {
	if c.js, err = jetstream.New(c.nc); err != nil {
		return fmt.Errorf("potok/cluster: %w", err)
	}
	if c.publisher, err = newPublisher(c.nc); err != nil {
		return err
	}
	c.objects = newObjects(c.js)
	ctx, cancel := withRequestTime(ctx)
	defer cancel()
	if err = makeStreams(ctx, c.nc, c.js); err != nil {
		return explain(err)
	}
	if err := c.beginRun(ctx); err != nil {
		return err
	}
	c.nobody = c.nc.NewRespInbox() + "."
	for subject, heard := range map[string]nats.MsgHandler{
		c.nobody + "*":              c.heardNobody,
		workerEvents:                c.heardWorker,
		beganPrefix + c.options.run: c.heardBegan,
	} {
		sub, err := c.nc.Subscribe(subject, heard)
		if err != nil {
			return fmt.Errorf("potok/cluster: %w", err)
		}
		c.subs = append(c.subs, sub)
	}
	if err := c.readResults(ctx); err != nil {
		return err
	}
	return c.nc.Publish(whoSubject, nil)
}

// explain says what to do about an error of the first requests.
func explain(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: the server has no JetStream: start it with -js, or use potok server", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: the server does not answer: is it there, and may this user make streams?", err)
	}
	return err
}

// encode makes bytes of the trace context and the argument; split takes them apart. It also fails where the result could
// not be sent: better before the task has run than after.
func (c *Client) encode(call registry.Call) ([]byte, error) {
	t := call.Task()
	if err := wire.CheckTask(t); err != nil {
		return nil, fmt.Errorf("potok/cluster: task %s: %w", t.Name, err)
	}
	if _, err := taskToken(t.Name); err != nil {
		return nil, err
	}
	trace := ""
	if c.options.trace != nil {
		trace = c.options.trace(call.Context())
	}
	in, err := wire.Append(appendText(nil, trace), call.In())
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: the argument of %s: %w", t.Name, err)
	}
	return in, nil
}

func split(encoded []byte) (trace string, in []byte) {
	r := &reader{b: encoded}
	return string(r.bytes()), r.b
}

// Run returns the name of the run. It does not block.
func (c *Client) Run() string { return c.options.run }

// Stats says how many workers and calls there are in which state: of the calls only this client's, Idle as if nobody else
// had any, and Workers as far as they were heard of. It does not block.
func (c *Client) Stats() potok.Stats { return c.near.Stats() }

// Wait blocks until nothing is queued, running or between two attempts, or ctx ends: then the error matches ctx.Err() and
// context.Cause(ctx). The client stays usable.
func (c *Client) Wait(ctx context.Context) error { return c.near.Wait(ctx) }

// Dispatch is how a Task hands its calls over; it is not for users. It blocks while the backlog is full.
func (c *Client) Dispatch(calls registry.Batch) { c.near.Dispatch(calls) }

// TakesChunks is for a Task's Map; it is not for users.
func (c *Client) TakesChunks() bool { return c.near.TakesChunks() }

// ChunkTime is for a Task's Map; it is not for users.
func (c *Client) ChunkTime() time.Duration { return c.near.ChunkTime() }

// Shutdown takes no more calls and blocks until those that it accepted are done. When ctx ends first it cancels the rest,
// and returns ctx's cause.
func (c *Client) Shutdown(ctx context.Context) error { return c.end(c.near.Shutdown(ctx)) }

// Close takes no more calls, cancels what is queued, also on the server, ends what runs, and blocks until it has ended:
// until workers have answered, or none has said for ten seconds that it has the call. The results that are stored stay for
// whoever connects to the run again. Close may be called any number of times.
func (c *Client) Close() error { return c.end(c.near.Close()) }

// end lets go of what the client has asked the server for, now, or when all calls have ended if that may take a while.
func (c *Client) end(err error) error {
	if err == nil && !c.near.Open() {
		c.disconnect()
		return nil
	}
	go func() { // nobody waits for it: that is what the error says, or it would be waited for from within
		c.near.Landed()
		c.disconnect()
	}()
	return err
}

// disconnect ends the client's goroutines. Called again it does nothing.
func (c *Client) disconnect() {
	c.stop()
	c.work.Wait()
	c.mu.Lock()
	subs := c.subs
	c.reader, c.subs = nil, nil
	c.mu.Unlock()
	for _, sub := range subs {
		_ = sub.Unsubscribe() // else the connection is gone, and it with it
	}
	if c.publisher != nil {
		c.publisher.close()
	}
}
