package cluster

import "fmt"

// A Priority says which calls come first where more wait than there are places.
type Priority int

// Of the places of workers where calls of all three wait, High gets nine, Normal three and Low one, again and again: none
// waits for ever. Where only some wait they get all.
const (
	Low    Priority = -1
	Normal Priority = 0 // without WithPriority
	High   Priority = 1
)

// WithPriority sets the priority of the client's calls. It panics if p is none of the three.
func WithPriority(p Priority) Option {
	if p < Low || p > High {
		panic(fmt.Sprintf("potok/cluster: WithPriority(%d)", p))
	}
	return option(func(o *options) { o.priority = p })
}

var priorities = []Priority{High, Normal, Low}

// token stands behind that of the task. What taskToken makes of a name has two hex digits behind each =.
func (p Priority) token() string {
	switch p {
	case High:
		return "=high"
	case Low:
		return "=low"
	}
	return ""
}

func (p Priority) weight() int {
	switch p {
	case High:
		return 9
	case Low:
		return 1
	}
	return 3
}

// nextFeed returns which of the feeds is asked for one more call. Each gains its weight, and who has most is next and pays
// for all: so those of weights 9, 3 and 1 come in that proportion, as evenly as can be.
func nextFeed(feeds []*feed) *feed {
	var best *feed
	sum := 0
	for _, f := range feeds {
		f.credit += f.weight
		sum += f.weight
		if best == nil || f.credit > best.credit {
			best = f
		}
	}
	best.credit -= sum
	return best
}
