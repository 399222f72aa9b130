// Package queue has bounded queues between goroutines: first in first out, last in first out, and by priority.
//
//	q := queue.New[string](100)
//	go func() { defer q.Close(); for _, url := range urls { _ = q.Put(ctx, url) } }()
//	for url := range q.All(ctx) { // any number of goroutines may do this at once
//		fetch(url)
//	}
//
// Against a channel of the same size it adds a context to every wait, an order other than arrival, a Close that any side
// may call any number of times, and Join, which waits until the items are not only taken but dealt with.
//
// # Order
//
// [New] gives items out in the order in which they were stored, [NewLIFO] the newest first, [NewPriority] the least
// first and equal ones in order of arrival. The items of putters that wait for room are stored in the order in which
// the putters began to wait.
//
// # Blocking
//
// A queue holds exactly its capacity: never an item more, and no put waits or fails while there is room. [Queue.Put]
// waits while it is full, [Queue.Get] while it is empty, [Queue.Join] while items are unfinished; nothing else waits.
// A waiter that found nothing yields the processor once and then parks on a channel of its own, where it uses no CPU
// and where testing/synctest sees it durably blocked.
//
// # Who wins
//
// A closed queue wins over a context that has ended: Put on it, and Get once it is drained, return [ErrClosed] whatever
// the context says. Otherwise a context that has ended before the call wins over room and over items: nothing is stored
// or taken. A waiter that was served and whose context ends at the same moment was served: Put returns nil, Get the
// item. The error for an ended context matches both ctx.Err() and context.Cause(ctx).
//
// # Goroutines
//
// The package starts none. Every method of a [Queue] may be called from any number of goroutines at once.
//
// # Fairness
//
// Parked waiters are served in the order in which they parked, and no later caller is served before them, whatever the
// order of the items: what a parked getter waits for is put into its hand, what a parked putter holds is stored for it
// by the Get that makes the room. So no waiter can be overtaken for ever.
package queue
