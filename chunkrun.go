package potok

import "time"

// runChunk runs a chunk, and what it leaves behind for as long as that is the
// worker's to run.
func (w *worker) runChunk(k *chunk) {
	for k != nil {
		k = w.runItems(k)
	}
}

// runItems runs a chunk's items and returns those that are left, if the worker is
// to go on with them.
func (w *worker) runItems(k *chunk) (rest *chunk) {
	if w.pool.killed.Load() {
		k.abandon(errCancelledByClose)
	}
	if k.scope.over() {
		k.abandon(cancelledBy(k.scope.ctx))
	}
	if why := k.of.refusal(k.lo); why != nil {
		k.abandon(why)
	}
	if !k.move(phasePending, phaseRunning) {
		return nil
	}
	w.ran++
	w.openChunk(k)
	w.seat.Unit = &k.call
	returned := false
	defer func() {
		if !returned {
			v := recover()
			at := k.pos.Load()
			k.note(int(at), unwound(v))
			k.pos.Store(at + 1)
			if v == nil { // Goexit: another goroutine takes over where this one stood
				defer func() {
					if rest != nil && !w.handBack(rest) {
						rest.abandon(errCancelledByClose)
					}
				}()
			}
		}
		w.seat.Unit = nil
		rest = w.closeChunk(k)
	}()
	_ = k.invoke(k)
	returned = true
	return nil
}

// openChunk begins a chunk: nothing more can be put in, and others may take from it.
func (w *worker) openChunk(k *chunk) {
	p := w.pool
	k.place.move(place(w.index))
	k.began = time.Now()
	p.mu.Lock()
	defer p.unlock()
	k.sealLocked()
	end := int(k.shut.Load())
	if at := k.lo + k.of.piece(end-k.lo); at < end && !p.swept {
		// The rest goes to the end of the queue, as if it was submitted now: what the
		// items submit and wait for comes before it, or all of them would begin and wait.
		p.queueLocked(k.splitLocked(at, end), false)
		end = at
	}
	if end-k.lo > 1 {
		k.spareLocked()
	}
	p.kickLocked()
}

// closeChunk ends a chunk in front of the item that it has come to. It returns what
// is left if the worker is to go on with it.
func (w *worker) closeChunk(k *chunk) (rest *chunk) {
	p := w.pool
	k.move(phaseRunning, phaseEnding)
	if x := k.more.Load(); x != nil { // see ended
		w.placed = p.endLending(&k.call, x)
	}
	p.mu.Lock()
	at := int(k.pos.Load())
	if end := int(k.shut.Load()); at < end {
		rest = k.splitLocked(at, end)
	}
	k.unliveLocked()
	n, failed, cancelled := int64(at-k.lo), k.failed.Load(), k.cancelled.Load()
	p.entered += uint64(n)
	w.tally.Succeeded.Add(uint64(n - failed - cancelled))
	if failed+cancelled > 0 {
		w.tally.Failed.Add(uint64(failed))
		w.tally.Cancelled.Add(uint64(cancelled))
	}
	open := k.open - k.told
	p.unlock()
	k.state.Store(phaseSucceeded | phaseReleased)
	k.finish(open)
	if rest != nil && (!w.placed || p.wanted.Load() > 0) && w.handBack(rest) {
		return nil
	}
	return rest
}

// handBack queues what is left of a chunk, before all that was submitted later.
// False: nothing is queued any more.
func (w *worker) handBack(rest *chunk) bool {
	p := w.pool
	p.mu.Lock()
	defer p.unlock()
	if p.swept {
		return false
	}
	p.ahead = append(p.ahead, rest)
	p.kickLocked()
	return true
}

// takeFromLocked takes from a chunk that somebody runs, for another worker: the
// later half of what is left, or all if whole. Nil: nothing is left. The caller
// holds mu.
func (k *chunk) takeFromLocked(whole bool) *chunk {
	end := k.shut.Load()
	from := k.pos.Load() + 1
	if !whole {
		from += (end - from) / 2
	}
	if from < end {
		k.shut.Store(from)
		if pos := k.pos.Load(); pos >= from {
			from = min(pos+1, end)
			k.shut.Store(from)
		}
	}
	if from >= end {
		return nil
	}
	return k.splitLocked(int(from), int(end))
}
