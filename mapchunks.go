package potok

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// chunkMapping is one range over an ordered Map on a Pool whose items run in chunks.
// Three share it:
//
//	puller    in ──► the last block       waits for room: pulled - taken < limit
//	workers   block ──► block             run its items as chunks
//	consumer  the first block ──► yield   waits for its next item
//
// A block is what the puller puts into one chunk. The chunk is queued with the
// block's first item and grows until a worker takes it, so that no input waits for
// the next one. The consumer waits for every chunk before the range ends.
type chunkMapping[In, Out any] struct {
	lookahead

	pool  *Pool
	fn    func(context.Context, In) (Out, error)
	scope *scope
	chunk int // wished for; 0: chosen by time
	pace  pace

	mu    sync.Mutex // guards spare; never held while blocking
	spare [][]slot[In, Out]

	_ cacheLine // the puller's alone, until gone is closed:

	tail   *mapBlock[In, Out]
	filled int // of tail

	_ cacheLine // the consumer's alone:

	at    *mapBlock[In, Out]
	part  *chunk // of at
	item  int    // of at
	ready int    // items of part up to here are done
}

// mapBlock is a run of inputs and their results.
type mapBlock[In, Out any] struct {
	m     *chunkMapping[In, Out]
	slots []slot[In, Out]
	first *chunk // the others follow by next
	next  atomic.Pointer[mapBlock[In, Out]]
}

type slot[In, Out any] struct {
	in  In
	out Out
	err error
}

// mapChunks is Map where items can run in chunks.
func mapChunks[In, Out any](ctx context.Context, p *Pool, in iter.Seq[In], fn func(context.Context, In) (Out, error), o mapOptions) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		m := &chunkMapping[In, Out]{pool: p, fn: fn, chunk: o.chunk}
		m.puller = newPuller(ctx)
		m.open(o, p.size)
		m.scope = newScope(m.run, p)
		m.at = &mapBlock[In, Out]{m: m} // empty: the puller's first comes after it
		m.tail = m.at
		go m.pull(func() (cut bool) { // m.leave waits for it
			if !m.mayPull() {
				return true
			}
			in(func(v In) bool {
				m.cut = !m.add(v) || !m.mayPull()
				return !m.cut
			})
			return m.cut
		}, func() { m.wake(&m.nextChunk) })
		endSweep := p.sweepWhenOver(m.scope)
		defer endSweep()
		whole := false
		defer func() {
			if m.leave(); whole && m.cut {
				m.throw()
			}
		}()
		m.consume(yield)
		whole = true
	}
}

// add puts an input into the last block, or into a new one if that is full or
// taken. False: the executor does not take it, and will take no other.
func (m *chunkMapping[In, Out]) add(v In) bool {
	m.pulled++
	if b := m.tail; m.filled < len(b.slots) && m.pool.mayGrow(b.first) {
		b.slots[m.filled].in = v
		if b.first.fill.Add(1)&sealed == 0 {
			m.filled++
			return true
		}
		var none In
		b.slots[m.filled].in = none
	}
	b := m.newBlock()
	b.slots[0].in = v
	m.filled = 1
	b.first.fill.Store(1)
	err := m.pool.acceptChunk(m.ctx, b.first)
	if err != nil {
		m.end = err
		b.first.refuse(err)
	}
	m.tail.next.Store(b)
	m.tail = b
	m.wake(&m.nextChunk)
	return err == nil
}

// newBlock returns a block that is to be filled.
func (m *chunkMapping[In, Out]) newBlock() *mapBlock[In, Out] {
	n := m.fairShare(m.chunk, &m.pace, m.pool.size)
	b := &mapBlock[In, Out]{m: m, slots: m.slots(n)}
	b.first = newChunk(m.scope, b, 0, len(b.slots))
	return b
}

// slots returns room for n items, of a block that was consumed if there is one.
func (m *chunkMapping[In, Out]) slots(n int) []slot[In, Out] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := len(m.spare) - 1; last >= 0 {
		s := m.spare[last]
		m.spare = m.spare[:last]
		if cap(s) >= n {
			return s[:n]
		}
	}
	return make([]slot[In, Out], n)
}

func (b *mapBlock[In, Out]) run(k *chunk) {
	for i := int(k.pos.Load()); k.mine(i); i++ {
		if w := b.m.wants.Load(); w == &k.call {
			b.m.wake(&k.call)
		}
		s := &b.slots[i]
		in := s.in
		var none In
		s.in = none // before it runs: nothing of ours keeps it alive then
		if s.out, s.err = b.m.fn(k, in); s.err != nil {
			k.note(i, s.err)
		}
	}
}

func (b *mapBlock[In, Out]) piece(left int) int { return left }

func (b *mapBlock[In, Out]) fail(i int, err error) { b.slots[i].err = err }

func (b *mapBlock[In, Out]) refusal(int) error { return nil }

func (b *mapBlock[In, Out]) settled(k *chunk) {
	if k.why == nil {
		b.m.pace.measure(int(k.shut.Load())-k.lo, time.Since(k.began))
	}
	b.m.wake(&k.call)
}

// consume yields results until there are no more.
func (m *chunkMapping[In, Out]) consume(yield func(Out, error) bool) {
	for {
		v, err, ok := m.take()
		if !ok {
			break
		}
		if !yield(v, err) {
			return
		}
	}
	if m.panicked != nil {
		m.leave()
		m.throw()
	}
	if err := m.last(); err != nil {
		var none Out
		yield(none, err)
	}
}

// take returns the next result, waiting for it. False: there are no more.
func (m *chunkMapping[In, Out]) take() (v Out, err error, ok bool) {
	for m.findPart() {
		k := m.part
		over := false
		if m.item >= m.ready {
			over = k.over.Load() // looked at first: pos does not change after it
			m.ready = int(k.pos.Load())
		}
		switch {
		case m.item < m.ready:
			s := &m.at.slots[m.item]
			v, err = s.out, s.err
			*s = slot[In, Out]{} // what was yielded is not kept
		case !over:
			m.await(&k.call, func() bool { return m.item < int(k.pos.Load()) || k.over.Load() })
			continue
		case m.item < int(k.shut.Load()):
			err = k.why
			m.at.slots[m.item] = slot[In, Out]{}
		default:
			m.part, m.ready = k.next, 0
			continue
		}
		m.item++
		m.took()
		return v, err, true
	}
	return v, nil, false
}

// findPart goes on to the next block if one is consumed. False: there is none.
func (m *chunkMapping[In, Out]) findPart() bool {
	for m.part == nil {
		next := m.at.next.Load()
		if next == nil {
			if m.pullerGone() {
				if m.at.next.Load() == nil {
					return false
				}
				continue
			}
			m.await(&m.nextChunk, func() bool { return m.at.next.Load() != nil || m.pullerGone() })
			continue
		}
		m.mu.Lock()
		if s := m.at.slots; s != nil && len(m.spare) < 8 {
			m.spare = append(m.spare, s)
		}
		m.mu.Unlock()
		m.at, m.part, m.item, m.ready = next, next.first, 0, 0
	}
	return true
}

// leave ends the range: it cancels what has not ended and waits for all that was
// started, and for the puller. Called again it does nothing.
func (m *chunkMapping[In, Out]) leave() {
	m.cancel(ErrCancelled)
	m.pool.sweepChunks(m.scope)
	m.stop()
	for {
		if _, _, ok := m.take(); !ok {
			return
		}
	}
}
