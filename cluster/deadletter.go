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

// Headers of a dead letter: why it is one, and where it waited before.
const (
	errorHeader   = "Potok-Error"
	subjectHeader = "Potok-Subject"
)

// A DeadLetter is a message of calls that was put aside, because each of its workers died or it made no sense to one. It is
// a copy.
type DeadLetter struct {
	Call       string // its name in the run
	Task       string
	At         time.Time // when it was put aside
	Deliveries int       // to workers; 0: not known any more
	Reason     string
	Message    []byte   // as it came
	Args       [][]byte // encoded, of each call; nil where the message makes no sense, or they are not in it
}

// DeadLetters returns what was put aside of a run, the first one first. It blocks until the server has answered, or until ctx
// ends: then the error matches ctx.Err(). For a run that is not known the error matches ErrNoRun. The connection needs the
// rights of a client.
func DeadLetters(ctx context.Context, nc *nats.Conn, run string) ([]DeadLetter, error) {
	js, _, err := openRun(ctx, nc, run)
	if err != nil {
		return nil, err
	}
	var letters []DeadLetter
	err = readAll(ctx, js, []string{deadPrefix + run + ".>"}, func(msg jetstream.Msg) {
		l := DeadLetter{Call: strings.TrimPrefix(msg.Subject(), deadPrefix+run+".")}
		l.read(msg)
		letters = append(letters, l)
	})
	if err != nil {
		return nil, err
	}
	for i := range letters {
		result, err := lastOf(ctx, js, resultPrefix+run+"."+letters[i].Call)
		if err != nil {
			return nil, err
		}
		if result == nil {
			continue
		}
		if body, err := parseResult(result.Data); err == nil && body.kind == kindDead {
			letters[i].Deliveries = int(min(body.delivered, 1<<31-1))
		}
	}
	return letters, nil
}

func (l *DeadLetter) read(msg jetstream.Msg) {
	l.Message = slices.Clone(msg.Data())
	l.Reason = msg.Headers().Get(errorHeader)
	if meta, err := msg.Metadata(); err == nil {
		l.At = meta.Timestamp
	}
	l.Task, _, _ = parseCallSubject(msg.Headers().Get(subjectHeader))
	if call, err := parseCall(l.Message); err == nil {
		l.Task = call.task
		l.Args = call.ins
	}
}

// Requeue has workers run dead letters of a run again: those of the calls that are named, or all. It returns how many. A
// client that is connected now has heard that the call was given up; one that connects to the run later waits for the new
// result. It blocks until all are queued, or until ctx ends: then the error matches ctx.Err(), and some are. It can be
// called again after any error. A letter that makes no sense stays, as does one whose name is not found: errors, joined,
// tell of them when the others are queued. For a run that is not known the error matches ErrNoRun. The connection needs the
// rights of a client.
func Requeue(ctx context.Context, nc *nats.Conn, run string, calls ...string) (queued int, err error) {
	js, keep, err := openRun(ctx, nc, run)
	if err != nil {
		return 0, err
	}
	if len(calls) == 0 {
		subjects, err := subjectsOf(ctx, js, resultsStream, deadPrefix+run+".>")
		if err != nil {
			return 0, err
		}
		for _, subject := range subjects {
			calls = append(calls, strings.TrimPrefix(subject, deadPrefix+run+"."))
		}
	}
	var faults []error
	for _, call := range calls {
		switch err := requeue(ctx, js, run, call, keep); {
		case err == nil:
			queued++
		case ctx.Err() != nil:
			return queued, errors.Join(append(faults, asking(registry.ContextError(ctx)))...)
		default:
			faults = append(faults, fmt.Errorf("call %s of run %s: %w", call, run, err))
		}
	}
	return queued, errors.Join(faults...)
}

// requeue takes three steps, each of which may be the last that is taken before it is called again:
//
//	dead result ─► cancelled: counts as missing ─► the call, to come after that ─► no letter
//
// A client that takes the run up after the first sends the very message of the second by itself.
func requeue(ctx context.Context, js jetstream.JetStream, run, call string, keep time.Duration) error {
	letter, err := lastOf(ctx, js, deadPrefix+run+"."+call)
	if err != nil {
		return err
	}
	if letter == nil {
		return fmt.Errorf("%w: it has no dead letter", jetstream.ErrMsgNotFound)
	}
	body, err := parseCall(letter.Data)
	if err != nil {
		return fmt.Errorf("it cannot be queued again: %w", checkVersion(letter.Data))
	}
	token, _, ok := parseCallSubject(letter.Header.Get(subjectHeader))
	if !ok {
		return fmt.Errorf("%w: it does not say where it waited", errMessage)
	}
	done, err := missing(ctx, js, run, call, keep)
	if err != nil {
		return err
	}
	if !done.result {
		body.after = done.sequence
		name := call + "-" + strconv.FormatUint(done.sequence, 36)
		_, err := publishMsg(ctx, js, &nats.Msg{Subject: callPrefix + token + "." + run + "." + name, Data: body.bytes()})
		if err != nil && codeOf(err) != codeStoreFailed { // else it is there
			return asking(err)
		}
	}
	results, err := findStream(ctx, js, resultsStream)
	if err != nil {
		return asking(err)
	}
	if err := results.DeleteMsg(ctx, letter.Sequence); err != nil {
		return asking(err)
	}
	return nil
}

// An outcome is what stands in place of a result.
type outcome struct {
	sequence uint64
	result   bool // it is one: there is nothing to run
}

// missing sees to it that a call whose result says that it is dead counts as one that has none.
func missing(ctx context.Context, js jetstream.JetStream, run, call string, keep time.Duration) (outcome, error) {
	last, err := lastOf(ctx, js, resultPrefix+run+"."+call)
	if err != nil {
		return outcome{}, err
	}
	after := uint64(0)
	if last != nil {
		after = last.Sequence
		switch old, err := parseResult(last.Data); {
		case err == nil && old.kind == kindCancelled:
			return outcome{sequence: after}, nil
		case err == nil && old.kind == kindResults:
			return outcome{sequence: after, result: true}, nil
		}
	}
	body := resultMessage{kind: kindCancelled}
	ack, err := publishMsg(ctx, js, resultMsg(run, call, after, keep, body.bytes()))
	if codeOf(err) == codeWrongSequence { // somebody else was faster, or it was asked twice
		return missing(ctx, js, run, call, keep)
	}
	if err != nil {
		return outcome{}, asking(err)
	}
	return outcome{sequence: ack.Sequence}, nil
}
