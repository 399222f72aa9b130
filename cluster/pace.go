package cluster

import (
	"sync/atomic"
	"time"
)

// A pace is how many calls that were submitted together share a message: so many that a message costs little beside
// running them, and so few that nobody waits long for those before him.
type pace struct{ n atomic.Int32 } // 0 stands for 1

const (
	messageTime = 5 * time.Millisecond // that the calls of a message may take
	maxPack     = 64                   // calls that come together are sent in such steps, see remote.Dispatch
)

func (p *pace) items() int { return int(max(1, p.n.Load())) }

// measure looks at a message of n calls that was answered after d. That is too long rather than too short, as they have
// waited, so the pace grows step by step.
func (p *pace) measure(n int, d time.Duration) {
	switch now := p.items(); {
	case n < now:
	case d < messageTime:
		p.n.Store(int32(min(2*now, maxPack)))
	case d > 4*messageTime*time.Duration(n):
		p.n.Store(int32(max(1, now/2)))
	}
}
