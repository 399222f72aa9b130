package potok

import (
	"cmp"
	"sync/atomic"
	"time"
)

// A pace is how many items of one Map are taken at once: so many that taking them
// costs little beside running them, and so few that nobody is kept waiting.
type pace struct {
	n    atomic.Int32  // 0 stands for 1
	wish time.Duration // that they take together, at least; 0 stands for shortChunk
}

const (
	shortChunk = 200 * time.Microsecond // below it G8 shows what taking costs on two busy processors
	longChunks = 4                      // times that: they are too long
)

// items returns how many to take.
func (p *pace) items() int { return int(max(1, p.n.Load())) }

// measure looks at a chunk of n items that took d.
func (p *pace) measure(n int, d time.Duration) {
	short := cmp.Or(p.wish, shortChunk)
	switch now := p.items(); {
	case n < now: // somebody took from it, or nothing more was there
	case d < short/8:
		p.n.Store(int32(min(8*now, maxLookahead)))
	case d < short:
		p.n.Store(int32(min(2*now, maxLookahead)))
	case d > longChunks*short:
		p.n.Store(int32(max(1, now/2)))
	}
}

// A tempo is the pace of chunks that run elsewhere. Who runs them says when one ends,
// but hardly when it began; so the time of an item is that of many chunks, in which
// each worker has ended about two: what they have run, if that is known, else what they
// took from handing over to the end, or, as most of that may be waiting, what the
// workers have had for them at all.
type tempo struct {
	since time.Time // when the first of these chunks could begin
	ends  int
	items int
	turn  time.Duration // of all of them: run, or from handing over to the end
	full  bool          // one of them was as large as chunks are now
}

// measure looks at a chunk that has ended; size is how large they are now.
func (t *tempo) measure(p *pace, n, size, workers int, turn time.Duration) {
	t.ends++
	t.items += n
	t.turn += turn
	t.full = t.full || n >= size
	if t.ends < 2*workers {
		return
	}
	now := time.Now()
	if took := min(t.turn, now.Sub(t.since)*time.Duration(workers)); t.full {
		p.n.Store(int32(size)) // no more than a fair share: what it could be beyond that is not known
		p.measure(size, took*time.Duration(size)/time.Duration(t.items))
	}
	*t = tempo{since: now}
}
