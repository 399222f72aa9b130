package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/internal/registry"
)

const (
	askFor    = 30 * time.Second // that a request for calls waits at the server
	askMargin = 5 * time.Second  // after which it is not waited for that the server says so
	askLost   = 7 * time.Second  // that the server is silent about a request it has: it says every heartbeat that it waits
	aheadFor  = 5 * time.Millisecond
	maxAhead  = 256
)

// A feed is a consumer of calls of a task and a priority.
type feed struct {
	token  string
	task   *registry.Task
	asked  int // calls that were asked for and have not come
	waits  int // calls that waited there when the last one came, without those that were asked for
	weight int
	credit int // see nextFeed
}

// A request is one for calls. Those of a feed are answered in order.
type request struct {
	feed   *feed
	number uint64
	left   int
	once   bool // it does not wait for calls that are not there
	until  time.Time
	heard  time.Time // when it last was known to wait: a leader that dies takes it along without a word
}

// A jobPace is how long a job holds its place, on average: where that is short, some are taken ahead, as a place would
// have nothing to do until the next one comes.
type jobPace struct{ average time.Duration }

func (p *jobPace) measure(d time.Duration) { p.average += (d - p.average) / 8 }

func (p *jobPace) ahead(places int) int {
	if p.average <= 0 {
		return 0
	}
	return min(int(aheadFor/max(1, p.average))*places, maxAhead)
}

// findFeeds looks which consumers there are, and then asks for calls.
func (s *server) findFeeds(ctx context.Context) error {
	ctx, cancel := withRequestTime(ctx)
	defer cancel()
	found := make(chan error, len(s.options.tasks))
	for _, name := range s.options.tasks {
		s.work.Go(func() { found <- s.lookFor(ctx, name) })
	}
	var bad error // then it makes no sense to go on
	for range s.options.tasks {
		if err := <-found; err != nil && !errors.Is(err, errTaskName) {
			bad = err
		}
	}
	if bad != nil {
		return explain(bad)
	}
	s.askAll()
	return nil
}

// findFeed looks for the consumer of a task that a client has just made.
func (s *server) findFeed(name string) {
	ctx, cancel := context.WithTimeout(s.ctx, requestTime)
	defer cancel()
	_ = s.lookFor(ctx, name) // the next client that has calls says so again
	s.askAll()
}

func (s *server) askAll() {
	s.mu.Lock()
	ask := s.askLocked()
	s.mu.Unlock()
	s.send(ask)
}

// lookFor finds the consumers of a task, if it is known here and has some.
func (s *server) lookFor(ctx context.Context, name string) error {
	task := registry.Lookup(name)
	if task == nil || !slices.Contains(s.options.tasks, name) {
		return nil
	}
	token, err := taskToken(name)
	if err != nil {
		return err
	}
	for _, p := range priorities {
		if err := s.lookForFeed(ctx, &feed{token: token + p.token(), task: task, weight: p.weight()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) lookForFeed(ctx context.Context, f *feed) error {
	s.mu.Lock()
	has := s.feeds[f.token] != nil
	s.mu.Unlock()
	if has {
		return nil
	}
	_, err := findConsumer(ctx, s.js, f.token)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return nil // whoever makes it says so
	case err != nil:
		return fmt.Errorf("potok/cluster: consumer %s: %w", f.token, err)
	}
	s.mu.Lock()
	if s.feeds[f.token] == nil {
		s.feeds[f.token] = f
	}
	s.mu.Unlock()
	return nil
}

// taskOf returns the task of a consumer that is asked; nil: there is none.
func (s *server) taskOf(token string) *registry.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feeds[token]; f != nil {
		return f.task
	}
	return nil
}

// askLocked makes requests for as many calls as there are free places: from feeds where calls wait by their weights, and a
// share from each of the others. As those may have calls after all, more may come than there are places, one from each: they
// wait here. The caller holds mu, and sends the requests.
func (s *server) askLocked() (ask []*nats.Msg) {
	if s.draining || len(s.feeds) == 0 {
		return nil
	}
	places := max(1, s.ex.Stats().Workers)
	free := places - s.running
	if len(s.suspects) == 0 {
		free += s.pace.ahead(places)
	}
	if free <= 0 {
		return nil
	}
	var full []*feed
	asked := 0
	share := (free + len(s.feeds) - 1) / len(s.feeds)
	for _, f := range s.feeds {
		if f.waits > 0 {
			full = append(full, f)
			asked += f.asked
		} else if n := share - f.asked; n > 0 && n >= f.asked { // while so many are on their way, one request later asks for more
			ask = append(ask, s.requestLocked(f, n, false))
		}
	}
	n := free - asked
	if len(full) == 0 || n <= 0 || n < asked {
		return ask
	}
	more := make(map[*feed]int, len(full))
	for range n {
		more[nextFeed(full)]++
	}
	for f, n := range more { // other workers may have taken what waited: then another feed has its turn
		ask = append(ask, s.requestLocked(f, n, len(s.feeds) > 1))
	}
	return ask
}

// requestLocked makes a request for n calls. The caller holds mu.
func (s *server) requestLocked(f *feed, n int, once bool) *nats.Msg {
	s.number++
	f.asked += n
	f.waits = max(0, f.waits-n)
	number := strconv.FormatUint(s.number, 36)
	now := time.Now()
	s.requests[number] = &request{f, s.number, n, once, now.Add(askFor + askMargin), now}
	m := &nats.Msg{
		Subject: "$JS.API.CONSUMER.MSG.NEXT." + callsStream + "." + f.token,
		Reply:   s.inbox + number,
	}
	if once {
		m.Data = fmt.Appendf(nil, `{"batch":%d,"no_wait":true}`, n)
	} else {
		m.Data = fmt.Appendf(nil, `{"expires":%d,"batch":%d,"idle_heartbeat":%d}`, askFor, n, heartbeat)
	}
	return m
}

func (s *server) send(ask []*nats.Msg) {
	for _, m := range ask {
		_ = s.nc.PublishMsg(m) // what is lost is asked for again after a while
	}
}

// forgetRequestsLocked drops what was asked of a server that is gone. The caller holds mu.
func (s *server) forgetRequestsLocked() {
	now := time.Now()
	for number, r := range s.requests {
		if now.After(r.until) || now.Sub(r.heard) > askLost {
			s.endRequestLocked(number)
		}
	}
}

func (s *server) endRequestLocked(number string) {
	if r := s.requests[number]; r != nil {
		r.feed.asked -= r.left
		delete(s.requests, number)
	}
}

// cameLocked counts a call that has come, when so many waited behind it.
func (s *server) cameLocked(token string, waits uint64) {
	if f := s.feeds[token]; f != nil {
		f.waits = max(0, int(min(waits, 1<<31-1))-f.asked+1) // with this one, which is still asked for
	}
	var oldest *request
	var key string
	now := time.Now()
	for number, r := range s.requests {
		if r.feed.token != token {
			continue
		}
		r.heard = now
		if oldest == nil || r.number < oldest.number {
			oldest, key = r, number
		}
	}
	if oldest == nil {
		return
	}
	oldest.left--
	oldest.feed.asked--
	if oldest.left == 0 {
		delete(s.requests, key)
		if s.draining {
			s.lookAgain()
		}
	}
}

// reconnected asks again: requests end with the connection.
func (s *server) reconnected() {
	s.mu.Lock()
	for number := range s.requests {
		s.endRequestLocked(number)
	}
	ask := s.askLocked()
	s.mu.Unlock()
	s.announce(false)
	s.send(ask)
}

// receive takes what was asked for, or the word that it will not come.
func (s *server) receive(msg *nats.Msg) {
	status := msg.Header.Get("Status")
	if status == "" {
		s.receiveCall(msg)
		return
	}
	number := strings.TrimPrefix(msg.Subject, s.inbox)
	s.mu.Lock()
	r := s.requests[number]
	if status == "100" { // it waits
		if r != nil {
			r.heard = time.Now()
		}
		s.mu.Unlock()
		return
	}
	s.endRequestLocked(number)
	var ask []*nats.Msg
	if r != nil && (status == "408" || status == "404") { // its time is over, or there are no more
		r.feed.waits = 0
		ask = s.askLocked()
	} // else the next beat asks again: whatever it is, it may last, and no consumer may be one that has no leader just now
	s.mu.Unlock()
	s.send(ask)
}
