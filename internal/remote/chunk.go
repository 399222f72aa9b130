package remote

import (
	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// TakesChunks says whether items of a Map may come in Chunks: where calls may be sent ahead.
func (x *Executor) TakesChunks() bool { return x.config.Ahead }

// Rest gives the items of a Chunk from i on, which have not begun, to the next worker. The Chunk is the caller's, as are
// those of Settle.
func (x *Executor) Rest(it *Item, i int) {
	rest := it.splitAt(i)
	in, err := x.config.Encode(rest.Call)
	rest.In = in
	x.mu.Lock()
	var refused []*Item
	switch {
	case rest.gone:
	case err != nil || x.killed:
		refused = []*Item{rest}
	default:
		refused = x.giveBackLocked([]*Item{rest})
	}
	x.enlistLocked(rest)
	flush := x.dealLocked()
	killed, broken := x.killed, x.broken
	x.mu.Unlock()
	flush.do()
	switch {
	case len(refused) == 0:
	case killed:
		rest.Call.Cancel(potok.ErrClosed)
	case err != nil:
		x.singly(rest, err)
	default:
		x.refuse(rest, broken)
	}
}

// splitAt makes the items from i on an Item of its own.
func (it *Item) splitAt(i int) *Item {
	rest := &Item{deadline: it.deadline, over: it.over, plain: true, accepted: true}
	rest.Chunk = it.Chunk.Split(i, rest)
	rest.Call = rest.Chunk
	return rest
}

// enlistLocked counts an accepted item among all, if it has not left meanwhile. The caller holds mu.
func (x *Executor) enlistLocked(it *Item) {
	if !it.gone {
		x.listLocked(it)
	}
}

// singly fails what cannot be sent of an accepted Chunk, an item alone, and queues the others. It is queued itself nowhere.
func (x *Executor) singly(it *Item, err error) {
	for it.Chunk != nil && it.Chunk.Items() > 1 {
		rest := it.splitAt(1)
		x.mu.Lock()
		x.enlistLocked(rest)
		x.mu.Unlock()
		x.queueOrRefuse(it)
		it = rest
	}
	if it.Chunk == nil {
		x.refuse(it, err)
		return
	}
	x.queueOrRefuse(it)
}

func (x *Executor) queueOrRefuse(it *Item) {
	in, err := x.config.Encode(it.Call)
	it.In = in
	x.mu.Lock()
	if err == nil {
		x.pushLocked(it)
		err = x.broken
	}
	flush := x.dealLocked()
	late := x.killed && !it.gone
	x.mu.Unlock()
	flush.do()
	switch {
	case late:
		it.Call.Cancel(potok.ErrClosed)
	case err != nil:
		x.refuse(it, err)
	}
}

// chunkOf returns a call as a Chunk, or nil.
func chunkOf(c registry.Call) registry.Chunk {
	k, _ := c.(registry.Chunk)
	return k
}
