package lock

import (
	"context"
	"slices"
)

// lockChecked is Lock and LockContext while orders are checked: what the caller holds comes before m, which is noted,
// and if need be reported, before it goes for m.
func (m *Mutex) lockChecked(ctx context.Context) error {
	x := m.needExtra()
	h, found := want(x)
	if h == nil {
		return m.acquire(ctx, nil)
	}
	if found != nil {
		learn(h, found)
	}
	if m.state.CompareAndSwap(0, locked|checked) {
		x.hold = h
		return nil
	}
	h.setWanted(true)
	if err := m.acquire(ctx, h); err != nil {
		drop(h)
		return err
	}
	h.setWanted(false)
	m.own(x, h)
	return nil
}

// own notes that h is of m, which the caller holds.
func (m *Mutex) own(x *extra, h *hold) {
	x.hold = h
	m.state.Or(checked)
}

func (m *Mutex) tryLockChecked() bool {
	if m.state.Load()&locked != 0 {
		return false
	}
	x := m.needExtra()
	h := take(x)
	if !m.takeIfFree() {
		if h != nil {
			drop(h)
		}
		return false
	}
	if h != nil {
		m.own(x, h)
	}
	return true
}

// disown drops the hold of m, whose state says checked. It is called by whoever unlocks m.
func (m *Mutex) disown() {
	x := m.extra.Load()
	h := x.hold
	if h == nil {
		return // the one who unlocks it did not wait for the one who locked it to return
	}
	x.hold = nil
	b := bucketOf(h.goroutine)
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.lock == x { // not so if two unlock it at once, which is for the state to find out
		b.dropLocked(h)
	}
}

// A finding is an order that was not known, or a recursion: then both nodes are nil.
type finding struct {
	from, to *node
	seen     *sighting
}

// want notes that the calling goroutine goes for x, and returns what is new about that. The hold is nil if the goroutine
// is in a report.
func want(x *extra) (h *hold, found []finding) {
	to := nodeOf(x)
	goroutine := goroutineID()
	var room [8]*hold
	b := bucketOf(goroutine)
	b.mu.Lock()
	defer b.mu.Unlock()
	own, reporting := b.ownLocked(goroutine, room[:0])
	if reporting {
		return nil, nil
	}
	h = b.addLocked(goroutine, x)
	h.at.record()
	if i := slices.IndexFunc(own, func(o *hold) bool { return o.lock == x }); i >= 0 {
		return h, []finding{{seen: &sighting{from: *own[i].copyLocked(), to: *h.copyLocked()}}}
	}
	for _, o := range own {
		if from, to := ends(o.lock.node.Load(), to); !knows(from, to, own) {
			found = append(found, finding{from, to, newSighting(own, o, h)})
		}
	}
	return h, found
}

// take notes that the calling goroutine has taken x without a wait, which makes no order. The hold is nil if the
// goroutine is in a report.
func take(x *extra) *hold {
	nodeOf(x)
	goroutine := goroutineID()
	b := bucketOf(goroutine)
	b.mu.Lock()
	defer b.mu.Unlock()
	var room [8]*hold
	if _, reporting := b.ownLocked(goroutine, room[:0]); reporting {
		return nil
	}
	h := b.addLocked(goroutine, x)
	h.at.record()
	return h
}

// ownLocked appends the holds of the goroutine to own. It says whether the goroutine is in a report.
func (b *bucket) ownLocked(goroutine int64, own []*hold) (all []*hold, reporting bool) {
	for h := b.holds; h != nil; h = h.next {
		if h.goroutine != goroutine {
			continue
		}
		if h.lock == nil {
			return nil, true
		}
		own = append(own, h)
	}
	return own, false
}

// newSighting is that of h, which is wanted, by a goroutine that has own, o among them.
func newSighting(own []*hold, o, h *hold) *sighting {
	s := &sighting{from: *o.copyLocked(), to: *h.copyLocked()}
	for _, gate := range own {
		if gate != o {
			s.gates = append(s.gates, gate.lock.node.Load().id)
		}
	}
	slices.Sort(s.gates)
	return s
}

// learn puts what was found into the graph, and tells the watchers what is wrong with it.
func learn(h *hold, found []finding) {
	goroutine, returned := h.goroutine, false
	defer func() {
		if !returned { // a report has ended the goroutine, which will never have the lock
			drop(h)
		}
	}()
	for _, f := range found {
		for w, e := range f.learn() {
			w.tell(goroutine, e)
		}
	}
	returned = true
}

// learn returns what is to be told to whom.
func (f finding) learn() map[*watcher]*OrderError {
	graph.mu.Lock()
	defer graph.mu.Unlock()
	if len(graph.watchers) == 0 {
		return nil
	}
	if f.to != nil {
		f.seen.epoch = graph.epoch.Load()
		addLocked(f.from, f.to, f.seen)
	}
	var tell map[*watcher]*OrderError
	for _, w := range graph.watchers {
		var e *OrderError
		if f.to == nil {
			e = &OrderError{twice: f.seen}
		} else if cycle := cycleLocked(link(f), w.since); cycle != nil {
			e = &OrderError{cycle: cycle}
		}
		if e == nil || !w.firstLocked(e.keys()) {
			continue
		}
		if tell == nil {
			tell = make(map[*watcher]*OrderError)
		}
		tell[w] = e
	}
	return tell
}

// firstLocked says whether nothing was told under any of these keys, and notes them.
func (w *watcher) firstLocked(keys []string) bool {
	for _, k := range keys {
		if _, told := w.told[k]; told {
			return false
		}
	}
	for _, k := range keys {
		w.told[k] = struct{}{}
	}
	return true
}
