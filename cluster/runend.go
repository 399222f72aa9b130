package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/wire"
)

// ErrRunBusy is matched by RemoveRun's error for a run with calls that wait or run.
var ErrRunBusy = errors.New("potok/cluster: the run has calls that wait or run")

// CancelRun cancels the calls of a run that wait or run, and returns how many messages of calls those were: what waits is
// dropped, who runs one is told to end it, and that it was cancelled is recorded in place of a result, so that futures
// settle as Cancelled wherever they are. A call whose result came first keeps it. Calls that clients send meanwhile are
// cancelled too, until a moment comes with none. In a run that is taken up again later they count as missing, and run. It
// blocks until all is recorded, or until ctx ends: then the error matches ctx.Err(), and some are cancelled. For a run that
// is not known the error matches ErrNoRun. The connection needs the rights of a client.
func CancelRun(ctx context.Context, nc *nats.Conn, run string) (cancelled int, err error) {
	js, keep, err := openRun(ctx, nc, run)
	if err != nil {
		return 0, err
	}
	for {
		waiting, err := subjectsOf(ctx, js, callsStream, callPrefix+"*."+run+".>")
		if err != nil || len(waiting) == 0 {
			return cancelled, err
		}
		calls, err := findStream(ctx, js, callsStream)
		if err != nil {
			return cancelled, asking(err)
		}
		for _, subject := range waiting {
			_, id, ok := parseCallSubject(subject)
			if ok { // first of all: a result that comes now is too late
				body := resultMessage{kind: kindCancelled}
				_, err := publishMsg(ctx, js, resultMsg(run, resultName(id.message), afterOf(id.message), keep, body.bytes()))
				if err != nil && codeOf(err) != codeWrongSequence {
					return cancelled, asking(err)
				}
			}
			if err := purge(ctx, calls, subject); err != nil {
				return cancelled, asking(err)
			}
			e := endMessage{message: id.message, all: true, why: wire.AppendError(nil, potok.ErrCancelled)}
			if err := nc.Publish(endPrefix+run, e.bytes()); err != nil {
				return cancelled, asking(err)
			}
			cancelled++
		}
	}
}

// RemoveRun removes the results, the dead letters and the record of a run: another one may have its name then. It blocks
// until they are gone, or until ctx ends: then the error matches ctx.Err(). The error matches ErrRunBusy if calls of the run
// wait or run, see CancelRun, and ErrNoRun if it is not known. A client that is still connected to the run must not be used
// any more. The connection needs the rights of a client.
func RemoveRun(ctx context.Context, nc *nats.Conn, run string) error {
	js, _, err := openRun(ctx, nc, run)
	if err != nil {
		return err
	}
	waiting, err := subjectsOf(ctx, js, callsStream, callPrefix+"*."+run+".>")
	if err != nil {
		return err
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%w: %s", ErrRunBusy, run)
	}
	results, err := findStream(ctx, js, resultsStream)
	if err != nil {
		return asking(err)
	}
	if err := newObjects(js).removeAll(ctx, run); err != nil {
		return err
	}
	for _, subject := range []string{resultPrefix + run + ".>", deadPrefix + run + ".>", tryPrefix + run + ".>", runPrefix + run} { // the record last
		if err := purge(ctx, results, subject); err != nil {
			return asking(err)
		}
	}
	return nil
}

// openRun finds out whether a run is known, and how long its results are kept.
func openRun(ctx context.Context, nc *nats.Conn, run string) (jetstream.JetStream, time.Duration, error) {
	if err := checkRun(run); err != nil {
		return nil, 0, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, 0, fmt.Errorf("potok/cluster: %w", err)
	}
	record, err := lastOf(ctx, js, runPrefix+run)
	if err != nil {
		return nil, 0, err
	}
	if record != nil {
		var info RunInfo
		info.describe(record.Data)
		if info.Keep >= time.Second {
			return js, info.Keep, nil
		}
		return js, DefaultKeep, nil
	}
	// The record of a run without a name may be gone before its calls are.
	for stream, subject := range map[string]string{callsStream: callPrefix + "*." + run + ".>", resultsStream: resultPrefix + run + ".>"} {
		if left, err := subjectsOf(ctx, js, stream, subject); err != nil || len(left) > 0 {
			return js, DefaultKeep, err
		}
	}
	return nil, 0, fmt.Errorf("%w: %s", ErrNoRun, run)
}

// afterOf returns the sequence of the result that a message's comes after, which stands in its name.
func afterOf(message string) uint64 {
	_, after, _ := strings.Cut(message, "-")
	n, _ := strconv.ParseUint(after, 36, 64) // 0: it is the first
	return n
}
