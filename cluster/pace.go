package cluster

import "time"

// A pace is how many calls that were submitted together share a message: so many that a message costs little beside
// running them, and so few that nobody waits long for those before him. It is guarded by the client's mu.
type pace struct {
	n     int // 0 stands for 1
	since time.Time
	calls int // answered since then
}

const (
	messageTime = 5 * time.Millisecond // that the calls of a message may take
	maxPack     = 64                   // calls that come together are sent in such steps, see remote.Dispatch
	minMeasured = 32                   // calls that a time is worth something for
)

func (p *pace) items() int { return max(1, p.n) }

// restart begins to count anew, as nothing was out.
func (p *pace) restart() { p.since, p.calls = time.Now(), 0 }

// answered counts calls. What one takes is what all places have had for them: how long a message was on its way is mostly
// how long it has waited.
func (p *pace) answered(calls, places int) {
	if p.calls += calls; p.calls < max(minMeasured, 2*places) {
		return
	}
	each := time.Since(p.since) * time.Duration(max(1, places)) / time.Duration(p.calls)
	p.n = int(max(1, min(messageTime/max(1, each), 2*time.Duration(p.items()), maxPack)))
	p.restart()
}
