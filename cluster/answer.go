package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/wire"
)

// finish gives the job's place to another, and its results to the server: acknowledged is it when they are stored.
func (s *server) finish(j *job) {
	if j.end != nil {
		j.end(nil)
	}
	s.mu.Lock()
	s.running--
	s.pace.measure(time.Since(j.since))
	back := j.back || j.done == 0
	if back { // the executor is closed: there is nothing to ask for
		s.draining = true
		delete(s.jobs, j.id)
	}
	ask := s.askLocked()
	reply := j.reply
	body := &resultMessage{
		kind: kindResults, worker: s.options.name, delivered: j.delivered, items: j.done, results: j.results[:j.done],
		ran: s.ranLocked(j),
	}
	if j.cancelled { // who has cancelled it reads what it returned, everybody else that there is no result
		body.kind = kindCancelled
	}
	s.mu.Unlock()
	defer s.runSuspects()
	defer s.send(ask) // whoever waits for this result is first
	if back {
		_ = s.nc.Publish(reply, []byte("-NAK"))
		s.lookAgain()
		return
	}
	size := 0
	for _, r := range body.results {
		size += len(r.out) + len(r.failure)
	}
	if size <= inlineLimit {
		s.publishResult(j, body)
		return
	}
	s.work.Go(func() { s.publishLarge(j, body) })
}

// ranLocked is how long the calls of a job have had places: one after the other, or as many at once as there are. The
// caller holds mu.
func (s *server) ranLocked(j *job) time.Duration {
	if j.begun.IsZero() {
		return 0
	}
	ran := max(1, time.Since(j.begun))
	if j.body.kind == kindChunk {
		return ran
	}
	return ran * time.Duration(min(j.body.items, max(1, s.ex.Stats().Workers)))
}

// publishLarge stores results where they fit, and then publishes where they are. It tries again while there is a connection, and
// while somebody wants them.
func (s *server) publishLarge(j *job, body *resultMessage) {
	u := newUpload(objectName(j.id.run, j.id.message, "out"), body.appendResults(nil))
	for {
		err := s.objects.put(s.ctx, u)
		if err == nil {
			break
		}
		if s.nc.IsClosed() {
			s.forgetJob(j)
			return
		}
		if s.isOver(j) {
			body.kind = kindCancelled
			for i := range body.results {
				body.results[i] = result{failure: wire.AppendError(nil, potok.ErrCancelled)}
			}
			s.publishResult(j, body)
			return
		}
		slog.Default().Warn("potok/cluster: a large result cannot be stored yet", "task", j.task.Name, "err", err)
		pause(s.ctx, heartbeat)
	}
	body.object, body.results = u.name, nil
	s.publishResult(j, body)
}

func (s *server) isOver(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.over
}

// An answer is a result on its way.
type answer struct {
	job *job
	msg *nats.Msg
}

// publishResult sends a result.
func (s *server) publishResult(j *job, body *resultMessage) {
	m := &nats.Msg{Subject: resultSubject(j.id.run, resultName(j.id.message)), Header: s.firstHeader(j.body.keep), Data: body.bytes()}
	if j.body.after > 0 {
		m.Header = resultHeader(j.body.after, j.body.keep)
	}
	s.publish(&answer{j, m})
}

// firstHeader is resultHeader for first results, all of which have the same: it is not to be changed.
func (s *server) firstHeader(keep time.Duration) nats.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.headers[keep] == nil {
		if len(s.headers) > 16 { // clients that mean harm may name any time
			clear(s.headers)
		}
		s.headers[keep] = resultHeader(0, keep)
	}
	return s.headers[keep]
}

// publish sends a result, again and again for as long as there is a connection, and then acknowledges the job: it is safe,
// or another result came first.
func (s *server) publish(a *answer) {
	s.publisher.post(a.msg, func(err error) {
		last, wrong := lastSequence(err)
		switch {
		case wrong && last < a.job.body.after: // the server has lost the one before
			a.msg.Header = resultHeader(last, a.job.body.keep)
			s.mu.Lock()
			s.unsent = append(s.unsent, a)
			s.mu.Unlock()
		case err == nil, codeOf(err) == codeWrongSequence:
			s.acknowledge(a.job)
		case errors.Is(err, nats.ErrConnectionClosed):
			s.forgetJob(a.job)
		default:
			s.mu.Lock()
			s.unsent = append(s.unsent, a)
			s.mu.Unlock()
		}
	})
}

// lastSequence returns which sequence a subject's last message has, if that is what the server says.
func lastSequence(err error) (last uint64, ok bool) {
	if codeOf(err) != codeWrongSequence {
		return 0, false
	}
	text := err.Error()
	last, bad := strconv.ParseUint(text[strings.LastIndexByte(text, ' ')+1:], 10, 64)
	return last, bad == nil
}

// storeAgain sends results that were not stored.
func (s *server) storeAgain() {
	s.mu.Lock()
	unsent := s.unsent
	s.unsent = nil
	s.mu.Unlock()
	for _, a := range unsent {
		s.publish(a)
	}
}

// acknowledge ends a job.
func (s *server) acknowledge(j *job) {
	s.mu.Lock()
	reply := j.reply
	delete(s.jobs, j.id)
	s.mu.Unlock()
	_ = s.nc.Publish(reply, []byte("+ACK")) // if it is lost, the call is done once more, and this result stays
	s.lookAgain()
}

func (s *server) forgetJob(j *job) {
	s.mu.Lock()
	delete(s.jobs, j.id)
	s.mu.Unlock()
	s.lookAgain()
}

// letterRoom is what the headers of a dead letter may have, in bytes.
const letterRoom = 4 << 10

// putAside gives a message up: with a result that says so, and as a dead letter, for whoever looks into it.
func (s *server) putAside(j *job, call *nats.Msg, why error) {
	if !errors.Is(why, ErrDead) {
		why = fmt.Errorf("%w: %w", ErrDead, why)
	}
	slog.Default().Warn("potok/cluster: a call was put aside", "run", j.id.run, "call", j.id.message, "deliveries", j.delivered, "err", why)
	body := &resultMessage{
		kind: kindDead, worker: s.options.name, delivered: j.delivered, items: 1,
		results: []result{{failure: wire.AppendError(nil, potok.Permanent(why))}},
	}
	s.mu.Lock()
	s.jobs[j.id] = j // until both are stored
	s.mu.Unlock()
	letter := &nats.Msg{Subject: deadPrefix + j.id.run + "." + resultName(j.id.message), Header: nats.Header{}, Data: call.Data}
	reason := strings.ReplaceAll(why.Error(), "\n", " ")
	reason = strings.ToValidUTF8(reason[:min(len(reason), letterRoom/2)], "")
	if most := max(0, int(s.nc.MaxPayload())-letterRoom); len(letter.Data) > most { // which has headers on top
		letter.Data = letter.Data[:most]
		reason += fmt.Sprintf(" (the first %d of %d bytes)", most, len(call.Data))
	}
	letter.Header.Set(jetstream.MsgTTLHeader, j.body.keep.String())
	letter.Header.Set(errorHeader, reason)
	letter.Header.Set(subjectHeader, call.Subject)
	s.publisher.post(letter, func(err error) {
		if err != nil { // the result matters more
			slog.Default().Warn("potok/cluster: a dead letter is lost", "run", j.id.run, "call", j.id.message, "err", err)
		}
		s.publishResult(j, body)
	})
}
