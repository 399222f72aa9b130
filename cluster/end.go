package cluster

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok/internal/wire"
)

// An ended is a message of calls that was to end and is not here, or not yet: what was said overtakes what was stored.
type ended struct {
	why  error
	when time.Time
}

const (
	maxEnded     = 1 << 14
	endedForgets = ackWait
)

func (s *server) forgetEndedLocked() {
	for id, e := range s.ended {
		if time.Since(e.when) > endedForgets {
			delete(s.ended, id)
		}
	}
}

// heardEnd ends calls that run here.
func (s *server) heardEnd(msg *nats.Msg) {
	e, err := parseEnd(msg.Data)
	if err != nil {
		return
	}
	why, err := wire.DecodeError(e.why)
	if err != nil {
		return
	}
	id := callID{msg.Subject[len(endPrefix):], e.message}
	s.mu.Lock()
	j := s.jobs[id]
	if j == nil && e.all && len(s.ended) < maxEnded { // it may be on its way here
		s.ended[id] = ended{why, time.Now()}
	}
	s.mu.Unlock()
	if j != nil {
		s.end(j, e, why)
		b := began{id: s.id, worker: s.options.name, calls: []beganCall{{e.message, e.index}}}
		_ = s.nc.Publish(beganPrefix+id.run, b.bytes()) // who waits for it knows that it will have an answer
	}
}

// end ends calls of a job, or all.
func (s *server) end(j *job, e *endMessage, why error) {
	s.mu.Lock()
	j.over = j.over || e.all
	s.mu.Unlock()
	if e.all && j.end != nil {
		j.end(why)
		return
	}
	from, to := e.index, e.index+1
	if e.all {
		from, to = 0, len(j.results)
	}
	s.mu.Lock()
	cancel := j.cancelOne
	for i := from; i < min(to, len(j.results)) && cancel == nil; i++ {
		if j.early == nil {
			j.early = make(map[int]error)
		}
		j.early[i] = why
	}
	s.mu.Unlock()
	for i := from; i < min(to, len(j.results)) && cancel != nil; i++ {
		cancel(i, why)
	}
}
