package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// A server is a worker: it asks for calls of the tasks that it knows, has its executor run them, and says what became of
// them.
//
//	request ─► message ─► job ─► executor ─► result stored ─► acknowledged
//	   ▲                   │ every 3 s: still working            │
//	   └── a place is free ┴── and what has begun                └ only now: a worker that dies before
//	                                                               loses the work, but not the call
type server struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	ex      potok.Executor
	options serveOptions
	id      string
	objects *objects

	publisher *publisher

	ctx  context.Context //nolint:containedctx // of all that it does; ends when nothing is left to do, or the connection is closed
	stop context.CancelFunc

	calls   *nats.Subscription
	hushed  bool   // it is drained; of live
	inbox   string // with a dot: what was asked for comes to a subject below it
	work    sync.WaitGroup
	news    chan struct{} // capacity 1: something has begun that nobody was told of
	changed chan struct{} // capacity 1: see drained

	mu       sync.Mutex       // guards the fields below; never held while blocking
	draining bool             // no more calls are asked for
	deaf     bool             // and none are on their way
	feeds    map[string]*feed // by the task's name
	requests map[string]*request
	number   uint64 // of requests
	jobs     map[callID]*job
	ended    map[callID]ended
	headers  map[time.Duration]nats.Header // of first results, by how long they are kept
	unsent   []*answer                     // results that the server has not stored
	suspects []suspect                     // that wait for a place
	running  int                           // jobs that hold a place
	pace     jobPace
	began    map[string][]beganCall // not told yet, by run
	toldAt   time.Time
}

// Serve takes calls from a cluster and has ex run them, whichever executor that is: a Pool, or one of processes. It blocks
// until ctx ends; then it takes no more calls, and returns nil when those that it has are done and their results stored.
// It returns an error if the worker cannot begin, or if the connection is closed: then the contexts of its calls end. It
// serves the tasks that are defined in the program, or those of Tasks, and takes no more calls than ex has places, a little
// ahead where they are short. A call is acknowledged when its result is stored; so if the worker dies another one gets it:
// within two seconds if it had begun and its client is there, after ten otherwise. What makes no sense is put aside, and
// stops nobody. ex and nc stay the caller's, to close after Serve; a call that ex cancels as it is closed goes to another
// worker. Any number may serve, also in one process, and on one connection.
func Serve(ctx context.Context, nc *nats.Conn, ex potok.Executor, opts ...ServeOption) error {
	var o serveOptions
	for _, opt := range opts {
		opt.applyServe(&o)
	}
	if o.name == "" {
		host, _ := os.Hostname()
		o.name = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	if o.tasks == nil {
		o.tasks = registry.Names()
	}
	if ctx.Err() != nil {
		return registry.ContextError(ctx)
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s := &server{
		nc: nc, ex: ex, options: o, id: rand.Text(), ctx: work, stop: stop,
		inbox:    nc.NewRespInbox() + ".",
		news:     make(chan struct{}, 1),
		changed:  make(chan struct{}, 1),
		feeds:    make(map[string]*feed),
		requests: make(map[string]*request),
		jobs:     make(map[callID]*job),
		ended:    make(map[callID]ended),
		headers:  make(map[time.Duration]nats.Header),
		began:    make(map[string][]beganCall),
	}
	return s.serve(ctx)
}

func (s *server) serve(ctx context.Context) (err error) {
	if s.js, err = jetstream.New(s.nc); err != nil {
		return fmt.Errorf("potok/cluster: %w", err)
	}
	if s.publisher, err = newPublisher(s.nc); err != nil {
		return err
	}
	defer s.publisher.close()
	s.objects = newObjects(s.js)
	if s.calls, err = s.nc.Subscribe(s.inbox+"*", s.receive); err != nil {
		return fmt.Errorf("potok/cluster: %w", err)
	}
	s.calls.SetClosedHandler(func(string) { s.isDeaf() })
	defer func() { _ = s.calls.Unsubscribe() }() // it is drained, or the connection is gone
	for subject, heard := range map[string]nats.MsgHandler{
		endPrefix + "*":     s.heardEnd,
		workerPrefix + s.id: func(*nats.Msg) {}, // that somebody listens is the answer
		whoSubject:          func(*nats.Msg) { s.announce(false) },
		taskSubject:         func(m *nats.Msg) { s.findFeed(string(m.Data)) },
	} {
		sub, err := s.nc.Subscribe(subject, heard)
		if err != nil {
			return fmt.Errorf("potok/cluster: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }() // else the connection is gone, and it with it
	}
	if err := s.findFeeds(ctx); err != nil && ctx.Err() == nil { // else it drains: it may have been told of tasks
		return err
	}
	s.announce(false)
	if s.options.ready != nil {
		s.options.ready()
	}
	s.live(ctx)
	if s.nc.IsClosed() { // nobody hears of what runs, and nobody can end it
		s.stop()
	}
	s.work.Wait()
	s.announce(true)
	if s.nc.IsClosed() {
		return fmt.Errorf("potok/cluster: %w", nats.ErrConnectionClosed)
	}
	ctx, cancel := context.WithTimeout(s.ctx, requestTime)
	defer cancel()
	_ = s.nc.FlushWithContext(ctx) // acknowledgements are on the way; what is lost is only done again
	return nil
}

// live beats until ctx ends and nothing is left to do, or the connection is closed.
func (s *server) live(ctx context.Context) {
	// One ticker for two purposes: in a bubble of testing/synctest under the race detector, Go 1.26 crashes now and then when
	// several timers of one select are due at the same time.
	tick, ticks := time.NewTicker(resendAfter), 0
	defer tick.Stop()
	tell := time.NewTimer(time.Hour)
	defer tell.Stop()
	var linger <-chan time.Time
	status := s.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.nc.RemoveStatusListener(status)
	over := ctx.Done()
	for {
		select {
		case <-tick.C:
			s.publisher.expire(publishTime)
			s.storeAgain()
			if ticks++; ticks%int(heartbeat/resendAfter) > 0 {
				break
			}
			if s.nc.IsClosed() {
				return
			}
			s.beat()
		case now, ok := <-status:
			if !ok || now == nats.CLOSED {
				return
			}
			s.reconnected()
		case <-s.news:
			tell.Reset(s.tellBegan())
		case <-tell.C:
			tell.Reset(s.tellBegan())
		case <-over:
			s.drain()
		case <-linger:
			s.hush()
		case <-s.changed:
		}
		switch draining, asks, done := s.drained(); {
		case done:
			return
		case draining && over != nil:
			over = nil
			linger = time.After(lingerFor)
			s.announce(true)
			s.lookAgain()
		case draining && !asks:
			s.hush()
		}
	}
}

// lingerFor is how long a worker that drains hears what it has asked for. The server cannot be told that nothing more is
// wanted: it looks whether anybody listens, and then sends, and a call that nobody hears any more in between stays with
// this worker until it is missed. Where calls come, they come within this time, and then nothing is asked for; where none
// do, none comes just in between.
const lingerFor = 100 * time.Millisecond

// hush ends the interest in calls. What is on its way comes before isDeaf is called.
func (s *server) hush() {
	if !s.hushed {
		s.hushed = true
		if s.calls.Drain() != nil {
			s.isDeaf()
		}
	}
}

// drain takes no more calls.
func (s *server) drain() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
}

// isDeaf notes that no more calls come.
func (s *server) isDeaf() {
	s.mu.Lock()
	s.deaf = true
	s.mu.Unlock()
	s.lookAgain()
}

// drained says whether the worker asks for no more calls, whether some that it has asked for may come, and whether nothing
// is left to do.
func (s *server) drained() (draining, asks, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining, len(s.requests) > 0, s.deaf && len(s.jobs) == 0
}

// lookAgain has live look whether it is over.
func (s *server) lookAgain() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// beat says that the worker lives, and works on what it has, and asks again for what was asked for in vain.
func (s *server) beat() {
	s.mu.Lock()
	replies := make([]string, 0, len(s.jobs))
	for _, j := range s.jobs {
		replies = append(replies, j.reply)
	}
	draining := s.draining
	s.forgetRequestsLocked()
	s.forgetEndedLocked()
	ask := s.askLocked()
	s.mu.Unlock()
	for _, reply := range replies {
		_ = s.nc.Publish(reply, []byte("+WPI"))
	}
	if !draining {
		s.announce(false)
	}
	s.send(ask)
}

// announce says who works here, or that nobody does any more.
func (s *server) announce(left bool) {
	s.mu.Lock()
	left = left || s.draining
	s.mu.Unlock()
	m := workerMessage{left: left, id: s.id, name: s.options.name, places: s.ex.Stats().Workers, tasks: s.options.tasks}
	_ = s.nc.Publish(workerEvents, m.bytes()) // who misses it hears the next
}

// tellBegan says which calls have begun, not more often than tellEvery, and returns when to do so again.
func (s *server) tellBegan() time.Duration {
	s.mu.Lock()
	now := time.Now()
	if wait := tellEvery - now.Sub(s.toldAt); wait > 0 && len(s.began) > 0 {
		s.mu.Unlock()
		return wait
	}
	news := s.began
	if len(news) == 0 {
		s.mu.Unlock()
		return time.Hour
	}
	s.began = make(map[string][]beganCall)
	s.toldAt = now
	for run, calls := range news { // what is done by now tells itself
		kept := calls[:0]
		for _, c := range calls {
			if j := s.jobs[callID{run, c.message}]; j != nil && !j.isDoneLocked(c.index) {
				kept = append(kept, c)
			}
		}
		news[run] = kept
	}
	s.mu.Unlock()
	for run, calls := range news {
		if len(calls) > 0 {
			b := began{id: s.id, worker: s.options.name, calls: calls}
			_ = s.nc.Publish(beganPrefix+run, b.bytes())
		}
	}
	return time.Hour
}

// tellEvery is short beside what people see, and long beside calls that need not be told of.
const tellEvery = time.Millisecond
