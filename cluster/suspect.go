package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// A suspect is a job that another worker had before, and was not heard of again: its call may have killed that worker. The
// number of deliveries does not say so, as calls that were fetched beside it, and never began, come again just as often. So
// suspects begin only when they have a place, each leaves a mark before it does, and the marks are counted:
//
//	comes again ─► waits for a place ─► mark 1 is free ─► begins as the second attempt
//	                                    mark 2 is free ─► as the third …
//	                                    all are there  ─► is put aside
//
// A mark is a message that is stored once: potok.try.<run>.<message>.<number>. While there are suspects the worker fetches
// nothing ahead.
type suspect struct {
	job *job
	msg *nats.Msg
}

// suspectLocked keeps a suspect until it has a place. The caller holds mu, and calls runSuspects.
func (s *server) suspectLocked(j *job, msg *nats.Msg) {
	s.suspects = append(s.suspects, suspect{j, msg})
}

// runSuspects runs those that have a place.
func (s *server) runSuspects() {
	places := max(1, s.ex.Stats().Workers)
	for {
		s.mu.Lock()
		// Those that wait count as running too, so that they keep others from being fetched.
		if len(s.suspects) == 0 || s.running-len(s.suspects) >= places {
			s.mu.Unlock()
			return
		}
		next := s.suspects[0]
		s.suspects = s.suspects[1:]
		s.mu.Unlock()
		s.work.Go(func() { s.try(next) })
	}
}

// try runs a suspect, unless it has begun too often.
func (s *server) try(next suspect) {
	j := next.job
	tries, err := s.mark(j)
	switch {
	case err != nil: // the connection is closed: whoever comes next decides
		s.forgetJob(j)
	case tries >= j.body.attempts:
		s.mu.Lock()
		s.running--
		ask := s.askLocked()
		s.mu.Unlock()
		s.send(ask)
		if j.end != nil {
			j.end(nil)
		}
		s.putAside(j, next.msg, fmt.Errorf("%w: it has begun %d times on a worker that was not heard of again", ErrDead, tries))
	default:
		j.since = time.Now()
		s.start(j)
	}
	s.runSuspects()
}

// mark leaves a mark, and returns how many attempts there were before this one: the first, which left none, and the marks.
func (s *server) mark(j *job) (tries uint64, err error) {
	for tries = 1; tries < j.body.attempts; {
		m := &nats.Msg{
			Subject: fmt.Sprintf("%s%s.%s.%d", tryPrefix, j.id.run, j.id.message, tries),
			Header:  s.firstHeader(j.body.keep),
			Data:    []byte(s.options.name),
		}
		ctx, cancel := context.WithTimeout(s.ctx, publishTime)
		_, err := s.js.PublishMsg(ctx, m)
		cancel()
		switch {
		case err == nil:
			return tries, nil
		case codeOf(err) == codeWrongSequence: // somebody's who came before
			tries++
		case s.nc.IsClosed():
			return 0, err
		default:
			pause(s.ctx, resendAfter)
		}
	}
	return tries, nil
}
