package progress

import (
	"math"
	"time"
)

const (
	minInterval = 100 * time.Millisecond // between two lines
	maxInterval = 10 * time.Second       // after which no more are waited for
	smoothing   = 0.3                    // how much the newest counts for in an average
)

// An average is exponential; its first values count for as much as there are.
type average struct {
	last   float64
	values int
}

func (a *average) add(x float64) {
	// The conversions keep compilers from fusing the two, which would round otherwise than tqdm does.
	a.last = float64(smoothing*x) + float64((1-smoothing)*a.last)
	a.values++
}

func (a *average) value() float64 {
	if a.values == 0 {
		return 0
	}
	return a.last / (1 - math.Pow(1-smoothing, float64(a.values)))
}

// A pace is how fast counting has gone from line to line.
type pace struct {
	counts, times average // of the lines that were drawn because something was counted
	enough        average // of what is counted in minInterval
	wanted        float64 // how many have to be counted for the next line
}

// drawn takes in that a line is drawn, count and gap after the one before.
func (p *pace) drawn(count int64, gap time.Duration) {
	n, seconds := float64(count), gap.Seconds()
	if count != 0 {
		p.counts.add(n)
		p.times.add(seconds)
	}
	if gap >= maxInterval {
		p.wanted = n * minInterval.Seconds() / seconds // what was usual before is no guide
		return
	}
	p.enough.add(n * (minInterval.Seconds() / seconds))
	p.wanted = p.enough.value()
}

// rate is the average a second, 0 while there is none.
func (p *pace) rate() float64 {
	if p.times.values == 0 {
		return 0
	}
	return p.counts.value() / p.times.value()
}

// after is the count at which there are enough for the next line, when the last one was drawn at count.
func (p *pace) after(count int64) int64 {
	if more := math.Ceil(p.wanted); more < float64(math.MaxInt64-count) {
		return count + int64(more)
	}
	return never
}
