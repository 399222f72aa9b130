package registry

import "time"

// A Chunk is a Call for many arguments, which run one after the other: consecutive items of a Map. An executor that says
// so by TakesChunks is given them. In points to a slice of the arguments, Out to nothing; Task, Context, Accept, Refuse,
// Cancel, Expiring, Began and Settle mean for all items what they mean for one call, and the ledger counts items. A Chunk
// is always Plain.
//
//	Began ─► (Results, Fail, Done)… ─► Settle(nil)   all items are done
//	                                └► Split(i)      the items from i on have not begun: they are a Chunk that is queued
//
// Results, Fail, Done, Split and Settle belong to one owner, one after the other.
type Chunk interface {
	Call

	// Items is how many there are: at least one.
	Items() int
	// Results returns a pointer to a slice of n zero results, of the items from i on: to store there, before Done.
	Results(i, n int) any
	// Fail says how an item has failed, before Done; a result that it has beside the error stays.
	Fail(i int, err error)
	// Done says that all items before i are done: whoever ranges over the Map may have them.
	Done(i int)
	// Took says how long the items that are done have run, all together, if the executor knows, before the chunk ends. Else
	// whoever hands chunks over has only the time until their ends, most of which they may have been on the way.
	Took(d time.Duration)
	// Split makes the items from i on, which have not begun, a Chunk of its own: accepted, queued, with this ticket. It may
	// be called before and after Began. The executor has to look at it as at a call that was just accepted: its ctx
	// may have ended, and the executor may have been closed.
	Split(i int, ticket any) Chunk
}

// A ChunkTaker is an executor that may take Chunks.
type ChunkTaker interface {
	// TakesChunks says whether it does: no item needs a look of its own, on account of an observer, or of a limit on
	// what is queued.
	TakesChunks() bool
	// ChunkTime is how long the items of a Chunk should take together, at least; 0: the caller knows.
	ChunkTime() time.Duration
}
