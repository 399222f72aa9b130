package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A runRecord is what is stored of a run: for as long as somebody may take it up again and would else not know that
// results are gone.
type runRecord struct {
	Began   time.Time `json:"began"`
	KeepFor string    `json:"keep"`
	Named   bool      `json:"named"`
}

// beginRun stores that the run has begun, or reads when it did.
func (c *Client) beginRun(ctx context.Context) error {
	record := runRecord{Began: time.Now().UTC(), KeepFor: c.options.keep.String(), Named: c.options.named}
	data, err := json.Marshal(record)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: runPrefix + c.options.run, Header: nats.Header{}, Data: data}
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	if !c.options.named { // nobody can take it up again
		msg.Header.Set(jetstream.MsgTTLHeader, c.options.keep.String())
	}
	_, err = publishMsg(ctx, c.js, msg)
	if codeOf(err) != codeWrongSequence {
		if err != nil {
			return fmt.Errorf("potok/cluster: %w", explain(err))
		}
		return nil
	}
	stream, err := findStream(ctx, c.js, resultsStream)
	if err != nil {
		return fmt.Errorf("potok/cluster: %w", err)
	}
	old, err := lastMsg(ctx, stream, msg.Subject)
	if err != nil {
		return fmt.Errorf("potok/cluster: run %s: %w", c.options.run, err)
	}
	if err := json.Unmarshal(old.Data, &record); err != nil {
		return fmt.Errorf("potok/cluster: run %s: %w", c.options.run, errors.Join(errMessage, err))
	}
	keep, err := time.ParseDuration(record.KeepFor)
	if err != nil {
		return fmt.Errorf("potok/cluster: run %s: %w", c.options.run, errors.Join(errMessage, err))
	}
	if age := time.Since(record.Began); age > keep {
		return fmt.Errorf("%w: run %s began %v ago, and its results are kept for %v: give the new run another name, or remove the old one",
			ErrExpired, c.options.run, age.Round(time.Second), keep)
	}
	return nil
}

func resultSubject(run, name string) string { return resultPrefix + run + "." + name }

// resultMsg makes the message of a result.
func resultMsg(run, name string, after uint64, keep time.Duration, body []byte) *nats.Msg {
	return &nats.Msg{Subject: resultSubject(run, name), Header: resultHeader(after, keep), Data: body}
}

// resultHeader lets a result be stored only if the last one of its subject is that which it comes after, so that the first
// one wins for as long as it is kept; and it lets it expire.
func resultHeader(after uint64, keep time.Duration) nats.Header {
	return nats.Header{
		jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(after, 10)},
		jetstream.MsgTTLHeader:              {keep.String()},
	}
}
