package queue

import "context"

// Done says that one item that was gotten is finished. Whoever gets an item calls it once, when the item's work is over,
// if anybody calls Join; otherwise nobody has to.
//
// It does not block and takes no ctx. It returns an error, and changes nothing, if as many items are finished already as
// were gotten. It is safe for concurrent use.
func (q *Queue[T]) Done() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.owed == q.n {
		return errDone
	}
	q.owed--
	q.settleLocked()
	return nil
}

// Join waits until every item that was put is Done: gotten and finished, or returned by CloseNow.
//
// It blocks while one is not, whether or not the queue is closed, and returns at the first moment when all are, even if
// more items are put right after it. If ctx ends before, Join returns an error that matches ctx.Err() and
// context.Cause(ctx), and nothing else changes. With nothing owed it returns nil, whatever ctx says. It is safe for
// concurrent use.
func (q *Queue[T]) Join(ctx context.Context) error {
	settled := q.owing()
	if settled == nil {
		return nil
	}
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-settled: // both at once: what was waited for wins
		return nil
	default:
		return endedError(ctx)
	}
}

// owing returns a channel that is closed when nothing is owed, nil if nothing is now.
func (q *Queue[T]) owing() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.owed > 0 && q.settled == nil {
		q.settled = make(chan struct{})
	}
	return q.settled
}

// settleLocked wakes everyone in Join if nothing is owed.
func (q *Queue[T]) settleLocked() {
	if q.owed == 0 && q.settled != nil {
		close(q.settled)
		q.settled = nil
	}
}
