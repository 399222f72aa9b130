package exectest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/wire"
)

// A Wire is an Executor that turns every argument, result and error into bytes
// and back, and runs the calls on a far side that shares nothing else with it.
// It is the smallest third executor: made of internal/registry alone, without a
// Pool inside, and so the proof that the contract can be fulfilled from outside
// of root. It is made by NewWire. All methods are safe for concurrent use.
//
//	Dispatch ─► room? ─► Accept ─► queue ─► place ─► Start ─► far side ─► Settle
//	                                 ▲                                      │
//	                                 └───────── Requeue ◄── pause ◄─────────┘ again
//
// A call in flight has a goroutine of its own, which gives the place to the next
// call before it settles its own: callbacks run inside Settle, and may wait for
// a call that needs the place.
type Wire struct {
	host    registry.Host
	ledger  registry.Ledger
	size    int
	backlog int            // -1: no limit
	flights sync.WaitGroup // goroutines of calls and of pauses; Close waits for them

	mu       sync.Mutex // guards the fields below; never held while blocking
	items    map[registry.Call]*item
	queue    []*item    // accepted and not started; empty if there are free places
	places   []int      // free ones, len(places) <= size
	reserved int        // calls with room that are not in the queue yet
	blocked  []*blocked // waiting for room, in order
	killed   bool       // Close began: nothing is queued any more
	hurried  bool       // Shutdown's ctx ended: nobody waits any more
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

var _ potok.Executor = (*Wire)(nil)

// NewWire returns a Wire with this many places, at least one.
func NewWire(workers int, settings ...Setting) *Wire {
	s := Collect(settings...)
	w := &Wire{size: workers, backlog: s.Backlog, items: make(map[registry.Call]*item)}
	w.host = registry.Host{Name: s.Name, Ledger: &w.ledger, Withdrawn: w.withdrawn}
	if s.Observer != nil {
		w.host.Observer = *s.Observer
	}
	for i := workers; i > 0; i-- {
		w.places = append(w.places, i-1)
	}
	return w
}

// Dispatch accepts the calls of a Task, or settles them. It blocks while the
// backlog is full.
func (w *Wire) Dispatch(calls registry.Batch) {
	for i := range calls.Len() {
		w.dispatch(calls.At(i))
	}
}

func (w *Wire) dispatch(c registry.Call) {
	reserved := w.reserve(c.Context())
	// Encoded here and now, by the caller: once accepted the call may be cancelled
	// and its argument dropped at any moment, until it has started.
	in, err := encode(c)
	it := &item{call: c, in: in}
	w.mu.Lock()
	w.items[c] = it // before Accept, as Withdrawn may be told before it returns
	w.mu.Unlock()
	accepted := c.Accept(&w.host)
	w.mu.Lock()
	if reserved {
		w.reserved--
	}
	it.accepted = accepted
	if !accepted {
		delete(w.items, c)
	}
	if err == nil {
		w.pushLocked(it)
	}
	late := w.killed && accepted && !it.gone
	w.mu.Unlock()
	switch {
	case !accepted:
	case late:
		c.Cancel(potok.ErrClosed)
	case err != nil:
		c.Refuse(fmt.Errorf("exectest: task %s: %w", c.Task().Name, err))
	}
}

// encode makes bytes of the argument. It also fails where the result could not
// be sent: better before the task has run than after.
func encode(c registry.Call) ([]byte, error) {
	if err := wire.CheckTask(c.Task()); err != nil {
		return nil, err
	}
	return wire.Append(nil, c.In())
}

// pushLocked queues an accepted call, unless it has been withdrawn meanwhile or
// nothing is queued any more. The caller holds mu.
func (w *Wire) pushLocked(it *item) {
	if it.accepted && !it.gone && !w.killed {
		w.queue = append(w.queue, it)
	}
	w.kickLocked()
}

// kickLocked starts queued calls on free places and then gives room to who waits
// for it. Close waits for the flights. The caller holds mu.
func (w *Wire) kickLocked() {
	for len(w.places) > 0 && len(w.queue) > 0 {
		it, place := w.queue[0], w.places[len(w.places)-1]
		w.queue, w.places = w.queue[1:], w.places[:len(w.places)-1]
		w.flights.Go(func() { w.fly(it, place) })
	}
	for len(w.blocked) > 0 && w.roomLocked() {
		w.reserved++
		w.blocked[0].granted = true
		w.unblockLocked(0)
	}
}

// roomLocked says whether one more call may be taken: into the backlog, or past
// it to a free place. The caller holds mu.
func (w *Wire) roomLocked() bool {
	return w.backlog < 0 || len(w.queue)+w.reserved < w.backlog+len(w.places)
}

func (w *Wire) unblockLocked(i int) {
	close(w.blocked[i].wake)
	w.blocked = append(w.blocked[:i], w.blocked[i+1:]...)
}

// reserve waits for room and says whether it was given. Without it Accept will
// refuse the call, because ctx has ended or the executor takes no more.
func (w *Wire) reserve(ctx context.Context) bool {
	w.mu.Lock()
	if ctx.Err() != nil || w.ledger.Draining() || w.ledger.Closed() {
		w.mu.Unlock()
		return false
	}
	if len(w.blocked) == 0 && w.roomLocked() {
		w.reserved++
		w.mu.Unlock()
		return true
	}
	b := &blocked{wake: make(chan struct{})}
	w.blocked = append(w.blocked, b)
	w.mu.Unlock()
	_ = potok.Lend(ctx, func() error {
		select {
		case <-b.wake:
		case <-ctx.Done():
		}
		return nil
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.blocked {
		if other == b {
			w.unblockLocked(i)
		}
	}
	return b.granted
}

// refuseBlocked wakes all who wait for room: Accept refuses them.
func (w *Wire) refuseBlocked() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.blocked) > 0 {
		w.unblockLocked(0)
	}
}

// fly takes a call through one attempt.
func (w *Wire) fly(it *item, place int) {
	runs, err := true, potok.ErrGoexit // an observer may end this goroutine inside Start
	defer func() {
		w.vacate(place)
		if runs {
			w.settle(it, err)
		}
	}()
	ctx, ok := it.call.Start(w.workerName(place))
	if !ok {
		runs = false
		return
	}
	w.mu.Lock()
	it.running = true
	late := w.killed // and kill may have seen it as one that does not run yet
	w.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	}
	err = carry(ctx, it.call, it.in)
}

// settle ends the attempt.
func (w *Wire) settle(it *item, err error) {
	done := true // Settle does not return if a callback ends this goroutine
	defer func() {
		if done {
			w.mu.Lock()
			delete(w.items, it.call)
			w.mu.Unlock()
		}
	}()
	if delay, again := it.call.Settle(err); again {
		done = false
		w.rest(it, delay)
	}
}

// carry sends the call over and waits for the answer.
func carry(ctx context.Context, c registry.Call, in []byte) error {
	call := callFrame{Task: c.Task().Name}
	if d, ok := ctx.Deadline(); ok {
		call.Remains = max(1, time.Until(d))
	}
	l := newLine()
	go l.serve() // it answers, and carry waits for that
	l.toFar <- pack(call, in)
	unwatch := context.AfterFunc(ctx, func() {
		// Both the Err and the cause, so that a task that returns its context's
		// cause returns an error that is known for its context's here.
		l.toFar <- pack(endFrame{packError(registry.ContextError(ctx))}, nil)
	})
	var a answerFrame
	out := unpack(<-l.toNear, &a)
	unwatch()
	if len(out) > 0 { // after a panic there is none
		if err := wire.Decode(out, c.Out()); err != nil {
			return potok.Permanent(fmt.Errorf("exectest: the result of %s: %w", c.Task().Name, err))
		}
	}
	return unpackError(a.Err)
}

// vacate gives the place to the next call.
func (w *Wire) vacate(place int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.places = append(w.places, place)
	w.kickLocked()
}

// rest lets the call wait for its next attempt.
func (w *Wire) rest(it *item, delay time.Duration) {
	w.mu.Lock()
	it.running = false
	late := w.killed && !it.gone
	if !w.killed && !it.gone {
		w.flights.Add(1)
		it.pause = time.AfterFunc(delay, func() {
			defer w.flights.Done()
			w.requeue(it)
		})
	}
	w.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	}
}

func (w *Wire) requeue(it *item) {
	if !it.call.Requeue() {
		return
	}
	w.mu.Lock()
	it.pause = nil
	w.pushLocked(it)
	late := w.killed && !it.gone
	w.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
	}
}

// withdrawn is told of a call that leaves without a start: its room is free.
func (w *Wire) withdrawn(c registry.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	it := w.items[c]
	if it == nil {
		return
	}
	it.gone = true
	delete(w.items, c)
	if it.pause != nil && it.pause.Stop() {
		w.flights.Done()
	}
	for i, queued := range w.queue {
		if queued == it {
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			break
		}
	}
	w.kickLocked()
}

func (w *Wire) workerName(place int) string { return "wire/" + strconv.Itoa(place) }
