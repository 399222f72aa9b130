package remote

import (
	"context"
	"slices"
	"time"
)

// A Carrier takes the calls of one lane to where they run, one after the other in the order of Send, and tells the lane of
// their ends by Take.
type Carrier interface {
	// Send takes a call along, with what Flush does then. It is called with the executor's lock held: it does not block,
	// and does not call back.
	Send(s *Shipment)
	// Withdraw says that a call that was sent shall not begin. False: it has begun; if it is a Chunk, no more of its items
	// will. After true it is passed over, and Take is told so. It is called as Send is.
	Withdraw(s *Shipment) bool
	// Flush is called after Send, with no lock held, by any goroutine.
	Flush()
	// End is told that the context of a call has ended that has begun, or should have. It is called with no lock held, by
	// any goroutine, and perhaps when the call has been taken.
	End(ctx context.Context, s *Shipment)
}

// A Shipment is a call on its way through one lane. All fields are the Carrier's to read.
type Shipment struct {
	Item     *Item
	Slot     int           // from 0 to MaxCredit-1, and no other's until this one is taken
	ID       uint64        // counts the lane's shipments from 1
	Deadline time.Time     // of the attempt; zero: none
	Over     chan struct{} // closed when it is taken, or its lane is closed; from End on

	carrier  Carrier
	lane     *Lane  // nil: it goes through a group
	group    *Group // nil: it goes through a lane
	starting bool   // Start runs; on a lane it is not sent yet
	begun    bool   // in a group: it was heard of
	answer   store  // that came while Start ran; nil: none
	returned bool   // it was given back meanwhile
	void     bool   // withdrawn: in the line until the other side has passed it over
	ended    bool   // End was called

	// Of a Chunk:

	items   int       // that it has here
	since   time.Time // when it began
	stopped bool      // no more of its items begin
}

const (
	// MaxCredit is how many calls there are on a lane at most.
	MaxCredit   = 128
	firstCredit = 2 // one runs, and one is there when it has ended
	// Calls are sent ahead as far as the worker comes in this time: the more there are, the more has to be brought to
	// another when one takes long.
	aheadFor = time.Millisecond
)

// A Lane is one worker: where calls run one after the other. It is made by NewLane.
type Lane struct {
	x       *Executor
	place   int
	carrier Carrier

	// Guarded by the executor's mu.
	open     bool
	closed   bool        // it was open, or never will be
	idling   bool        // in the executor's list of idle lanes
	starting bool        // the only call has not been sent yet, see start
	line     []*Shipment // on their way, in order
	live     int         // of those, not void; the first of them runs
	left     int         // how many calls it may still take; less than 0: any number
	credit   int         // how many may be live
	slots    []int       // free ones
	sent     uint64      // shipments so far
	since    time.Time   // when the calls began that took counts
	took     int
}

// NewLane returns a lane for a worker that is ready. It gets no calls until Open. Then it gets so many, or any number if
// most is 0.
func (x *Executor) NewLane(place int, carrier Carrier, most int) *Lane {
	l := &Lane{x: x, place: place, carrier: carrier, left: most, credit: 1}
	if most == 0 {
		l.left = -1
	}
	if x.config.Ahead {
		l.credit = firstCredit
	}
	l.slots = make([]int, MaxCredit)
	for i := range l.slots {
		l.slots[i] = MaxCredit - 1 - i
	}
	return l
}

// Open lets calls come.
func (l *Lane) Open() {
	x := l.x
	x.mu.Lock()
	if l.closed {
		x.mu.Unlock()
		return
	}
	l.open = true
	x.lanes = append(x.lanes, l)
	x.idleLocked(l)
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
}

// Stop lets no more calls come. Those that have not begun go to other lanes.
func (l *Lane) Stop() {
	x := l.x
	x.mu.Lock()
	l.shutLocked()
	refused := x.giveBackLocked(l.recallLocked(MaxCredit))
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	for _, it := range refused {
		x.refuse(it, x.why())
	}
}

func (l *Lane) shutLocked() {
	l.open, l.closed = false, true
	x := l.x
	if i := slices.Index(x.lanes, l); i >= 0 {
		x.lanes = slices.Delete(x.lanes, i, i+1)
		if l.live > 0 {
			x.busy--
			x.ahead -= l.live - 1
		}
	}
}

// Close is the end of a lane whose worker is dead, and has told all that it will. What had begun is returned: it has no
// lane any more, and is the caller's to settle. What had not goes to other lanes, before all that is queued.
func (l *Lane) Close() (begun []*Item) {
	x := l.x
	x.mu.Lock()
	l.shutLocked()
	var rest []*Item
	for _, s := range l.line {
		s.overLocked()
		it := s.Item
		if s.void || s.starting { // who starts it sees that the lane is closed
			continue
		}
		it.at = nil
		if l.carrier.Withdraw(s) {
			rest = append(rest, it)
			continue
		}
		x.beganLocked(it)
		begun = append(begun, it)
	}
	l.line, l.live = nil, 0
	refused := x.giveBackLocked(rest)
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	for _, it := range refused {
		x.refuse(it, x.why())
	}
	return begun
}

// giveBackLocked queues calls again that have not begun, or returns them if nothing is queued any more. The caller holds
// mu.
func (x *Executor) giveBackLocked(its []*Item) (refused []*Item) {
	if x.broken != nil {
		return its
	}
	x.queue.pushFront(its)
	return nil
}

// Take takes the first call out of the line, which is over on the other side, or was passed over. It is for the Carrier,
// who stores its result and settles it; nil: it was withdrawn. False: the first one's ID is another.
func (l *Lane) Take(id uint64) (it *Item, ok bool) {
	x := l.x
	x.mu.Lock()
	if len(l.line) == 0 || l.line[0].ID != id || l.line[0].starting {
		x.mu.Unlock()
		return nil, false
	}
	s := l.popLocked()
	if !s.void {
		it = s.Item
		it.at = nil
		x.beganLocked(it)
		l.paceLocked()
		l.lessLocked()
	}
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	return it, true
}

// popLocked removes the first shipment. The caller holds mu.
func (l *Lane) popLocked() *Shipment {
	s := l.line[0]
	l.line[0] = nil
	l.line = l.line[1:]
	l.slots = append(l.slots, s.Slot)
	s.overLocked()
	if s.void && l.left >= 0 {
		l.left++
	}
	return s
}

func (s *Shipment) overLocked() {
	if s.Over != nil {
		close(s.Over)
	}
}

// First returns the first call of the line, if that is its ID.
func (l *Lane) First(id uint64) (it *Item, ok bool) {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	if len(l.line) == 0 || l.line[0].ID != id || l.line[0].starting {
		return nil, false
	}
	return l.line[0].Item, true
}

// DropArgument says that the first call of the line has begun for certain: its argument is not needed for another worker.
// False: it may be, for another attempt.
func (l *Lane) DropArgument() bool {
	l.x.mu.Lock()
	defer l.x.mu.Unlock()
	if len(l.line) == 0 || !l.line[0].Item.plain {
		return false
	}
	l.line[0].Item.In = nil
	return true
}

// lessLocked counts a live call less: the next one runs now. The caller holds mu.
func (l *Lane) lessLocked() {
	x := l.x
	l.live--
	if !l.open {
		return
	}
	if l.live == 0 {
		x.busy--
		x.idleLocked(l)
		return
	}
	x.ahead--
	if s := l.firstLocked(); s != nil && !s.starting {
		x.beganLocked(s.Item)
	}
}

// firstLocked returns the shipment that runs, or nil. The caller holds mu.
func (l *Lane) firstLocked() *Shipment {
	for _, s := range l.line {
		if !s.void {
			return s
		}
	}
	return nil
}

// paceLocked sets the credit by the time that calls take. The caller holds mu.
func (l *Lane) paceLocked() {
	if !l.x.config.Ahead {
		return
	}
	if l.took++; l.took < (l.credit+1)/2 {
		return
	}
	now := time.Now()
	each := max(1, now.Sub(l.since)/time.Duration(l.took))
	l.credit = max(firstCredit, min(2*l.credit, int(aheadFor/each), MaxCredit))
	l.since, l.took = now, 0
}

// voidLocked takes a call off the lane, though it stays in the line. The caller holds mu.
func (s *Shipment) voidLocked() {
	s.void = true
	s.Item.at = nil
	if s.group != nil {
		s.group.lessLocked(s)
		return
	}
	s.lane.lessLocked()
}

// recallLocked withdraws so many calls, from the last one on, that have not begun, and returns them in order. The caller
// holds mu.
func (l *Lane) recallLocked(n int) []*Item {
	var its []*Item
	for i := len(l.line) - 1; i >= 0 && len(its) < n; i-- {
		s := l.line[i]
		if s.void {
			continue
		}
		if s.starting || s.Item.started || !l.carrier.Withdraw(s) {
			break // and so have those before it
		}
		s.voidLocked()
		its = append(its, s.Item)
	}
	slices.Reverse(its)
	return its
}

// Settle ends a call that has no lane any more.
func (x *Executor) Settle(it *Item, err error) { x.settle(it, err) }
