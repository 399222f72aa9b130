package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// longChunk is after what time no more items of a chunk begin: the rest goes to whoever has nothing to do.
const longChunk = 4 * messageTime

// A job is a message of calls that this worker has.
type job struct {
	id        callID
	task      *registry.Task
	body      *callMessage
	ctx       context.Context         //nolint:containedctx // of its calls
	end       context.CancelCauseFunc // ends it; nil: it is all jobs', and its calls are cancelled one by one
	delivered uint64
	since     time.Time // when it came

	// Guarded by the server's mu.
	reply     string // where it is acknowledged
	cancelOne func(i int, cause error)
	early     map[int]error // calls to cancel that are not submitted yet
	results   []result
	settled   []bool
	done      int       // results that there are
	back      bool      // the executor was closed: another worker does it
	begun     time.Time // its first call; zero: none
	over      bool      // it was told to end
	cancelled bool      // and its only call has
}

func (j *job) isDoneLocked(i int) bool { return j.body.kind == kindCalls && j.settled[i] }

// receiveCall takes a message of calls.
func (s *server) receiveCall(msg *nats.Msg) {
	token, id, ok := parseCallSubject(msg.Subject)
	meta, err := msg.Metadata()
	if !ok || err != nil {
		return // it did not come from where we asked
	}
	s.mu.Lock()
	s.cameLocked(token, meta.NumPending)
	old := s.jobs[id]
	if old != nil { // it was silent for too long: who has it goes on, and acknowledges this one
		old.reply, old.delivered = msg.Reply, meta.NumDelivered
	}
	s.mu.Unlock()
	if old != nil {
		return
	}
	j := &job{id: id, reply: msg.Reply, delivered: meta.NumDelivered, since: time.Now()}
	body, err := parseCall(msg.Data)
	var task *registry.Task
	if err != nil {
		err = checkVersion(msg.Data)
	} else if task = s.taskOf(token); task == nil || task.Name != body.task {
		err = fmt.Errorf("%w: it is of task %.100q, and came as %s", errMessage, body.task, token)
	}
	if err != nil {
		j.body = &callMessage{kind: kindCalls, items: 1, keep: DefaultKeep}
		s.putAside(j, msg, err)
		return
	}
	j.body, j.task = body, task
	j.begin(s.ctx, meta.Timestamp)
	if s.options.trace != nil && body.trace != "" {
		j.ctx = s.traced(j.ctx, body.trace)
	}
	j.results, j.settled = make([]result, body.items), make([]bool, body.items)
	s.mu.Lock()
	s.jobs[id] = j
	s.running++
	over, isOver := s.ended[id]
	again := j.delivered > 1
	if again {
		s.suspectLocked(j, msg)
	}
	var ask []*nats.Msg
	if f := s.feeds[token]; f != nil && f.asked == 0 { // more may be there than its share
		ask = s.askLocked()
	}
	s.mu.Unlock()
	s.send(ask)
	if isOver {
		s.end(j, &endMessage{all: true}, over.why)
	}
	if again {
		s.runSuspects()
		return
	}
	s.start(j)
}

// start has the calls of a job run: here and now where that takes no time, so that they start in the order in which they
// come.
func (s *server) start(j *job) {
	if j.body.object == "" && j.body.items == len(j.body.ins) && !wire.Custom(j.task.In) {
		s.submit(j)
		return
	}
	s.work.Go(func() { s.prepare(j) })
}

// begin makes the context of a job that was stored at that time. One of its own costs an executor more than a short call.
func (j *job) begin(ctx context.Context, stored time.Time) {
	if j.ctx = ctx; j.body.remains == 0 && j.body.items == len(j.body.ins) && j.body.trace == "" {
		return
	}
	j.ctx, j.end = context.WithCancelCause(ctx)
	if j.body.remains > 0 {
		ctx, stop := context.WithDeadline(j.ctx, stored.Add(j.body.remains))
		end := j.end
		j.ctx, j.end = ctx, func(cause error) { end(cause); stop() }
	}
}

// traced has the user's function make a context. One that panics is logged, and the call goes on without.
func (s *server) traced(ctx context.Context, trace string) (with context.Context) {
	defer func() {
		if v := recover(); v != nil {
			slog.Default().Error("potok/cluster: TraceFrom's function panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			with = ctx
		}
	}()
	return s.options.trace(ctx, trace)
}

// prepare is submit for what may take a while.
func (s *server) prepare(j *job) {
	if j.body.object != "" {
		data, err := s.objects.get(s.ctx, j.body.object)
		if err == nil {
			err = j.body.parseIns(data)
		}
		if err != nil {
			s.failAll(j, potok.Permanent(fmt.Errorf("potok/cluster: the arguments of %s: %w", j.task.Name, err)))
			return
		}
	}
	if j.body.items > len(j.body.ins) {
		s.runChunk(j)
		return
	}
	s.submit(j)
}

// submit has the executor run the calls. It blocks while that is full.
func (s *server) submit(j *job) {
	ins, index, failures := j.decode()
	if len(index) > 0 {
		cancel := j.task.Submit(j.ctx, s.ex, ins.Interface(), j.body.timeout, &registry.Served{
			Begun:  func(k int) { s.begun(j, index[k]) },
			Done:   func(k int, out any, err error) { s.done(j, index[k], out, err) },
			Closed: func() { s.giveBack(j) },
		})
		s.mu.Lock()
		early := j.early
		j.cancelOne = func(i int, cause error) {
			for k := range index {
				if index[k] == i {
					cancel(k, cause)
				}
			}
		}
		s.mu.Unlock()
		for i, cause := range early {
			j.cancelOne(i, cause)
		}
	}
	for i, err := range failures {
		s.done(j, i, nil, err)
	}
}

// decode returns the arguments in a *[]In, which of the calls have one, and the errors of the others.
func (j *job) decode() (ins reflect.Value, index []int, failures map[int]error) {
	ins = reflect.New(reflect.SliceOf(j.task.In))
	fail := func(i int, err error) {
		if failures == nil {
			failures = make(map[int]error)
		}
		failures[i] = err
	}
	if j.body.kind == kindChunk { // of one
		err := decodeArgument(j.task, j.body.ins[0], ins.Interface())
		if err == nil && ins.Elem().Len() != 1 {
			err = potok.Permanent(fmt.Errorf("potok/cluster: arguments of %s: %w", j.task.Name, errMessage))
		}
		if err != nil {
			fail(0, err)
		} else {
			index = append(index, 0)
		}
	} else {
		all := reflect.MakeSlice(ins.Type().Elem(), len(j.body.ins), len(j.body.ins))
		n := 0
		for i, in := range j.body.ins {
			if err := decodeArgument(j.task, in, all.Index(n).Addr().Interface()); err != nil {
				all.Index(n).SetZero()
				fail(i, err)
				continue
			}
			index = append(index, i)
			n++
		}
		ins.Elem().Set(all.Slice(0, n))
	}
	j.body.ins = nil
	return ins, index, failures
}

func decodeArgument(task *registry.Task, b []byte, to any) error {
	if err := apart(wire.Custom(task.In), func() error { return wire.Decode(b, to) }); err != nil {
		return potok.Permanent(fmt.Errorf("potok/cluster: argument of %s: %w", task.Name, err))
	}
	return nil
}

// runChunk has the executor run items of a Map, one after the other as far as is known.
func (s *server) runChunk(j *job) {
	ins := reflect.New(reflect.SliceOf(j.task.In))
	err := decodeArgument(j.task, j.body.ins[0], ins.Interface())
	if err == nil && ins.Elem().Len() != j.body.items {
		err = potok.Permanent(fmt.Errorf("potok/cluster: arguments of %s: %w", j.task.Name, errMessage))
	}
	if err != nil {
		s.failAll(j, err)
		return
	}
	j.body.ins = nil
	more := func() bool { return time.Since(j.since) < longChunk }
	j.task.Map(j.ctx, s.ex, ins.Interface(), more, &registry.Served{
		Begun:  func(int) { s.begun(j, 0) },
		Done:   func(i int, out any, err error) { s.store(j, i, out, err) },
		Closed: func() { s.giveBack(j) },
	})
	s.finish(j)
}

// failAll fails all calls of a job.
func (s *server) failAll(j *job, err error) {
	for i := range j.body.items {
		s.store(j, i, nil, err)
	}
	s.finish(j)
}

// begun notes that a call has begun, for whoever waits for it.
func (s *server) begun(j *job, i int) {
	s.mu.Lock()
	if j.begun.IsZero() {
		j.begun = time.Now()
	}
	s.began[j.id.run] = append(s.began[j.id.run], beganCall{j.id.message, i})
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// done takes what became of a call, and finishes the job with the last.
func (s *server) done(j *job, i int, out any, err error) {
	if s.store(j, i, out, err) {
		s.finish(j)
	}
}

// store keeps what became of a call. True: it was the last.
func (s *server) store(j *job, i int, out any, err error) bool {
	r := encodeResult(j.task, out, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	j.results[i], j.settled[i] = r, true
	j.cancelled = j.over && len(j.results) == 1 && endedBy(err)
	j.done++
	return j.done == len(j.results)
}

// endedBy says whether a call was cancelled, by what it returned.
func endedBy(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, potok.ErrCancelled) || errors.Is(err, potok.ErrClosed)
}

// giveBack notes that the executor was closed before the job was done.
func (s *server) giveBack(j *job) {
	s.mu.Lock()
	j.back = true
	s.mu.Unlock()
}

// encodeResult makes bytes of a result. What cannot be sent fails the call.
func encodeResult(task *registry.Task, out any, err error) (r result) {
	if out != nil {
		var bad error
		if r.out, bad = wire.Append(nil, out); bad != nil {
			r.out, err = nil, potok.Permanent(fmt.Errorf("potok/cluster: result of %s: %w", task.Name, bad))
		}
	}
	if err != nil {
		r.failure = wire.AppendError(nil, err)
	}
	return r
}
