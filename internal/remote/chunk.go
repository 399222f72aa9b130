package remote

import (
	"slices"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// TakesChunks says whether items of a Map may come in Chunks: where calls may be sent ahead.
func (x *Executor) TakesChunks() bool { return x.config.Ahead }

// ChunkTime is how long their items should take together, at least.
func (x *Executor) ChunkTime() time.Duration { return x.config.ChunkTime }

// Rest gives the items of a Chunk from i on, which have not begun, to the next workers: a share to each that is idle, and
// to the one that has run it. The Chunk is the caller's, as are those of Settle.
func (x *Executor) Rest(it *Item, i int) {
	x.mu.Lock()
	shares := 1 + len(x.lanes) - x.busy
	if g := x.group; g != nil {
		shares = 1 + max(0, g.places-g.begun)
	}
	x.mu.Unlock()
	rest := it.splitAt(i)
	parts := []*Item{rest}
	for size := (rest.Chunk.Items() + shares - 1) / shares; parts[len(parts)-1].Chunk.Items() > size; {
		parts = append(parts, parts[len(parts)-1].splitAt(size))
	}
	for k, part := range slices.Backward(parts) { // each is put before the one that comes after it
		err := x.encodeApart(part)
		x.mu.Lock()
		x.enlistLocked(part)
		killed, broken := x.killed, x.broken
		if !part.gone && err == nil && !killed && broken == nil {
			x.queue.pushFront(parts[k : k+1])
		}
		flush := x.dealLocked()
		gone := part.gone
		x.mu.Unlock()
		flush.do()
		switch {
		case gone:
		case killed:
			part.Call.Cancel(potok.ErrClosed)
		case broken != nil:
			x.refuse(part, broken)
		case err != nil:
			x.singly(part, err)
		}
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

// A Chunk that runs for longer than this while a worker is idle is divided: its items were expected to be shorter.
const longChunk = 2 * time.Millisecond

// watchChunksLocked sees to it that a chunk is divided when it has taken too long, if there is somebody to take a part. The
// caller holds mu.
func (x *Executor) watchChunksLocked() {
	if x.watching || x.killed || x.queue.n > 0 || x.idleLaneLocked() == nil || !x.chunkRunsLocked() {
		return
	}
	x.watching = true
	x.flights.Add(1)
	if x.watch == nil {
		x.watch = time.AfterFunc(longChunk, x.divideChunks)
	} else {
		x.watch.Reset(longChunk)
	}
}

func (x *Executor) chunkRunsLocked() bool {
	for _, l := range x.lanes {
		if l.chunkLocked() != nil {
			return true
		}
	}
	return false
}

// chunkLocked returns the lane's call that runs if that is a Chunk which may be divided. The caller holds mu.
func (l *Lane) chunkLocked() *Shipment {
	s := l.firstLocked()
	if s == nil || s.stopped || s.Item.Chunk == nil || s.items < 2 {
		return nil
	}
	return s
}

// divideChunks stops the chunks that have run for long. What they leave comes back by Rest.
func (x *Executor) divideChunks() {
	defer x.flights.Done()
	x.mu.Lock()
	x.watching = false
	if !x.killed && x.queue.n == 0 && x.idleLaneLocked() != nil { // else the next deal looks again
		for _, l := range x.lanes {
			switch s := l.chunkLocked(); {
			case s == nil || time.Since(s.since) < longChunk:
			case l.carrier.Withdraw(s): // it has not even begun
				s.voidLocked()
				x.queue.pushFront([]*Item{s.Item})
			default:
				s.stopped = true
			}
		}
	}
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
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
	err := x.encodeApart(it)
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

// encodeApart encodes the arguments of a part of a Chunk: who divides one reads a worker's answers.
func (x *Executor) encodeApart(it *Item) error {
	return Apart(func() (err error) {
		it.In, err = x.config.Encode(it.Call)
		return err
	})
}

// chunkOf returns a call as a Chunk, or nil.
func chunkOf(c registry.Call) registry.Chunk {
	k, _ := c.(registry.Chunk)
	return k
}
