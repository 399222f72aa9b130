package potok

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/potok-go/potok/internal/registry"
)

// A Pool is an Executor on goroutines of this process. At most as many calls
// run at once as it has workers; the others wait in order of submission. A call
// that waits for others lends its place meanwhile, so calls may submit calls to
// their own pool and wait for them, however deep and on one worker too.
//
// Workers start when there is work for them and stay until Shutdown or Close;
// an idle pool uses no CPU. All methods are safe for concurrent use. A Pool is
// made by NewPool; the zero value is of no use.
type Pool struct {
	host     registry.Host // whose Ledger counts the calls
	ledger   registry.Ledger
	size     int  // workers asked for: places
	backlog  int  // at most so many queued; -1: no limit
	refuse   bool // a call that finds no room fails
	plain    *scope
	killed   atomic.Bool   // Close began: contexts of running calls have ended
	wanted   atomic.Int32  // len(returners): workers look at it between calls
	submits  atomic.Uint64 // changes with every call submitted to a pool of one worker; see mayGrow
	quick    bool          // no call needs a look of its own: there is no backlog and no observer
	maxBatch int
	_        cacheLine // what is above is read by all the time, what is below written

	resultWait atomic.Pointer[resultWait] // one for the next wait for a call

	in inbox
	_  cacheLine

	// mu guards the fields below and the lending and scopes of the pool's calls;
	// never held while blocking or while code of the user's runs. The locks of the
	// inbox and of the ledger may be taken under it, in this order, and no other.
	mu        shortMutex
	queue     jobQueue
	queued    int         // with a backlog: calls in queue that can still run; over backlog only by those that come back to it
	dead      int         // calls in queue that were cancelled
	entered   uint64      // calls accepted, ever, but those that the inbox has counted
	credit    int         // entries in the ledger of calls that have left; see creditLocked
	blocked   blockedList // submitters waiting for room; empty unless queued >= backlog
	free      int         // places nobody holds; 0 <= free <= size
	lent      int         // places lent by calls that wait
	returners []*parking  // waits that are over but for the place; empty unless free == 0
	idle      *worker     // stack of parked workers
	idling    int         // its length, <= size
	waking    bool        // a worker was woken or started and has not looked at the queue yet
	workers   []*worker   // by index; an entry outlives its goroutine and is used again
	spare     []*worker   // of those, without a goroutine
	alive     int         // goroutines
	batched   *worker     // list of workers whose batch may hold calls not started
	ahead     []*chunk    // what others have left of chunks, before all of queue; the last goes first
	chunks    *chunk      // list of the chunks that are not over
	spares    *chunk      // list of those that run and may have items not started
	scopes    map[context.Context]*scope
	after     []func()      // to be done by unlock, once mu is free
	waiting   map[*call]job // calls between two attempts
	helpers   int           // watches and timers that may still run
	swept     bool          // Close took what was queued: nothing is queued any more
	stopping  bool          // workers without work go
	hurried   bool          // Shutdown's ctx ended: nobody waits for the workers
	quiet     chan struct{} // closed when stopping and alive == 0 and helpers == 0

	live struct {
		sync.Mutex            // guards head; never held while blocking
		head       *extension // of running calls that asked for their Done
		closed     bool
	}
}

// PoolOption is an option of NewPool.
type PoolOption interface{ apply(*Pool) }

type poolOption func(*Pool)

func (o poolOption) apply(p *Pool) { o(p) }

// WithBacklog lets at most n calls wait in the queue. Submit then blocks until
// there is room or its ctx ends. With n = 0 nothing waits: Submit hands over to
// a free worker. Without this option the queue has no limit. Negative n panics.
func WithBacklog(n int) PoolOption {
	if n < 0 {
		panic("potok: WithBacklog: negative backlog")
	}
	return poolOption(func(p *Pool) { p.backlog = n })
}

// RefuseWhenFull makes Submit, beside WithBacklog, return a future that has
// Failed with ErrFull, at once, where it would block. Map, MapSlice and Each
// wait for room all the same.
func RefuseWhenFull() PoolOption {
	return poolOption(func(p *Pool) { p.refuse = true })
}

// WithName names the pool for String, for observers, and for profiles, where
// its workers carry the label "potok".
func WithName(name string) PoolOption {
	return poolOption(func(p *Pool) { p.host.Name = name })
}

// WithObserver makes o watch every call of the pool. Given twice, the last wins.
func WithObserver(o Observer) PoolOption {
	return poolOption(func(p *Pool) { p.host.Observer = o })
}

// NewPool returns a pool with this many workers; 0 stands for GOMAXPROCS. A
// negative number panics. It starts no goroutine and never blocks. Whoever makes
// a pool ends it, by Shutdown or Close.
func NewPool(workers int, opts ...PoolOption) *Pool {
	if workers < 0 {
		panic(fmt.Sprintf("potok: NewPool: %d workers", workers))
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{
		size:     workers,
		free:     workers,
		backlog:  -1,
		maxBatch: maxBatch,
		scopes:   make(map[context.Context]*scope),
		waiting:  make(map[*call]job),
		quiet:    make(chan struct{}),
	}
	p.host.Ledger = &p.ledger
	p.ledger.Watched = p.flush
	p.plain = &scope{host: &p.host, pool: p, ctx: context.Background()}
	for _, o := range opts {
		o.apply(p)
	}
	p.quick = p.backlog < 0 && p.host.Observer == nil
	p.in.hungry.Store(true)
	if p.backlog >= 0 {
		p.maxBatch = 1 // a batch would hide queued calls from the limit
	}
	return p
}

// String names the pool and how many workers it has. It never blocks and is
// safe for concurrent use.
func (p *Pool) String() string {
	if p.host.Name == "" {
		return fmt.Sprintf("Pool(%d workers)", p.size)
	}
	return fmt.Sprintf("Pool(%s, %d workers)", p.host.Name, p.size)
}

// Stats returns how many workers and calls there are in which state. It never
// blocks for long and is safe for concurrent use; the numbers fit together when
// nothing moves meanwhile.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	sums := p.ledger.Sum(p.countLocked)
	lent := p.lent
	if p.backlog >= 0 { // what a worker was given and has not begun is not queued any more
		sums.Running += max(0, sums.Queued-p.queued)
		sums.Queued = min(sums.Queued, p.queued)
	}
	p.mu.Unlock()
	running := max(0, sums.Running-lent)
	return Stats{
		Workers:   p.size,
		Idle:      max(0, p.size-running), // a worker between two calls has none
		Queued:    sums.Queued,
		Running:   running,
		Waiting:   sums.Waiting + lent,
		Succeeded: sums.Succeeded,
		Failed:    sums.Failed,
		Cancelled: sums.Cancelled,
		Unread:    sums.Unread,
	}
}

// countLocked counts what the ledger does not. The caller holds mu.
func (p *Pool) countLocked() (n registry.Uncounted) {
	p.in.mu.Lock()
	n.Entered = p.entered + p.in.entered
	p.in.mu.Unlock()
	for _, w := range p.workers {
		w.countLocked(&n)
	}
	for k := p.chunks; k != nil; k = k.nextLive {
		k.countLocked(&n)
	}
	return n
}

// withdrawn is told of a call that left the queue, or the wait between two
// attempts, without a start.
func (p *Pool) withdrawn(c *call) {
	p.mu.Lock()
	p.fetchLocked()
	p.unlistLocked(c)
	if _, was := p.waiting[c]; was {
		delete(p.waiting, c)
		if c.extend().retry.Stop() {
			p.helperGoneLocked()
		}
	}
	if p.queue.has(c) {
		c.place.move(0)
		p.dead++
		if p.backlog >= 0 {
			p.queued--
		}
		if p.dead > p.queue.n/2 { // so that what they hold is not kept for long
			p.compactLocked()
		}
		p.admitLocked()
	}
	p.unlock()
}

// compactLocked takes the calls out of the queue that were cancelled, or are
// about to be. The caller holds mu.
func (p *Pool) compactLocked() {
	p.in.mu.Lock() // nobody gets a number meanwhile
	defer p.in.mu.Unlock()
	p.empty()
	p.queue.filter(func(j job) bool {
		c := j.base()
		if c.phase() == phasePending {
			return true
		}
		if c.place.queued() { // withdrawn has not come to it yet
			c.place.move(0)
			if p.backlog >= 0 {
				p.queued--
			}
		}
		discard(j)
		return false
	})
	p.in.queue.last = p.queue.last
	p.dead = 0
}

// unlock gives mu up and does what could not be done under it.
func (p *Pool) unlock() {
	if p.hungryLocked() && !p.in.hungry.Load() {
		p.in.hungry.Store(true)
		p.kickLocked() // who has just left a call may not have seen it
	}
	after := p.after
	if after == nil {
		p.mu.Unlock()
		return
	}
	p.after = nil
	p.mu.Unlock()
	for _, fn := range after {
		fn()
	}
}

// endWatchesLocked ends the watches of all contexts. The caller holds mu.
func (p *Pool) endWatchesLocked() {
	p.setLastLocked(nil)
	for _, s := range p.scopes {
		p.retireLocked(s)
	}
}

// helperGoneLocked counts a watch or a timer less. The caller holds mu.
func (p *Pool) helperGoneLocked() {
	p.helpers--
	p.quietLocked()
}
