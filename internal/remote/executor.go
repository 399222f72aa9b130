package remote

import (
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// A Config says what is particular to an executor.
type Config struct {
	Places   int // how many calls may run at once; a Group says it by itself
	Backlog  int // how many may be queued; -1: any number
	Name     string
	Observer any // a potok.Observer, or nil

	// Encode turns a call's argument into bytes. It is called by whoever submits.
	Encode func(c registry.Call) ([]byte, error)

	// Worker names a place for observers.
	Worker func(place int) string

	// Ahead lets calls be sent to a worker before it has ended the one that runs: it needs a Carrier whose Withdraw may
	// return true. With an Observer, who is told when a call starts, and with a Backlog, which counts what has not, no call
	// is sent ahead.
	Ahead bool

	// ChunkTime is how long the items of a Chunk should take together, at least; 0: as short as is worth it on one machine.
	ChunkTime time.Duration
}

// An Executor is the near side of an executor whose calls run elsewhere. It is made by New. All methods are safe for
// concurrent use.
//
//	Dispatch ─► room? ─► Accept ─► queue ─► lane ─► Start or Began ─► Take ─► Settle
//	                                 ▲  ▲     │ the worker died,                │
//	                                 │  └─────┘ or another has nothing to do    │
//	                                 └──── Requeue ◄──── pause ◄────────────────┘ again
//
// A Lane is a worker as the Executor sees it, and a Group many workers who share the calls out among themselves. Whoever makes a call or a lane free deals calls out, with mu held, and
// flushes the lanes that got some when he has let it go.
type Executor struct {
	config  Config
	host    registry.Host
	ledger  registry.Ledger
	flights sync.WaitGroup // goroutines of starts, of callbacks and of pauses; Close waits for them

	mu       sync.Mutex  // guards the fields below, and those of items and lanes; never held while blocking
	items    *Item       // all that are accepted, or about to be, and not settled
	queue    fifo        // accepted and on no lane; empty if there are idle lanes
	idle     []*Lane     // lanes without calls; and some that are not idle any more, see idleLaneLocked
	lanes    []*Lane     // open ones
	busy     int         // lanes with calls
	group    *Group      // in place of lanes; nil: none
	ahead    int         // calls on lanes that stand behind another
	reserved int         // calls with room that are not in the queue yet
	blocked  []*blocked  // waiting for room, in order
	watch    *time.Timer // divides chunks; nil: never needed so far
	watching bool        // it runs
	killed   bool        // Close began: nothing is queued any more
	hurried  bool        // Shutdown's ctx ended: nobody waits any more
	broken   error       // why nothing is queued any more; see Break
}

var _ potok.Executor = (*Executor)(nil)

// New returns an Executor with this configuration. Calls are queued until a lane is there, see NewLane.
func New(c Config) *Executor {
	x := &Executor{config: c}
	x.config.Ahead = c.Ahead && c.Observer == nil && c.Backlog < 0
	x.host = registry.Host{
		Name: c.Name, Ledger: &x.ledger, Observer: c.Observer,
		Withdraw:  func(ticket any) bool { return x.withdraw(ticket.(*Item)) },
		Withdrawn: func(ticket any) { x.withdrawn(ticket.(*Item)) },
		Ended:     func(ticket any) { x.ended(ticket.(*Item)) },
		Aside:     func(run func()) { x.flights.Go(run) },
	}
	return x
}

// Break fails what is queued, and what comes, with this error. The first one stays.
func (x *Executor) Break(err error) {
	x.mu.Lock()
	if x.broken == nil {
		x.broken = err
	}
	err = x.broken
	queue := x.queue.take(func(*Item) bool { return true })
	x.mu.Unlock()
	x.refuseBlocked()
	for _, it := range queue {
		x.refuse(it, err)
	}
}

// refuse fails a call that is on no lane and cannot start, or not again.
func (x *Executor) refuse(it *Item, err error) {
	x.mu.Lock()
	started := it.started
	x.mu.Unlock()
	switch {
	case started: // its worker died before it had begun there
		x.settle(it, err)
	case it.Call.Refuse(err):
		x.forget(it)
	}
}

// Dispatch accepts the calls of a Task, or settles them. It blocks while the
// backlog is full.
func (x *Executor) Dispatch(calls registry.Batch) {
	var f flush
	defer func() { f.do() }() // also when a marshaler ends this goroutine
	for i := range calls.Len() {
		x.dispatch(calls.At(i), calls.Len() > 1, &f)
		// Often at first, as nobody has something to do yet; and always where the next
		// one may block.
		if n := i + 1; n&(n-1) == 0 || n%64 == 0 || x.config.Backlog >= 0 {
			f.do()
			f = flush{}
		}
	}
}

func (x *Executor) dispatch(c registry.Call, many bool, f *flush) {
	ctx := c.Context()
	reserved := x.reserve(ctx)
	// Encoded here and now, by the caller: once accepted the call may be cancelled
	// and its argument dropped at any moment, until it has started.
	in, err := x.config.Encode(c)
	it := &Item{Call: c, Chunk: chunkOf(c), Many: many, In: in, over: ctx.Done()}
	it.deadline, _ = ctx.Deadline()
	x.mu.Lock()
	x.listLocked(it) // before Accept: a call may be cancelled before that returns
	x.mu.Unlock()
	accepted := c.Accept(&x.host, it)
	if accepted {
		it.plain = c.Plain()
	}
	x.mu.Lock()
	if reserved {
		x.reserved--
	}
	it.accepted = accepted
	if !accepted {
		x.unlistLocked(it)
	}
	if err == nil {
		x.pushLocked(it)
	}
	x.dealInto(f)
	late := x.killed && accepted && !it.gone
	broken := x.broken
	x.mu.Unlock()
	switch {
	case !accepted:
	case late:
		c.Cancel(potok.ErrClosed)
	case broken != nil:
		x.refuse(it, broken)
	case err != nil:
		x.singly(it, err)
	}
}

// pushLocked queues an accepted call, unless it has been withdrawn meanwhile or
// nothing is queued any more. The caller holds mu.
func (x *Executor) pushLocked(it *Item) {
	if it.accepted && !it.gone && !x.killed && x.broken == nil {
		x.queue.push(it)
	}
}
