package remote

import (
	"slices"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// A flush is whom to flush once mu is free: most often one.
type flush struct {
	one  Carrier
	more []Carrier
}

func (f *flush) add(c Carrier) {
	switch {
	case f.one == nil:
		f.one = c
	case f.one != c && !slices.Contains(f.more, c):
		f.more = append(f.more, c)
	}
}

func (f *flush) do() {
	if f.one == nil {
		return
	}
	f.one.Flush()
	for _, c := range f.more {
		c.Flush()
	}
}

// idleLocked notes that a lane has no calls. The caller holds mu.
func (x *Executor) idleLocked(l *Lane) {
	if l.open && !l.idling {
		l.idling = true
		x.idle = append(x.idle, l)
	}
}

// dealLocked gives queued calls to lanes: one to each that is idle, then further ones to those that have credit. What was
// sent ahead to one lane and has not begun is older than the queue: an idle lane gets that first, and so no call waits
// behind a slow one while a worker has nothing to do. Then it gives room to who waits for it. The caller holds mu, and
// flushes when he has let it go.
func (x *Executor) dealLocked() (f flush) {
	x.dealInto(&f)
	return f
}

func (x *Executor) dealInto(f *flush) {
	for {
		if !x.stealLocked() && x.queue.n == 0 {
			break
		}
		it := x.queue.first
		if x.group != nil {
			if !x.group.sendLocked(it, f) {
				break
			}
			continue
		}
		l := x.laneLocked(it)
		if l == nil {
			break
		}
		x.queue.remove(it)
		if it.overLocked() { // its cancel is on the way
			continue
		}
		x.sendLocked(l, it, f)
	}
	if x.config.Ahead {
		x.watchChunksLocked()
	}
	x.grantLocked()
}

// overLocked says whether a call that has not started will not, as Submit's ctx has ended.
func (it *Item) overLocked() bool {
	if it.over == nil || it.started {
		return false
	}
	select {
	case <-it.over:
		return true
	default:
		return false
	}
}

// laneLocked returns a lane for a call; nil: there is none. The caller holds mu.
func (x *Executor) laneLocked(it *Item) *Lane {
	if l := x.idleLaneLocked(); l != nil {
		return l
	}
	if !x.config.Ahead || !it.plain || x.ahead >= len(x.lanes)*(MaxCredit-1) {
		return nil
	}
	var best *Lane
	for _, l := range x.lanes {
		if l.live < l.credit && l.mayTakeLocked() && (best == nil || l.live < best.live) {
			best = l
		}
	}
	return best
}

func (l *Lane) mayTakeLocked() bool {
	return l.open && l.left != 0 && len(l.slots) > 0 && !l.starting
}

// idleLaneLocked returns an idle lane, the one that has been so for the shortest time. The caller holds mu.
func (x *Executor) idleLaneLocked() *Lane {
	for len(x.idle) > 0 {
		l := x.idle[len(x.idle)-1]
		if l.live == 0 && l.mayTakeLocked() {
			return l
		}
		l.idling = false
		x.idle = x.idle[:len(x.idle)-1]
	}
	return nil
}

// stealLocked brings calls that have not begun on one lane back to the queue, for an idle one. The caller holds mu.
func (x *Executor) stealLocked() bool {
	if x.ahead == 0 {
		return false
	}
	thief := x.idleLaneLocked()
	if thief == nil {
		return false
	}
	var victim *Lane
	for _, l := range x.lanes {
		if l.live > 1 && (victim == nil || l.live > victim.live) {
			victim = l
		}
	}
	if victim == nil {
		return false
	}
	its := victim.recallLocked(min(victim.live/2, thief.credit))
	x.queue.pushFront(its)
	return len(its) > 0
}

// sendLocked puts a call on a lane. The caller holds mu.
func (x *Executor) sendLocked(l *Lane, it *Item, f *flush) {
	l.sent++
	last := len(l.slots) - 1
	s := &it.first // most calls are sent once
	if s.carrier != nil {
		s = new(Shipment)
	}
	*s = Shipment{Item: it, Slot: l.slots[last], ID: l.sent, Deadline: it.deadline, carrier: l.carrier, lane: l}
	if it.Chunk != nil {
		s.items = it.Chunk.Items()
	}
	l.slots = l.slots[:last]
	if l.left > 0 {
		l.left--
	}
	it.at = s
	if l.line = append(l.line, s); l.live > 0 {
		x.ahead++
	} else {
		x.busy++
		if x.config.Ahead {
			l.since, l.took = time.Now(), 0
		}
	}
	l.live++
	switch {
	case it.started: // it was sent to a worker that died before it had begun
		s.since = time.Now()
	case it.plain && l.live == 1:
		x.beganLocked(it)
	case !it.plain:
		s.starting, l.starting = true, true
		x.flights.Go(func() { x.start(s) })
		return
	}
	l.carrier.Send(s)
	f.add(l.carrier)
}

// start starts a call that needs it, and then sends it.
func (x *Executor) start(s *Shipment) {
	it := s.Item
	started, err := true, potok.ErrGoexit // an observer may end this goroutine inside Start
	defer func() {
		if started {
			x.settle(it, err)
		}
	}()
	defer func() {
		if started {
			x.leaveLane(s)
		}
	}()
	ctx, ok := it.Call.Start(x.config.Worker(s.lane.place))
	if !ok {
		started = false
		x.leaveLane(s)
		return
	}
	if ctx.Err() != nil {
		err = registry.ContextError(ctx)
		return
	}
	started = false
	deadline, _ := ctx.Deadline()
	x.mu.Lock()
	it.deadline, s.Deadline = deadline, deadline
	s.starting, s.lane.starting = false, false
	it.attempt++
	it.started, it.Ctx = true, ctx
	l := s.lane
	open := l.open
	var refused []*Item
	if open {
		l.carrier.Send(s)
	} else { // its worker is gone
		l.dropLocked(s)
		refused = x.giveBackLocked([]*Item{it})
	}
	flush := x.dealLocked()
	late := x.killed
	x.mu.Unlock()
	if open {
		l.carrier.Flush()
	}
	flush.do()
	switch {
	case len(refused) > 0:
		x.refuse(it, x.why())
	case late: // and kill may have seen it as one that does not run yet
		it.Call.Cancel(potok.ErrClosed)
	case ctx.Err() != nil: // and ended may have been told before it was known that it has started
		x.ended(it)
	}
}

// leaveLane takes a call off its lane that was not sent.
func (x *Executor) leaveLane(s *Shipment) {
	x.mu.Lock()
	s.lane.dropLocked(s)
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
}

// dropLocked takes a shipment out of the line that was not sent: on such a lane it is the only one that lives. The caller
// holds mu.
func (l *Lane) dropLocked(s *Shipment) {
	s.Item.at, l.starting = nil, false
	for i, other := range l.line {
		if other == s {
			l.line = append(l.line[:i], l.line[i+1:]...)
			l.slots = append(l.slots, s.Slot)
			if l.left >= 0 {
				l.left++
			}
			l.lessLocked()
			return
		}
	}
}

func (x *Executor) why() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.broken
}
