package remote

import (
	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// A Group is many workers behind one Carrier, who share the calls out among themselves: which of them takes a call, and
// when, is only heard of. It takes the place of lanes. Its calls begin and end in any order.
//
//	queue ─► Send ─► (Began) ─► Answer ─► Settle
//	           │                  │ GiveBack: it has not begun
//	           └─ Withdraw ─► ∅   └─► queue
//
// What a Call that needs it is started with, observers for one, runs when its beginning is heard of, and on a goroutine of
// its own; an answer that comes meanwhile waits.
type Group struct {
	x       *Executor
	carrier Carrier

	// Guarded by the executor's mu.
	places int // of all workers
	window int // how many calls may be out
	out    int // sent, and neither answered nor withdrawn
	begun  int // of those
}

// A store puts the result of a call where it belongs, and returns its error. Of a Chunk it has to do all of Results, Fail,
// Done and Rest.
type store func(it *Item) error

// NewGroup makes the executor one of a Group, which it has to be before the first call. At most window calls are out at a
// time.
func (x *Executor) NewGroup(carrier Carrier, window int) *Group {
	g := &Group{x: x, carrier: carrier, window: window}
	x.mu.Lock()
	x.group = g
	x.mu.Unlock()
	return g
}

// SetPlaces says how many calls may run at once, as far as is known.
func (g *Group) SetPlaces(n int) {
	x := g.x
	x.mu.Lock()
	g.places = n
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
}

// sendLocked sends the first call of the queue. False: too many are out. The caller holds mu.
func (g *Group) sendLocked(it *Item, f *flush) bool {
	if g.out >= g.window {
		return false
	}
	x := g.x
	x.queue.remove(it)
	if it.overLocked() { // its cancel is on the way
		return true
	}
	s := &it.first // most calls are sent once
	if s.carrier != nil {
		s = new(Shipment)
	}
	*s = Shipment{Item: it, Deadline: it.deadline, carrier: g.carrier, group: g}
	it.at = s
	g.out++
	g.carrier.Send(s)
	f.add(g.carrier)
	return true
}

// lessLocked counts a call less that is out. The caller holds mu.
func (g *Group) lessLocked(s *Shipment) {
	g.out--
	if s.begun {
		g.begun--
	}
}

// Began says that a call has begun, on the worker of that name. It may be told more than once, of a call that is
// withdrawn, and too late.
func (g *Group) Began(s *Shipment, worker string) {
	x := g.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.killed { // else whoever is about to cancel it must find it as he has seen it
		g.beganLocked(s, worker)
	}
}

func (g *Group) beganLocked(s *Shipment, worker string) {
	if s.begun || s.void || s.Item.at != s {
		return
	}
	s.begun = true
	g.begun++
	if s.Item.plain || s.Item.started { // or it was given back when it had begun
		g.x.beganLocked(s.Item)
		return
	}
	s.starting = true
	g.x.flights.Go(func() { g.start(s, worker) })
}

// start starts a call that has begun elsewhere.
func (g *Group) start(s *Shipment, worker string) {
	it, x := s.Item, g.x
	ended := true // an observer may end this goroutine inside Start
	defer func() {
		if ended && g.drop(s) {
			x.settle(it, potok.ErrGoexit)
		}
	}()
	ctx, ok := it.Call.Start(worker)
	ended = false
	if !ok { // it was cancelled meanwhile
		g.drop(s)
		return
	}
	x.mu.Lock()
	s.starting = false
	it.attempt++
	it.started, it.Ctx = true, ctx
	answer, returned := s.answer, s.returned
	late := x.killed
	x.mu.Unlock()
	switch {
	case answer != nil:
		g.settle(s, answer)
		return
	case returned:
		g.GiveBack(s)
		return
	case late: // and kill may have seen it as one that does not run yet
		it.Call.Cancel(potok.ErrClosed)
	}
	if ctx.Err() != nil { // and ended may have been told before it was known that it has started
		x.ended(it)
	}
}

// drop takes a call off whose answer nobody waits for, and tells the other side. False: it was off already.
func (g *Group) drop(s *Shipment) bool {
	x := g.x
	x.mu.Lock()
	s.starting = false
	mine := !s.void && s.Item.at == s
	if mine {
		g.carrier.Withdraw(s)
		s.voidLocked()
	}
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	return mine
}

// Answer settles a call with what store says, which is called once, unless the call was withdrawn: perhaps after Answer has
// returned, if the call is still being started.
func (g *Group) Answer(s *Shipment, worker string, store store) {
	x := g.x
	x.mu.Lock()
	g.beganLocked(s, worker)
	switch {
	case s.void || s.Item.at != s || s.answer != nil:
		x.mu.Unlock()
		return
	case s.starting:
		s.answer = store
		x.mu.Unlock()
		return
	}
	x.mu.Unlock()
	g.settle(s, store)
}

// settle ends the attempt of a call that has started.
func (g *Group) settle(s *Shipment, store store) {
	x, it := g.x, s.Item
	x.mu.Lock()
	if s.void || it.at != s {
		x.mu.Unlock()
		return
	}
	s.overLocked()
	it.at = nil
	g.lessLocked(s)
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	err := potok.ErrGoexit // an unmarshaler may do that
	defer func() { x.settle(it, err) }()
	err = store(it)
}

// GiveBack queues a call again, before all others, that was sent and will not be answered.
func (g *Group) GiveBack(s *Shipment) {
	x, it := g.x, s.Item
	x.mu.Lock()
	if s.returned = s.starting; s.void || s.starting || it.at != s {
		x.mu.Unlock()
		return
	}
	s.voidLocked()
	var refused []*Item
	ended := it.started && (x.killed || it.Ctx.Err() != nil) // whoever cancels it finds it nowhere
	if !it.gone && !ended && !x.killed {
		refused = x.giveBackLocked([]*Item{it})
	}
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	if ended {
		it.Call.Cancel(potok.ErrClosed) // if nobody has
		x.settle(it, registry.ContextError(it.Ctx))
		return
	}
	for _, it := range refused {
		x.refuse(it, x.why())
	}
}

// Refuse fails a call that was sent and cannot be taken there.
func (g *Group) Refuse(s *Shipment, err error) {
	x, it := g.x, s.Item
	x.mu.Lock()
	if s.void || s.starting || it.at != s {
		x.mu.Unlock()
		return
	}
	s.voidLocked()
	flush := x.dealLocked()
	x.mu.Unlock()
	flush.do()
	x.refuse(it, err)
}
