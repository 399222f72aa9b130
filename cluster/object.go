package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// objectTime is how long a large argument or result may be on its way.
const objectTime = 5 * time.Minute

// objects is the bucket of what is too large for a message, opened when it is first needed.
type objects struct {
	js jetstream.JetStream

	mu     sync.Mutex // guards bucket; held while it is opened
	bucket jetstream.ObjectStore
}

// objectName is no other object's: whoever runs or sends a call once more must not replace what is read, and workers may
// not.
func objectName(run, message, what string) string {
	return run + "/" + message + "/" + what + "-" + rand.Text()
}

func (o *objects) open(ctx context.Context) (jetstream.ObjectStore, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bucket != nil {
		return o.bucket, nil
	}
	bucket, err := o.js.ObjectStore(ctx, payloadBucket)
	if err != nil {
		return nil, fmt.Errorf("potok/cluster: object store %s: %w", payloadBucket, err)
	}
	o.bucket = bucket
	return bucket, nil
}

func (o *objects) put(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	bucket, err := o.open(ctx)
	if err == nil {
		_, err = bucket.PutBytes(ctx, name, data)
	}
	return err
}

func (o *objects) get(ctx context.Context, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	bucket, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	info, err := bucket.GetInfo(ctx, name)
	if err != nil {
		return nil, err
	}
	stream, err := o.js.Stream(ctx, bucketStream)
	if err != nil {
		return nil, err
	}
	// Part by part, and not through a consumer as the bucket would: who may make one may have its messages delivered
	// anywhere, and workers need not be trusted with that.
	var data []byte
	next := uint64(1)
	for uint64(len(data)) < info.Size {
		part, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject("$O."+payloadBucket+".C."+info.NUID))
		if err != nil {
			return nil, err
		}
		data, next = append(data, part.Data...), part.Sequence+1
	}
	sum := sha256.Sum256(data)
	if info.Digest != "SHA-256="+base64.URLEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("%w: object %s is not what was stored", errMessage, name)
	}
	return data, nil
}

// drop forgets an object. One that stays is gone after payloadsLive.
func (o *objects) drop(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	if bucket, err := o.open(ctx); err == nil {
		_ = bucket.Delete(ctx, name)
	}
}
