package potok

import (
	"sync/atomic"
	"time"
)

// lookahead is what the puller and the consumer of a Map in chunks share, wherever the
// chunks run: the puller stays within the look-ahead, pulled - taken < limit, and the
// consumer waits for what comes next.
type lookahead struct {
	puller

	limit   atomic.Int64  // pulled - taken <= limit
	taken   atomic.Int64  // the consumer's to write, and up to lateTaken behind
	hungers atomic.Bool   // the puller waits for room
	room    chan struct{} // capacity 1: there is some

	// wants is the chunk whose next item the consumer waits for, &nextChunk if he
	// waits for a chunk, nil if he does not wait. Who makes it come true takes it
	// out (CAS), and unparks him: parked is written before wants.
	wants     atomic.Pointer[call]
	parked    *parking
	nextChunk call

	_ cacheLine // the puller's alone, until gone is closed:

	pulled int64
	may    int64 // pulled up to which there is room, for all that is known

	_ cacheLine // the consumer's alone:

	untold  int64 // results that taken does not count yet
	grows   bool  // limit is the default, and may grow
	since   time.Time
	results int64 // taken since then
}

// cacheLine keeps what one goroutine writes all the time off the lines that others
// read all the time.
type cacheLine [64]byte

// open begins a look-ahead for so many workers.
func (m *lookahead) open(o mapOptions, workers int) {
	m.room = make(chan struct{}, 1)
	m.grows = o.lookahead == 0
	m.since = time.Now()
	m.limit.Store(int64(o.firstLimit(workers)))
}

// fairShare returns how many inputs to hand over at once: wished, or as many as the
// pace says, but no more than leaves each worker two such shares of the look-ahead.
func (m *lookahead) fairShare(wished int, p *pace, workers int) int {
	if wished == 0 {
		wished = min(p.items(), 1+int(m.limit.Load())/(2*workers))
	}
	return min(wished, maxLookahead)
}

// mayPull waits until there is room. False: nothing more may be pulled.
func (m *lookahead) mayPull() bool {
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

func (m *lookahead) hasRoom() bool {
	if m.pulled >= m.may {
		m.may = m.taken.Load() + m.limit.Load()
	}
	return m.pulled < m.may
}

// wake unparks the consumer if it is this that he waits for.
func (m *lookahead) wake(k *call) {
	if m.wants.Load() == k && m.wants.CompareAndSwap(k, nil) {
		m.parked.unpark()
	}
}

// await parks the consumer until k, or the next chunk, may have what he wants.
func (m *lookahead) await(k *call, there func() bool) {
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

// lateTaken is how many results the puller is told of at once while he is far ahead.
const lateTaken = 16

// took makes room for another input. A look-ahead that has grown is not promised to
// anybody: then the puller is told of some results at once, or when he waits.
func (m *lookahead) took() {
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
func (m *lookahead) grow() {
	limit := m.limit.Load()
	if m.results++; m.results < limit || limit >= maxLookahead {
		return
	}
	now := time.Now()
	if now.Sub(m.since) < time.Duration(m.results)*quickResult {
		m.widen(limit)
	}
	m.since, m.results = now, 0
}

// widen doubles a look-ahead that was found too narrow, unless somebody else has.
func (m *lookahead) widen(limit int64) {
	if m.grows && limit < maxLookahead {
		m.limit.CompareAndSwap(limit, min(2*limit, maxLookahead))
	}
}
