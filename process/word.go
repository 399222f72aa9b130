package process

import "sync/atomic"

// For each call on its way to a worker there is a word that both sides see: how many of its items have begun, which for a
// call that is no chunk is 0 or 1. So it is known without a question, and of the dead too, what has begun, and what has not
// can be taken back for certain: of begin and stop for one item, one comes first.
//
//	pool    0          before it sends the call
//	worker  i → i+1    it begins item i (CAS)
//	pool    | stopped  no item begins any more
const stopped = 1 << 31

// begin says whether item i may begin, and if so it has.
func begin(word *atomic.Uint32, i int) bool {
	return word.CompareAndSwap(uint32(i), uint32(i+1))
}

// stop lets nothing begin any more and returns how many items have.
func stop(word *atomic.Uint32) (begun int) {
	return int(word.Or(stopped) &^ stopped)
}
