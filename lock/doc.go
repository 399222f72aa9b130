// Package lock has locks that obey contexts and tell of deadlocks before they happen, and what goroutines wait for
// besides: an event, a semaphore, a barrier, a condition.
//
//	var mu lock.Mutex
//	if err := mu.LockContext(ctx); err != nil { // gives up when ctx ends
//		return err
//	}
//	defer mu.Unlock()
//
// [Mutex] is a sync.Mutex whose waiters can give up, and are seen by testing/synctest. [Guarded] is data that cannot be
// touched without its lock. [CheckOrder] watches in which order locks are taken, and reports what could deadlock though
// it has not yet; in a test that is one line:
//
//	lock.CheckOrderT(t)
//
// # Blocking
//
// What can block takes a context, but for Mutex.Lock and the two With, which stand in for the lock that they are named
// after. A waiter parks on a channel of its own, where it uses no CPU and testing/synctest sees it durably blocked; one
// that waits for a Mutex steps back some microseconds before that.
//
// # Who wins
//
// What takes something (LockContext, Acquire, Barrier.Wait, Cond.Wait) takes nothing under a context that has ended
// already, and returns an error that matches both ctx.Err() and context.Cause(ctx). What only looks (Event.Wait on a set
// event) does not mind. A waiter that is served and whose context ends at the same moment was served.
//
// # Order
//
// Waiters are served in the order in which they came; at a Semaphore nobody is served before them, at a Mutex whoever
// runs may overtake them for a millisecond, as with a sync.Mutex.
//
// # Goroutines
//
// The package starts none. All of its types may be used from any number of goroutines at once, and may be created and
// used in a synctest bubble. No function of the user's is called under a lock that is not his own, and no lock inside this
// package is taken under another.
package lock
