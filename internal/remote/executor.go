package remote

import (
	"context"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// A Config says what is particular to an executor.
type Config struct {
	Places   int // how many calls may run at once
	Backlog  int // how many may be queued; -1: any number
	Name     string
	Observer any // a potok.Observer, or nil

	// Encode turns a call's argument into bytes. It is called by whoever submits.
	Encode func(c registry.Call) ([]byte, error)

	// Carry takes a call to where it runs and back, from Start to just before Settle: it returns the call's error, with the
	// result stored. It has to return soon after ctx has ended. The place is a number from 0 to Places-1 that no other call
	// has meanwhile. free: it is free for the next one; else Free will be called when it is.
	Carry func(ctx context.Context, c registry.Call, in []byte, place int) (free bool, err error)

	// Worker names a place for observers.
	Worker func(place int) string
}

// An Executor is the near side of an executor whose calls run elsewhere. It is made by New. All methods are safe for
// concurrent use.
//
//	Dispatch ─► room? ─► Accept ─► queue ─► place ─► Start ─► Carry ─► Settle
//	                                 ▲                                   │
//	                                 └───────── Requeue ◄── pause ◄──────┘ again
//
// A call in flight has a goroutine of its own, which gives the place to the next call before it settles its own: callbacks
// run inside Settle, and may wait for a call that needs the place.
type Executor struct {
	config  Config
	host    registry.Host
	ledger  registry.Ledger
	flights sync.WaitGroup // goroutines of calls and of pauses; Close waits for them

	mu       sync.Mutex // guards the fields below; never held while blocking
	items    map[registry.Call]*item
	queue    []*item    // accepted and not started; empty if there are free places
	places   []int      // free ones
	takers   []chan int // of calls in flight that need another place, in order; they come before the queue
	flying   int        // calls that have a place
	reserved int        // calls with room that are not in the queue yet
	blocked  []*blocked // waiting for room, in order
	killed   bool       // Close began: nothing is queued any more
	hurried  bool       // Shutdown's ctx ended: nobody waits any more
	broken   error      // why nothing is queued any more; see Break
}

// item is what the near side knows of a call, from before Accept until it is
// settled.
type item struct {
	call     registry.Call
	in       []byte
	accepted bool        // Accept has returned true: Cancel may be called
	running  bool        // from Start until it is settled or pauses
	gone     bool        // withdrawn: to be dropped wherever it stands
	pause    *time.Timer // between two attempts
}

type blocked struct {
	wake    chan struct{} // closed when granted, or when nobody gets room any more
	granted bool
}

var _ potok.Executor = (*Executor)(nil)

// New returns an Executor with this configuration. None of its places is free until Free says so.
func New(c Config) *Executor {
	x := &Executor{config: c, items: make(map[registry.Call]*item)}
	x.host = registry.Host{Name: c.Name, Ledger: &x.ledger, Observer: c.Observer, Withdrawn: x.withdrawn}
	return x
}

// Free gives a place to the next call.
func (x *Executor) Free(place int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.places = append(x.places, place)
	x.kickLocked()
}

// land is the end of a flight.
func (x *Executor) land(place int, free bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.flying--
	if free {
		x.places = append(x.places, place)
		x.kickLocked()
	}
}

// Lose takes back a place that was free. False: a call has it.
func (x *Executor) Lose(place int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, p := range x.places {
		if p == place {
			x.places = append(x.places[:i], x.places[i+1:]...)
			return true
		}
	}
	return false
}

// Take waits for a free place, for a call in flight whose own place is good for nothing. Who takes it gives it Free. It
// returns an error when ctx ends first, and when nothing runs any more.
func (x *Executor) Take(ctx context.Context) (place int, err error) {
	given := make(chan int, 1)
	x.mu.Lock()
	broken := x.broken
	if broken == nil {
		x.takers = append(x.takers, given)
		x.kickLocked()
	}
	x.mu.Unlock()
	if broken != nil {
		return 0, broken
	}
	select {
	case place, ok := <-given:
		if !ok {
			return 0, x.why()
		}
		return place, nil
	case <-ctx.Done():
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, t := range x.takers {
		if t == given {
			x.takers = append(x.takers[:i:i], x.takers[i+1:]...)
			return 0, registry.ContextError(ctx)
		}
	}
	if place, ok := <-given; ok { // it was given meanwhile, or closed: this does not block
		x.places = append(x.places, place)
		x.kickLocked()
	}
	return 0, registry.ContextError(ctx)
}

func (x *Executor) why() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.broken
}

// Break fails what is queued, and what comes, with this error.
func (x *Executor) Break(err error) {
	x.mu.Lock()
	x.broken = err
	queue := x.queue
	x.queue = nil
	for _, t := range x.takers {
		close(t)
	}
	x.takers = nil
	x.mu.Unlock()
	x.refuseBlocked()
	for _, it := range queue {
		x.refuse(it, err)
	}
}

// refuse fails a queued call that cannot start.
func (x *Executor) refuse(it *item, err error) {
	if it.call.Refuse(err) {
		x.mu.Lock()
		delete(x.items, it.call)
		x.mu.Unlock()
	}
}

// Dispatch accepts the calls of a Task, or settles them. It blocks while the
// backlog is full.
func (x *Executor) Dispatch(calls registry.Batch) {
	for i := range calls.Len() {
		x.dispatch(calls.At(i))
	}
}

func (x *Executor) dispatch(c registry.Call) {
	reserved := x.reserve(c.Context())
	// Encoded here and now, by the caller: once accepted the call may be cancelled
	// and its argument dropped at any moment, until it has started.
	in, err := x.config.Encode(c)
	it := &item{call: c, in: in}
	x.mu.Lock()
	x.items[c] = it // before Accept, as Withdrawn may be told before it returns
	x.mu.Unlock()
	accepted := c.Accept(&x.host)
	x.mu.Lock()
	if reserved {
		x.reserved--
	}
	it.accepted = accepted
	if !accepted {
		delete(x.items, c)
	}
	if err == nil {
		x.pushLocked(it)
	}
	late := x.killed && accepted && !it.gone
	if err == nil {
		err = x.broken
	}
	x.mu.Unlock()
	switch {
	case !accepted:
	case late:
		c.Cancel(potok.ErrClosed)
	case err != nil:
		x.refuse(it, err)
	}
}

// pushLocked queues an accepted call, unless it has been withdrawn meanwhile or
// nothing is queued any more. The caller holds mu.
func (x *Executor) pushLocked(it *item) {
	if it.accepted && !it.gone && !x.killed && x.broken == nil {
		x.queue = append(x.queue, it)
	}
	x.kickLocked()
}

// kickLocked starts queued calls on free places and then gives room to who waits
// for it. Close waits for the flights. The caller holds mu.
func (x *Executor) kickLocked() {
	for len(x.places) > 0 && len(x.takers) > 0 {
		last := len(x.places) - 1
		x.takers[0] <- x.places[last] // has room for it
		x.takers, x.places = x.takers[1:], x.places[:last]
	}
	for len(x.places) > 0 && len(x.queue) > 0 {
		it, place := x.queue[0], x.places[len(x.places)-1]
		x.queue, x.places = x.queue[1:], x.places[:len(x.places)-1]
		x.flying++
		x.flights.Go(func() { x.fly(it, place) })
	}
	for len(x.blocked) > 0 && x.roomLocked() {
		x.reserved++
		x.blocked[0].granted = true
		x.unblockLocked(0)
	}
}

// roomLocked says whether one more call may be taken: into the backlog, or past
// it to a free place. The caller holds mu.
func (x *Executor) roomLocked() bool {
	return x.config.Backlog < 0 || len(x.queue)+x.reserved < x.config.Backlog+len(x.places)
}

func (x *Executor) unblockLocked(i int) {
	close(x.blocked[i].wake)
	x.blocked = append(x.blocked[:i], x.blocked[i+1:]...)
}

// reserve waits for room and says whether it was given. Without it Accept will
// refuse the call, because ctx has ended or the executor takes no more.
func (x *Executor) reserve(ctx context.Context) bool {
	x.mu.Lock()
	if ctx.Err() != nil || x.broken != nil || x.ledger.Draining() || x.ledger.Closed() {
		x.mu.Unlock()
		return false
	}
	if len(x.blocked) == 0 && x.roomLocked() {
		x.reserved++
		x.mu.Unlock()
		return true
	}
	b := &blocked{wake: make(chan struct{})}
	x.blocked = append(x.blocked, b)
	x.mu.Unlock()
	_ = potok.Lend(ctx, func() error {
		select {
		case <-b.wake:
		case <-ctx.Done():
		}
		return nil
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, other := range x.blocked {
		if other == b {
			x.unblockLocked(i)
		}
	}
	return b.granted
}

// refuseBlocked wakes all who wait for room: Accept refuses them.
func (x *Executor) refuseBlocked() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.blocked) > 0 {
		x.unblockLocked(0)
	}
}

// fly takes a call through one attempt.
func (x *Executor) fly(it *item, place int) {
	free, runs, err := true, true, potok.ErrGoexit // an observer may end this goroutine inside Start
	defer func() {
		x.land(place, free)
		if runs {
			x.settle(it, err)
		}
	}()
	ctx, ok := it.call.Start(x.config.Worker(place))
	if !ok {
		runs = false
		return
	}
	x.mu.Lock()
	it.running = true
	late := x.killed // and kill may have seen it as one that does not run yet
	x.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	}
	free, err = x.config.Carry(ctx, it.call, it.in, place)
}

// settle ends the attempt.
func (x *Executor) settle(it *item, err error) {
	done := true // Settle does not return if a callback ends this goroutine
	defer func() {
		if done {
			x.mu.Lock()
			delete(x.items, it.call)
			x.mu.Unlock()
		}
	}()
	if delay, again := it.call.Settle(err); again {
		done = false
		x.rest(it, delay)
	}
}

// rest lets the call wait for its next attempt.
func (x *Executor) rest(it *item, delay time.Duration) {
	x.mu.Lock()
	it.running = false
	late := x.killed && !it.gone
	if !x.killed && !it.gone {
		x.flights.Add(1)
		it.pause = time.AfterFunc(delay, func() {
			defer x.flights.Done()
			x.requeue(it)
		})
	}
	x.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	}
}

func (x *Executor) requeue(it *item) {
	if !it.call.Requeue() {
		return
	}
	x.mu.Lock()
	it.pause = nil
	x.pushLocked(it)
	late := x.killed && !it.gone
	broken := x.broken
	x.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	} else if broken != nil {
		x.refuse(it, broken)
	}
}

// withdrawn is told of a call that leaves without a start: its room is free.
func (x *Executor) withdrawn(c registry.Call) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := x.items[c]
	if it == nil {
		return
	}
	it.gone = true
	delete(x.items, c)
	if it.pause != nil && it.pause.Stop() {
		x.flights.Done()
	}
	for i, queued := range x.queue {
		if queued == it {
			x.queue = append(x.queue[:i:i], x.queue[i+1:]...)
			break
		}
	}
	x.kickLocked()
}
