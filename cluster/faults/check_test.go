package faults_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/internal/wire"
)

// checkRun looks at what the server has of a run with a name, past the client: each call has one result, the right one,
// which has replaced no other; there is no result of anything else; and no call is left.
func checkRun(t testing.TB, nc *nats.Conn, run string, all []order) {
	t.Helper()
	js := newJetStream(t, nc)
	results := subjects(t, js, "POTOK_RESULTS", "potok.res."+run+".>")
	stream := streamOf(t, js, "POTOK_RESULTS")
	if deleted := stream.CachedInfo().State.NumDeleted; deleted > 0 {
		t.Errorf("%d results were replaced", deleted)
	}
	for _, o := range all {
		subject := "potok.res." + run + "." + callName(t, o)
		if results[subject] != 1 {
			t.Errorf("call %d: %d results", o.N, results[subject])
			continue
		}
		delete(results, subject)
		msg := asked(t, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			return stream.GetLastMsgForSubject(ctx, subject)
		})
		if v, err := readResult(msg.Data); v != o.answer() || err != nil {
			t.Errorf("call %d: the result stored is %d, %v; want %d", o.N, v, err, o.answer())
		}
	}
	for subject := range results {
		t.Errorf("a result of no call: %s", subject)
	}
	// What was delivered twice is acknowledged when it is done for the second time.
	for limit := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		left := subjects(t, js, "POTOK_CALLS", "potok.call.*."+run+".>")
		if len(left) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("calls are left: %v", left)
		}
	}
}

func newJetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// asked asks a server until it answers: while servers choose who leads, none may.
func asked[T any](t testing.TB, ask func(context.Context) (T, error)) (answer T) {
	t.Helper()
	err := errors.New("never asked")
	defer func() {
		if t.Failed() {
			t.Log("the last answer:", err)
		}
	}()
	eventually(t, "an answer", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		answer, err = ask(ctx)
		return err == nil
	})
	return answer
}

func streamOf(t testing.TB, js jetstream.JetStream, name string) jetstream.Stream {
	t.Helper()
	return asked(t, func(ctx context.Context) (jetstream.Stream, error) { return js.Stream(ctx, name) })
}

// subjects returns how many messages a stream has, by subject.
func subjects(t testing.TB, js jetstream.JetStream, stream, filter string) map[string]uint64 {
	t.Helper()
	s := streamOf(t, js, stream)
	info := asked(t, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.Info(ctx, jetstream.WithSubjectFilter(filter))
	})
	if info.State.Subjects == nil {
		return map[string]uint64{}
	}
	return info.State.Subjects
}

// callName is the name of a call in a run, as the design has it: made anew here, as what was stored yesterday is found by it.
func callName(t testing.TB, o order) string {
	t.Helper()
	in, err := wire.Append(nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(len(work.Name())))
	b = append(append(b, work.Name()...), in...)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// readResult reads a message of results that has one.
func readResult(b []byte) (v int, err error) {
	kind, rest, ok := bytes.Cut(b, []byte{1})
	if !ok || len(kind) > 0 || len(rest) == 0 {
		return 0, fmt.Errorf("a message of another version: %q", b)
	}
	var fields [6][]byte // worker, delivered, time, items, object, value
	r := bytes.NewReader(rest[1:])
	for i := range fields {
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return 0, err
		}
		if 1 <= i && i <= 3 {
			continue
		}
		fields[i] = make([]byte, n)
		if _, err := r.Read(fields[i]); err != nil && n > 0 {
			return 0, err
		}
	}
	if rest[0] != 'r' {
		return 0, fmt.Errorf("a message of kind %q", strings.ToValidUTF8(string(rest[:1]), "?"))
	}
	return v, wire.Decode(fields[5], &v)
}
