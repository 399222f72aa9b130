package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

const (
	fullToken   = "full-token"
	workerToken = "worker-token"
)

// rights is a server with tokens, the streams of a cluster, and a connection of either kind.
type rights struct {
	full, worker     *nats.Conn
	fullJS, workerJS jetstream.JetStream
	violations       chan error // of the worker
}

func newRights(t *testing.T) *rights {
	t.Helper()
	srv := start(t, embedded.Listen("127.0.0.1:0"), embedded.Token(fullToken), embedded.WorkerToken(workerToken))
	return rightsAt(t, srv.URL(), nats.Token(fullToken), nats.Token(workerToken))
}

func rightsAt(t *testing.T, url string, full, worker nats.Option) *rights {
	t.Helper()
	r := &rights{violations: make(chan error, 100)}
	dial := func(opts ...nats.Option) (*nats.Conn, jetstream.JetStream) {
		nc, err := nats.Connect(url, opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc, newJetStream(t, nc)
	}
	r.full, r.fullJS = dial(full)
	r.worker, r.workerJS = dial(worker, nats.CustomInboxPrefix(embedded.WorkerInbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.violations <- err }))
	ctx := timeLimit(t)
	for _, c := range []jetstream.StreamConfig{
		{Name: "POTOK_CALLS", Subjects: []string{"potok.call.>"}, Retention: jetstream.WorkQueuePolicy},
		{Name: "POTOK_RESULTS", Subjects: []string{"potok.res.>"}},
		{Name: "POTOK_DEAD", Subjects: []string{"potok.dead.>"}},
	} {
		c.Storage = jetstream.MemoryStorage
		if _, err := r.fullJS.CreateStream(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.fullJS.CreateConsumer(ctx, "POTOK_CALLS", jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.fullJS.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "potok", Storage: jetstream.MemoryStorage}); err != nil {
		t.Fatal(err)
	}
	return r
}

// wantNoViolation is asked when everything that the worker sent has been answered.
func (r *rights) wantNoViolation(t *testing.T) {
	t.Helper()
	if err := r.worker.FlushTimeout(patience); err != nil {
		t.Error(err)
	}
	select {
	case err := <-r.violations:
		t.Error(err)
	default:
	}
}

func TestWorkerTokenSuffices(t *testing.T) {
	r := newRights(t)
	t.Run("ToServe", r.serve)
	t.Run("ForLargePayloads", r.largePayloads)
}

// serve takes a call and answers it as a worker does, and everything else that one says and hears.
func (r *rights) serve(t *testing.T) {
	ctx := timeLimit(t)
	if _, err := r.fullJS.Publish(ctx, "potok.call.run.1", []byte("call")); err != nil {
		t.Fatal(err)
	}
	consumer, err := r.workerJS.Consumer(ctx, "POTOK_CALLS", "workers")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.InProgress(); err != nil {
		t.Error(err)
	}
	if _, err := r.workerJS.Publish(ctx, "potok.res.run.1", []byte("result"), jetstream.WithExpectLastSequencePerSubject(0)); err != nil {
		t.Error(err)
	}
	if _, err := r.workerJS.Publish(ctx, "potok.dead.run.1", []byte("dead")); err != nil {
		t.Error(err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		t.Error(err)
	}
	events, err := r.full.SubscribeSync("potok.ev.>")
	if err != nil {
		t.Fatal(err)
	}
	control, err := r.worker.SubscribeSync("potok.ctl.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.full.FlushTimeout(patience), r.worker.FlushTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.worker.Publish("potok.ev.run", nil), r.full.Publish("potok.ctl.cancel", nil)); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []*nats.Subscription{events, control} {
		if _, err := sub.NextMsg(patience); err != nil {
			t.Error(sub.Subject, err)
		}
	}
	r.wantNoViolation(t)
}

// largePayloads moves objects in both directions.
func (r *rights) largePayloads(t *testing.T) {
	ctx := timeLimit(t)
	payload := bytes.Repeat([]byte("x"), 3<<20) // many chunks
	ours, err := r.fullJS.ObjectStore(ctx, "potok")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := r.workerJS.ObjectStore(ctx, "potok")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ours.PutBytes(ctx, "in", payload); err != nil {
		t.Fatal(err)
	}
	r.readDirectly(t, "in", payload)
	if _, err := theirs.PutBytes(ctx, "out", payload); err != nil {
		t.Error(err)
	}
	if got, err := ours.GetBytes(ctx, "out"); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(payload))
	}
	r.wantNoViolation(t)
}

func TestWorkerTokenIsGoodForNothingElse(t *testing.T) {
	r := newRights(t)
	for _, subject := range []string{
		"potok.call.run.2",
		"$JS.API.INFO",
		"$JS.API.STREAM.NAMES",
		"$JS.API.STREAM.CREATE.MINE",
		"$JS.API.STREAM.UPDATE.POTOK_CALLS",
		"$JS.API.STREAM.PURGE.POTOK_CALLS",
		"$JS.API.STREAM.PURGE.OBJ_potok",
		"$JS.API.STREAM.DELETE.POTOK_RESULTS",
		"$JS.API.STREAM.MSG.DELETE.POTOK_RESULTS",
		"$JS.API.STREAM.MSG.GET.POTOK_RESULTS",
		"$JS.API.DIRECT.GET.POTOK_RESULTS",
		"$JS.API.CONSUMER.CREATE.POTOK_CALLS",
		"$JS.API.CONSUMER.CREATE.POTOK_RESULTS.mine.potok.res.>",
		"$JS.API.CONSUMER.DELETE.POTOK_CALLS.workers",
		"$JS.API.CONSUMER.CREATE.OBJ_potok.mine.$O.potok.M.x",
		"$JS.API.CONSUMER.CREATE.OBJ_potok.mine.$O.potok.C.x",
		"$JS.FC.OBJ_potok.x",
		"$JS.ACK.POTOK_RESULTS.c.1.1.1.1.0",
		"_INBOX.somebody",
		"$SYS.REQ.SERVER.PING",
	} {
		if err := r.worker.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		r.wantViolation(t, subject)
	}
	for _, subject := range []string{"potok.res.>", "potok.call.>", "potok.ev.>", "_INBOX.>", "$JS.API.>", "$JS.ACK.>", "$SYS.>", ">"} {
		if _, err := r.worker.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		r.wantViolation(t, subject)
	}
}

func (r *rights) wantViolation(t *testing.T, subject string) {
	t.Helper()
	select {
	case err := <-r.violations:
		if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("%s: %v", subject, err)
		}
	case <-time.After(patience):
		t.Errorf("%s is allowed", subject)
	}
}

// readDirectly reads an object without a consumer.
func (r *rights) readDirectly(t *testing.T, name string, want []byte) {
	t.Helper()
	ctx := timeLimit(t)
	bucket, err := r.workerJS.ObjectStore(ctx, "potok")
	if err != nil {
		t.Fatal(err)
	}
	info, err := bucket.GetInfo(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := r.workerJS.Stream(ctx, "OBJ_potok")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for seq := uint64(1); len(got) < len(want); seq++ {
		chunk, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject("$O.potok.C."+info.NUID))
		if err != nil {
			t.Fatal(err)
		}
		got, seq = append(got, chunk.Data...), chunk.Sequence
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want the %d that were stored", len(got), len(want))
	}
}

// The piece of nats.conf that is written down for others means what the token does here.
func TestWorkerPermissionsAreWrittenDown(t *testing.T) {
	text, err := os.ReadFile("../../docs/cluster-permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, piece, _ := strings.Cut(string(text), "```\n")
	piece, _, _ = strings.Cut(piece, "```")
	publish, subscribe := embedded.WorkerPermissions()
	for _, subject := range slices.Concat(publish, subscribe) {
		if n := strings.Count(piece, `"`+subject+`"`); n != 2 {
			t.Errorf("%s is there %d times, want an export and an import", subject, n)
		}
	}
	t.Setenv("POTOK_PASSWORD", "p")
	t.Setenv("WORKER_PASSWORD", "w")
	config := server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
	if err := config.ProcessConfigString(piece + fmt.Sprintf("jetstream { store_dir: %q }", t.TempDir())); err != nil {
		t.Fatal(err)
	}
	srv, err := server.NewServer(&config)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(patience) {
		t.Fatal("it does not start")
	}
	r := rightsAt(t, srv.ClientURL(), nats.UserInfo("potok", "p"), nats.UserInfo("worker", "w"))
	t.Run("ToServe", r.serve)
	t.Run("ForLargePayloads", r.largePayloads)
}

func timeLimit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
