package cluster

import "time"

// A pace is how many calls that were submitted together share a message: so many that a message costs little beside
// running them, and so few that nobody waits long for those before him. It goes by how long they have run: how long a
// message was on its way says little, on a busy machine least of all. It is guarded by the client's mu.
type pace struct {
	n     int // 0 stands for 1
	calls int // measured since it was set
	ran   time.Duration
}

const (
	messageTime = 5 * time.Millisecond // that the calls of a message may take
	maxPack     = 64                   // calls that come together are sent in such steps, see remote.Dispatch
	minMeasured = 32                   // calls that a time is worth something for
)

func (p *pace) items() int { return max(1, p.n) }

// answered counts calls that have run for so long, all together.
func (p *pace) answered(calls int, ran time.Duration) {
	p.calls += calls
	p.ran += ran
	if p.calls < minMeasured {
		return
	}
	each := max(1, p.ran/time.Duration(p.calls))
	p.n = int(max(1, min(messageTime/each, 2*time.Duration(p.items()), maxPack)))
	p.calls, p.ran = 0, 0
}
