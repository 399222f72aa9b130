package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/internal/registry"
)

const (
	objectPart = 128 << 10       // bytes of a message, as the tools of NATS have it
	objectTime = 5 * time.Minute // that reading an object may take

	uploadsAtOnce = 4

	partPrefix = "$O." + payloadBucket + ".C."
	infoPrefix = "$O." + payloadBucket + ".M."
)

// objects is the bucket of what is too large for a message. What it stores other tools read as well; but the bucket of package
// jetstream gives an object up of which one message is not answered, and it reads through a consumer: who may make one may have
// its messages delivered anywhere, and workers need not be trusted with that.
type objects struct {
	js      jetstream.JetStream
	uploads chan struct{} // a place for each that may be under way, as each waits for its answers
	warned  atomic.Bool   // that there is no room, or no server

	mu     sync.Mutex // guards stream; held while it is looked for
	stream jetstream.Stream
}

// objectName is no other object's: whoever runs or sends a call once more must not replace what is read, and workers may
// not.
func objectName(run, message, what string) string {
	return run + "/" + message + "/" + what + "-" + rand.Text()
}

func newObjects(js jetstream.JetStream) *objects {
	return &objects{js: js, uploads: make(chan struct{}, uploadsAtOnce)}
}

func infoSubject(name string) string {
	return infoPrefix + base64.URLEncoding.EncodeToString([]byte(name))
}

// An upload is an object on its way, which goes on where it was when it is tried again. It is for one goroutine.
type upload struct {
	name, id string
	data     []byte
	sent     int    // bytes that are stored
	last     uint64 // sequence of the last part
}

func newUpload(name string, data []byte) *upload {
	return &upload{name: name, id: rand.Text(), data: data}
}

// put stores an object, or as much of it as it can. It blocks for publishTime more than the server takes for its parts; where
// it fails it may be called again, as long as somebody wants the object.
func (o *objects) put(ctx context.Context, u *upload) error {
	select {
	case o.uploads <- struct{}{}:
		defer func() { <-o.uploads }()
	case <-ctx.Done():
		return registry.ContextError(ctx)
	}
	for u.sent < len(u.data) {
		part := u.data[u.sent:min(u.sent+objectPart, len(u.data))]
		// A part that is sent again as its answer was lost must not be there twice.
		m := &nats.Msg{Subject: partPrefix + u.id, Data: part, Header: nats.Header{
			jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(u.last, 10)},
		}}
		last, err := o.publish(ctx, m)
		if codeOf(err) == codeWrongSequence {
			last, err = o.lastPart(ctx, u)
		}
		switch {
		case err != nil:
			return fmt.Errorf("potok/cluster: object %s: %w", u.name, err)
		case last <= u.last: // the server has lost some of it
			u.id, u.sent, u.last = rand.Text(), 0, 0
		default:
			u.sent, u.last = u.sent+len(part), last
		}
	}
	info, err := json.Marshal(jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: u.name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: objectPart}},
		Bucket:     payloadBucket, NUID: u.id, Digest: digest(u.data),
		Size: uint64(len(u.data)), Chunks: uint32((len(u.data) + objectPart - 1) / objectPart),
	})
	if err == nil {
		_, err = o.publish(ctx, &nats.Msg{Subject: infoSubject(u.name), Data: info, Header: nats.Header{
			jetstream.MsgRollup: {jetstream.MsgRollupSubject},
		}})
	}
	if err != nil {
		return fmt.Errorf("potok/cluster: object %s: %w", u.name, err)
	}
	return nil
}

func (o *objects) publish(ctx context.Context, m *nats.Msg) (sequence uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	ack, err := o.js.PublishMsg(ctx, m)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// lastPart returns the sequence of the last part that is stored; 0: there is none.
func (o *objects) lastPart(ctx context.Context, u *upload) (uint64, error) {
	stream, err := o.open(ctx)
	if err != nil {
		return 0, err
	}
	part, err := lastMsg(ctx, stream, partPrefix+u.id)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return part.Sequence, nil
}

// digest is that of the object store of NATS (ADR-20).
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:])
}

// get reads an object, for as long as objectTime while the server is away. For one that is not there it waits less: who
// answers may be behind those who have stored it.
func (o *objects) get(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	for began := time.Now(); ; pause(ctx, resendAfter) {
		data, err := o.read(ctx, name)
		if err == nil {
			return data, nil
		}
		missing := errors.Is(err, jetstream.ErrMsgNotFound) || errors.Is(err, jetstream.ErrStreamNotFound)
		if missing && time.Since(began) > requestTime || errors.Is(err, errMessage) || errors.Is(err, nats.ErrConnectionClosed) || ctx.Err() != nil {
			return nil, fmt.Errorf("potok/cluster: object %s: %w", name, err)
		}
	}
}

func (o *objects) read(ctx context.Context, name string) ([]byte, error) {
	stream, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	info, err := o.info(ctx, stream, name)
	if err != nil {
		return nil, err
	}
	var data []byte
	next := uint64(1)
	for uint64(len(data)) < info.Size {
		part, err := getMsg(ctx, stream, next, jetstream.WithGetMsgSubject(partPrefix+info.NUID))
		if err != nil {
			return nil, err
		}
		data, next = append(data, part.Data...), part.Sequence+1
	}
	if info.Digest != digest(data) {
		return nil, fmt.Errorf("%w: it is not what was stored", errMessage)
	}
	return data, nil
}

func (o *objects) open(ctx context.Context) (jetstream.Stream, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stream != nil {
		return o.stream, nil
	}
	stream, err := findStream(ctx, o.js, bucketStream)
	if err == nil {
		o.stream = stream
	}
	return stream, err
}

func (o *objects) info(ctx context.Context, stream jetstream.Stream, name string) (info jetstream.ObjectInfo, err error) {
	msg, err := lastMsg(ctx, stream, infoSubject(name))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(msg.Data, &info); err != nil || strings.ContainsAny(info.NUID, ".*> ") || info.NUID == "" {
		return info, errors.Join(errMessage, err)
	}
	return info, nil
}

// drop forgets an object. One that stays is gone after payloadsLive.
func (o *objects) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	stream, err := o.open(ctx)
	if err != nil {
		return err
	}
	info, err := o.info(ctx, stream, name)
	if err != nil {
		return err
	}
	if err := purge(ctx, stream, partPrefix+info.NUID); err != nil {
		return err
	}
	return purge(ctx, stream, infoSubject(name))
}

// dropUpload is drop for one that was perhaps not stored wholly.
func (o *objects) dropUpload(ctx context.Context, u *upload) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	if stream, err := o.open(ctx); err == nil {
		_ = purge(ctx, stream, partPrefix+u.id)
		_ = purge(ctx, stream, infoSubject(u.name))
	}
}

// removeAll drops the objects of a run.
func (o *objects) removeAll(ctx context.Context, run string) error {
	subjects, err := subjectsOf(ctx, o.js, bucketStream, infoPrefix+">")
	if err != nil {
		return err
	}
	for _, subject := range subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, infoPrefix))
		if err != nil || !strings.HasPrefix(string(name), run+"/") {
			continue
		}
		if err := o.drop(ctx, string(name)); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return asking(err)
		}
	}
	return nil
}
