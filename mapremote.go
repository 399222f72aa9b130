package potok

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potok-go/potok/internal/registry"
)

// remoteMapping is one range over an ordered Map of a Task on an executor that takes
// Chunks. Four share it:
//
//	puller    in ──► collected              waits for room: pulled - taken < limit
//	hander    collected ──► Dispatch        waits for something that is due
//	executor  chunk ──► chunk               runs the items, and may split what is left
//	consumer  the first chunk ──► yield     waits for its next item
//
// What is collected is due when it is a chunk full, or when the executor has so few
// chunks of this range that a worker may be free: so no input waits for the next one,
// and while the workers are busy chunks fill by themselves. It is the hander who hands
// over, as Dispatch runs the user's code and may block, and neither is for whoever
// ends a chunk. Only the first input is the puller's to hand over, so that an executor
// that is closed has one input pulled and no more. The consumer waits for all of them
// before the range ends.
type remoteMapping[In, Out any] struct {
	lookahead

	ex      Executor
	task    *registry.Task
	outside *scope // of the chunks until they are accepted
	workers int
	chunk   int // wished for; 0: chosen by time
	pace    pace

	refused atomic.Bool // the executor takes no more

	due    chan struct{} // capacity 1: the hander has to look
	handed chan struct{} // closed when the hander is gone, and so the list is complete

	// Written by the hander, read once handed is closed.
	threw  *any // what Dispatch panicked with
	exited bool // Dispatch has ended the goroutine

	_ cacheLine // both goroutines' and the executor's:

	// Guards the fields below, and of each chunk what it says there; never held while
	// blocking, and not while code of the executor's or the user's runs.
	mu        sync.Mutex
	collected []In
	called    bool // the hander will look, for all that is collected by now
	inside    int  // chunks that are in the executor
	tail      *remoteChunk[In, Out]
	tempo     tempo

	_ cacheLine // the consumer's alone:

	part  *remoteChunk[In, Out]
	item  int       // of part
	ready int       // items of part up to here are done
	fails []failure // of those; nil: none has failed
}

// mapRemote is Map where the executor takes chunks.
func mapRemote[In, Out any](ctx context.Context, ex Executor, task *registry.Task, in iter.Seq[In], o mapOptions, chunkTime time.Duration) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		m := &remoteMapping[In, Out]{
			ex: ex, task: task,
			workers: max(1, ex.Stats().Workers),
			chunk:   o.chunk,
			due:     make(chan struct{}, 1),
			handed:  make(chan struct{}),
		}
		m.puller = newPuller(ctx)
		m.open(o, m.workers)
		m.tempo.since = m.since
		m.pace.wish = chunkTime
		m.outside = &scope{ctx: m.run}
		m.part = &remoteChunk[In, Out]{m: m} // empty: the first comes after it
		m.part.over.Store(true)
		m.tail = m.part
		go m.pull(func() (cut bool) { // m.leave waits for it
			if !m.mayPull() {
				return true
			}
			in(func(v In) bool {
				m.cut = !m.add(v) || !m.mayPull() || !m.accepts()
				return !m.cut
			})
			return m.cut
		}, m.call)
		go m.hand() // m.leave waits for it
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

// add collects an input. False: the executor takes no other.
func (m *remoteMapping[In, Out]) add(v In) bool {
	m.pulled++
	m.mu.Lock()
	m.collected = append(m.collected, v)
	call := m.pulled > 1 && m.callsLocked()
	m.mu.Unlock()
	if m.pulled == 1 {
		m.handOver()
	}
	if call {
		m.call()
	}
	return m.accepts()
}

// accepts says whether the executor has refused nothing. The puller ends if it has.
func (m *remoteMapping[In, Out]) accepts() bool {
	if !m.refused.Load() {
		return true
	}
	m.end = ErrClosed
	return false
}

// dueLocked says whether what is collected is to be handed over. The caller holds mu.
func (m *remoteMapping[In, Out]) dueLocked() bool {
	n := len(m.collected)
	return n > 0 && (m.inside < 2*m.workers || n >= m.fairShare(m.chunk, &m.pace, m.workers))
}

// callsLocked says whether the hander is to be called; who asks has to. The caller
// holds mu.
func (m *remoteMapping[In, Out]) callsLocked() bool {
	if m.called || !m.dueLocked() {
		return false
	}
	m.called = true
	return true
}

func (m *remoteMapping[In, Out]) call() {
	select {
	case m.due <- struct{}{}:
	default: // he has to look anyway
	}
}

// hand is the goroutine of the hander. Once the range's context has ended everything is
// due: so that it is counted, and each input has its pair.
func (m *remoteMapping[In, Out]) hand() {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				m.threw = &v
			}
			m.exited = true
		}
		close(m.handed)
		m.wake(&m.nextChunk)
	}()
	ended := m.run.Done()
	for more := true; more; more = m.handOver() {
		select {
		case <-m.due:
		case <-ended:
			ended = nil
		}
	}
	returned = true
}

// handOver hands over what is due. False: nothing more will be.
func (m *remoteMapping[In, Out]) handOver() bool {
	for {
		over, gone := m.run.Err() != nil, m.pullerGone()
		m.mu.Lock()
		m.called = false
		more := !gone || len(m.collected) > 0
		var k *remoteChunk[In, Out]
		if m.dueLocked() || over && len(m.collected) > 0 {
			k = m.cutLocked()
		}
		m.mu.Unlock()
		if k == nil {
			return more
		}
		m.wants.CompareAndSwap(&m.nextChunk, &k.call) // he need not wake for a chunk that has not begun
		m.dispatch(k)
	}
}

// cutLocked makes a chunk of what is collected, or of the beginning of it. The caller
// holds mu.
func (m *remoteMapping[In, Out]) cutLocked() *remoteChunk[In, Out] {
	n := min(len(m.collected), m.fairShare(m.chunk, &m.pace, m.workers))
	k := &remoteChunk[In, Out]{
		m:    m,
		ins:  slices.Clone(m.collected[:n]),
		outs: make([]Out, n),
		size: n,
		sent: time.Now(),
	}
	k.scope = m.outside
	m.collected = slices.Delete(m.collected, 0, n)
	m.inside++
	m.tail.next = k
	m.tail = k
	return k
}

func (m *remoteMapping[In, Out]) dispatch(k *remoteChunk[In, Out]) {
	returned := false
	defer func() { // a wrapper's may panic, and then perhaps nobody has the chunk
		if !returned && k.claimed.CompareAndSwap(false, true) {
			k.drop()
		}
	}()
	m.ex.Dispatch(k)
	returned = true
}

// left notes that a chunk has left the executor.
func (m *remoteMapping[In, Out]) left(k *remoteChunk[In, Out]) {
	m.mu.Lock()
	m.inside--
	call := m.callsLocked()
	m.mu.Unlock()
	if call {
		m.call()
	}
	m.wake(&k.call)
}

// measure looks at a chunk of n items that has run.
func (m *remoteMapping[In, Out]) measure(k *remoteChunk[In, Out], n int) {
	if m.chunk > 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if limit := m.limit.Load(); k.took > 0 && k.took < time.Duration(n)*quickResult && n >= m.fairShare(0, &m.pace, m.workers) {
		m.widen(limit) // results may come slowly as chunks are small, which they are for a narrow look-ahead
	}
	m.tempo.measure(&m.pace, n, m.fairShare(0, &m.pace, m.workers), m.workers, cmp.Or(k.took, time.Since(k.sent)))
}

// consume yields results until there are no more.
func (m *remoteMapping[In, Out]) consume(yield func(Out, error) bool) {
	for {
		v, err, ok := m.take()
		if !ok {
			break
		}
		if !yield(v, err) {
			return
		}
	}
	if m.exited { // and the puller does not know
		m.leave()
		if m.threw != nil {
			panic(*m.threw)
		}
		m.end, m.finished = ErrGoexit, false
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
func (m *remoteMapping[In, Out]) take() (v Out, err error, ok bool) {
	for {
		k := m.part
		over := false
		if m.item >= m.ready {
			over = k.over.Load() // looked at first: done does not change after it
			m.ready = int(k.done.Load())
			m.fails = k.failures()
		}
		switch {
		case m.item < m.ready:
			v = k.outs[m.item]
			if m.fails != nil {
				err = m.fails[m.item].err
			}
		case !over:
			m.await(&k.call, func() bool { return m.item < int(k.done.Load()) || k.over.Load() })
			continue
		case m.item < k.size:
			err = k.why
		case m.findNext():
			continue
		default:
			return v, nil, false
		}
		var none Out
		k.outs[m.item] = none // what was yielded is not kept
		m.item++
		m.took()
		return v, err, true
	}
}

// findNext goes on to the next chunk. False: there is none.
func (m *remoteMapping[In, Out]) findNext() bool {
	next := m.next()
	for ; next == nil; next = m.next() {
		if !m.isHanded() {
			m.await(&m.nextChunk, func() bool { return m.next() != nil || m.isHanded() })
		} else if m.next() == nil {
			return false
		}
	}
	m.part, m.item, m.ready, m.fails = next, 0, 0, nil
	return true
}

func (m *remoteMapping[In, Out]) next() *remoteChunk[In, Out] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.part.next
}

// isHanded says whether the list is complete.
func (m *remoteMapping[In, Out]) isHanded() bool {
	select {
	case <-m.handed:
		return true
	default:
		return false
	}
}

// leave ends the range: it cancels what has not ended and waits for all that was
// started, and for the puller and the hander. Called again it does nothing.
func (m *remoteMapping[In, Out]) leave() {
	m.stop()
	_ = Lend(m.consumer, func() error {
		<-m.handed
		return nil
	})
	for {
		if _, _, ok := m.take(); !ok {
			return
		}
	}
}
