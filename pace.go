package potok

import (
	"sync/atomic"
	"time"
)

// A pace is how many items of one Map are taken at once: so many that taking them
// costs little beside running them, and so few that nobody is kept waiting.
type pace struct{ n atomic.Int32 } // 0 stands for 1

const (
	shortChunk = 200 * time.Microsecond // below it G8 shows what taking costs on two busy processors
	longChunk  = 4 * shortChunk
)

// items returns how many to take.
func (p *pace) items() int { return int(max(1, p.n.Load())) }

// measure looks at a chunk of n items that took d.
func (p *pace) measure(n int, d time.Duration) {
	switch now := p.items(); {
	case n < now: // somebody took from it, or nothing more was there
	case d < shortChunk/8:
		p.n.Store(int32(min(8*now, maxLookahead)))
	case d < shortChunk:
		p.n.Store(int32(min(2*now, maxLookahead)))
	case d > longChunk:
		p.n.Store(int32(max(1, now/2)))
	}
}
