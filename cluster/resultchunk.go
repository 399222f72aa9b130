package cluster

import (
	"reflect"
	"time"

	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// storeChunk puts the results of a chunk where they belong, those without an error together, and sends what has not begun
// again.
func (c *Client) storeChunk(it *remote.Item, results []result, ran time.Duration) {
	k := it.Chunk
	k.Took(ran)
	task := k.Task()
	n := min(len(results), k.Items())
	done := 0
	var kept wire.Array
	keep := func(upTo int) {
		if upTo == done {
			return
		}
		decode := func() error { return kept.Decode(k.Results(done, upTo-done)) }
		err := apart(wire.Custom(task.Out), decode)
		for i := done; err != nil && i < upTo; i++ { // which of them?
			storeItem(k, i, results[i])
		}
		kept.Clear()
		done = upTo
		k.Done(done)
	}
	for i, r := range results[:n] {
		if len(r.failure) == 0 && kept.Add(r.out) {
			continue
		}
		keep(i)
		storeItem(k, i, r)
		done = i + 1
		k.Done(done)
	}
	keep(n)
	switch {
	case n == 0: // a worker answers one at least
		k.Fail(0, errMessage)
		k.Done(1)
		if k.Items() > 1 {
			c.near.Rest(it, 1)
		}
	case n < k.Items():
		c.near.Rest(it, n)
	}
}

func storeItem(k registry.Chunk, i int, r result) {
	if len(r.out) > 0 {
		one := reflect.ValueOf(k.Results(i, 1)).Elem().Index(0).Addr().Interface()
		if err := decodeResult(k.Task(), r.out, one); err != nil {
			k.Fail(i, err)
			return
		}
	}
	if err := failure(r.failure); err != nil {
		k.Fail(i, err)
	}
}
