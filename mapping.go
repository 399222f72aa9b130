package potok

import (
	"context"
	"iter"
	"sync"
	"time"
)

// mapping is one range over a Map. Two goroutines share it:
//
//	puller    in ──► launch ──► window        waits for room in the window
//	consumer           window ──► yield       waits for a result
//
// What is between them is a window of futures, in order of pulling; unordered, those
// that have settled stand in ready too.
type mapping[Out any] struct {
	puller

	mu      sync.Mutex // guards the fields below; never held while blocking
	window  []*Future[Out]
	head    int            // window[head:] is not taken yet
	ready   []*Future[Out] // unordered: settled and not taken
	limit   int            // len(window) - head <= limit, the look-ahead
	grows   bool           // limit is the default, and may grow
	since   time.Time      // when the last look at the speed was
	results int            // taken since then
	parked  *parking       // the consumer
	room    chan struct{}  // capacity 1: the puller waits for room
	first   *Future[Out]   // with StopOnError: the first that failed

	mapOptions
}

// A look-ahead grows while results come faster than this each.
const quickResult = 100 * time.Microsecond

// mapSeq is Map with the way to start a call left open.
func mapSeq[In, Out any](ctx context.Context, ex Executor, in iter.Seq[In], o mapOptions, launch func(*mapping[Out], In) *Future[Out]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		m := &mapping[Out]{
			puller:     newPuller(ctx),
			room:       make(chan struct{}, 1),
			mapOptions: o,
			limit:      o.firstLimit(ex.Stats().Workers),
			grows:      o.lookahead == 0,
			since:      time.Now(),
		}
		go m.pull(func() (cut bool) { // m.leave waits for it
			if !m.mayPull() {
				return true
			}
			in(func(v In) bool {
				m.cut = !m.add(launch(m, v)) || !m.mayPull()
				return !m.cut
			})
			return m.cut
		}, m.wakeConsumer)
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

// mayPull waits until there is room in the window. False: nothing more may be
// pulled.
func (m *mapping[Out]) mayPull() bool {
	for {
		m.mu.Lock()
		full := len(m.window)-m.head >= m.limit
		m.mu.Unlock()
		switch {
		case m.stopped():
			return false
		case !full:
			return true
		}
		select {
		case <-m.room:
		case <-m.run.Done():
		}
	}
}

// add puts a call that was started into the window. False: the executor did not
// take it, and will take no other.
func (m *mapping[Out]) add(f *Future[Out]) bool {
	m.mu.Lock()
	m.window = append(m.window, f)
	m.mu.Unlock()
	if m.unordered || m.stopOnError {
		f.call.whenSettled(func() { m.settled(f) })
	}
	m.wakeConsumer()
	if f.call.state.Load()&phaseRefused != 0 {
		m.end = f.call.err()
		return false
	}
	return true
}

// whenSettled has fn called once the call has settled, among those who wait.
func (c *call) whenSettled(fn func()) {
	if !c.push(&waiter{wake: fn}) {
		fn()
	}
}

// settled notes the end of a call where the order of ending matters.
func (m *mapping[Out]) settled(f *Future[Out]) {
	m.mu.Lock()
	if m.unordered {
		m.ready = append(m.ready, f)
	}
	m.mu.Unlock()
	m.failedFirst(f)
	m.wakeConsumer()
}

// failedFirst says whether f is the call that ends the sequence: with
// StopOnError, the first that did not succeed. The others are cancelled then.
func (m *mapping[Out]) failedFirst(f *Future[Out]) bool {
	if !m.stopOnError || f.call.phase() == phaseSucceeded {
		return false
	}
	m.mu.Lock()
	if m.first == nil {
		m.first = f
	}
	first := m.first
	m.mu.Unlock()
	m.cancel(ErrCancelled) // also by who is not first to see it: he goes on once it is done
	return f == first
}

// consume yields results until there are no more.
func (m *mapping[Out]) consume(yield func(Out, error) bool) {
	for f := m.next(); f != nil; f = m.next() {
		last := m.failedFirst(f)
		if m.stopOnError && !last && f.call.phase() != phaseSucceeded {
			continue // cancelled on account of the first
		}
		value, err := f.value, f.call.outcome()
		var none Out
		f.value = none // nobody else has this future: what was yielded is not kept
		if !yield(value, err) || last {
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

// next returns the next call that has settled, or nil when there are no more.
// Only then it is out of the window: an input is pulled for every result taken.
func (m *mapping[Out]) next() *Future[Out] {
	for {
		gone := m.pullerGone()
		m.mu.Lock()
		f := m.firstLocked()
		empty := m.head == len(m.window)
		m.mu.Unlock()
		switch {
		case f != nil:
			_ = f.call.await(m.consumer)
			m.failedFirst(f) // before there is room: nothing is pulled after the first error
			m.mu.Lock()
			m.takeLocked(f)
			m.mu.Unlock()
			m.giveRoom()
			return f
		case gone && empty:
			return nil
		}
		m.park(gone)
	}
}

// firstLocked returns the future that the consumer takes next, if it is known.
// The caller holds mu.
func (m *mapping[Out]) firstLocked() *Future[Out] {
	switch {
	case m.unordered && len(m.ready) > 0:
		return m.ready[0]
	case m.unordered || m.head == len(m.window):
		return nil
	}
	return m.window[m.head]
}

// takeLocked takes that future out of the window. The caller holds mu.
func (m *mapping[Out]) takeLocked(f *Future[Out]) {
	if m.unordered {
		m.ready[0] = nil
		m.ready = m.ready[1:]
		for i := m.head; i < len(m.window); i++ {
			if m.window[i] == f {
				m.window[i] = m.window[m.head]
				break
			}
		}
	}
	m.advanceLocked()
}

func (m *mapping[Out]) advanceLocked() {
	m.window[m.head] = nil
	m.head++
	if m.head >= 64 && 2*m.head >= len(m.window) {
		n := copy(m.window, m.window[m.head:])
		clear(m.window[n:])
		m.window, m.head = m.window[:n], 0
	}
	if !m.grows {
		return
	}
	if m.results++; m.results >= m.limit {
		now := time.Now()
		if now.Sub(m.since) < time.Duration(m.results)*quickResult && m.limit < maxLookahead {
			m.limit = min(2*m.limit, maxLookahead)
		}
		m.since, m.results = now, 0
	}
}

// giveRoom tells the puller that the window has moved.
func (m *mapping[Out]) giveRoom() {
	select {
	case m.room <- struct{}{}:
	default:
	}
}

// park blocks the consumer until something has changed.
func (m *mapping[Out]) park(gone bool) {
	p := newParking(m.consumer)
	m.mu.Lock()
	changed := len(m.ready) > 0 || !m.unordered && m.head < len(m.window) || gone != m.pullerGone()
	if !changed {
		m.parked = p
	}
	m.mu.Unlock()
	if changed {
		p.resume()
		return
	}
	<-p.ch
}

func (m *mapping[Out]) wakeConsumer() {
	m.mu.Lock()
	p := m.parked
	m.parked = nil
	m.mu.Unlock()
	if p != nil {
		p.unpark()
	}
}

// leave ends the range: it cancels what has not ended and waits for all that was
// started, and for the puller. Called again it does nothing.
func (m *mapping[Out]) leave() {
	m.stop()
	m.mu.Lock()
	rest := m.window[m.head:]
	m.window, m.head, m.ready = nil, 0, nil
	m.mu.Unlock()
	for _, f := range rest {
		_ = f.call.await(m.consumer)
		_ = f.call.outcome()
	}
}
