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
	puller

	pool  *Pool
	fn    func(context.Context, In) (Out, error)
	scope *scope
	chunk int // wished for; 0: chosen by time
	pace  pace

	limit   atomic.Int64  // pulled - taken <= limit, the look-ahead; the consumer's to write
	taken   atomic.Int64  // the consumer's to write, and up to lateTaken behind
	hungers atomic.Bool   // the puller waits for room
	room    chan struct{} // capacity 1: there is some

	// wants is the chunk whose next item the consumer waits for, &nextBlock if he
	// waits for a block, nil if he does not wait. Who makes it come true takes it
	// out (CAS), and unparks him: parked is written before wants.
	wants     atomic.Pointer[chunk]
	parked    *parking
	nextBlock chunk

	mu    sync.Mutex // guards spare; never held while blocking
	spare [][]slot[In, Out]

	_ cacheLine // the puller's alone, until gone is closed:

	pulled int64
	may    int64 // pulled up to which there is room, for all that is known
	tail   *mapBlock[In, Out]
	filled int // of tail

	_ cacheLine // the consumer's alone:

	at      *mapBlock[In, Out]
	part    *chunk // of at
	item    int    // of at
	ready   int    // items of part up to here are done
	untold  int64  // results that taken does not count yet
	grows   bool   // limit is the default, and may grow
	since   time.Time
	results int64 // taken since then
}

// cacheLine keeps what one goroutine writes all the time off the lines that others
// read all the time.
type cacheLine [64]byte

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
		m := &chunkMapping[In, Out]{
			puller: newPuller(ctx),
			pool:   p, fn: fn,
			chunk: o.chunk,
			room:  make(chan struct{}, 1),
			grows: o.lookahead == 0,
			since: time.Now(),
		}
		m.limit.Store(int64(o.firstLimit(p.size)))
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
		}, func() { m.wake(&m.nextBlock) })
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

// mayPull waits until there is room. False: nothing more may be pulled.
func (m *chunkMapping[In, Out]) mayPull() bool {
	for {
		if m.stopped() {
			return false
		}
		if m.hasRoom() {
			return true
		}
		m.hungers.Store(true)
		if m.hasRoom() { // who made it may not have seen that he is waited for
			m.hungers.Store(false)
			return m.run.Err() == nil || m.mayPull()
		}
		select {
		case <-m.room:
		case <-m.run.Done():
		}
	}
}

func (m *chunkMapping[In, Out]) hasRoom() bool {
	if m.pulled >= m.may {
		m.may = m.taken.Load() + m.limit.Load()
	}
	return m.pulled < m.may
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
	m.wake(&m.nextBlock)
	return err == nil
}

// newBlock returns a block that is to be filled.
func (m *chunkMapping[In, Out]) newBlock() *mapBlock[In, Out] {
	n := m.chunk
	if n == 0 {
		n = min(m.pace.items(), 1+int(m.limit.Load())/(2*m.pool.size))
	}
	n = min(n, maxLookahead)
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
		if w := b.m.wants.Load(); w == k {
			b.m.wake(k)
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
	b.m.wake(k)
}

// wake unparks the consumer if it is this that he waits for.
func (m *chunkMapping[In, Out]) wake(k *chunk) {
	if m.wants.Load() == k && m.wants.CompareAndSwap(k, nil) {
		m.parked.unpark()
	}
}

// await parks the consumer until k, or the next block, may have what he wants.
func (m *chunkMapping[In, Out]) await(k *chunk, there func() bool) {
	if m.parked == nil {
		m.parked = newParking(m.consumer)
	} else { // of the wait before, which is over
		m.parked.lendFor(m.consumer)
	}
	m.wants.Store(k)
	if there() && m.wants.CompareAndSwap(k, nil) {
		m.parked.resume()
		return
	}
	<-m.parked.ch
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
			m.await(k, func() bool { return m.item < int(k.pos.Load()) || k.over.Load() })
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
			m.await(&m.nextBlock, func() bool { return m.at.next.Load() != nil || m.pullerGone() })
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

// lateTaken is how many results the puller is told of at once while he is far ahead.
const lateTaken = 16

// took makes room for another input. A look-ahead that has grown is not promised to
// anybody: then the puller is told of some results at once, or when he waits.
func (m *chunkMapping[In, Out]) took() {
	m.untold++
	if m.grows {
		m.grow()
		if m.untold < lateTaken && m.limit.Load() >= 8*lateTaken && !m.hungers.Load() {
			return
		}
	}
	m.taken.Add(m.untold)
	m.untold = 0
	if m.hungers.Load() && m.hungers.CompareAndSwap(true, false) {
		select {
		case m.room <- struct{}{}:
		default: // there is one already
		}
	}
}

// grow lets the look-ahead grow while results come fast.
func (m *chunkMapping[In, Out]) grow() {
	limit := m.limit.Load()
	if m.results++; m.results < limit || limit >= maxLookahead {
		return
	}
	now := time.Now()
	if now.Sub(m.since) < time.Duration(m.results)*quickResult {
		m.limit.Store(min(2*limit, maxLookahead))
	}
	m.since, m.results = now, 0
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
