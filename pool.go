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
	killed   atomic.Bool  // Close began: contexts of running calls have ended
	wanted   atomic.Int32 // len(returners): workers look at it between calls
	maxBatch int

	// mu guards the fields below and the lending and scopes of the pool's calls;
	// never held while blocking or while code of the user's runs. The ledger's
	// own lock may be taken under it, nothing else.
	mu        sync.Mutex
	queue     jobQueue
	queued    int         // with a backlog: calls in queue that can still run, <= backlog
	dead      int         // calls in queue that were cancelled
	blocked   blockedList // submitters waiting for room; empty unless queued >= backlog
	free      int         // places nobody holds; 0 <= free <= size
	lent      int         // places lent by calls that wait
	returners []*parking  // waits that are over but for the place; empty unless free == 0
	idle      *worker     // stack of parked workers
	idling    int         // its length, < = size
	waking    bool        // a worker was woken or started and has not looked at the queue yet
	workers   []*worker   // by index; an entry outlives its goroutine and is used again
	spare     []*worker   // of those, without a goroutine
	alive     int         // goroutines
	batched   *worker     // list of workers whose batch may hold calls not started
	last      *scope      // the scope used last
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
	p.plain = &scope{host: &p.host, pool: p, ctx: context.Background()}
	for _, o := range opts {
		o.apply(p)
	}
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
	sums := p.ledger.Sum()
	p.mu.Lock()
	lent, held := p.lent, p.size-p.free
	p.mu.Unlock()
	return Stats{
		Workers:   p.size,
		Idle:      p.size - held,
		Queued:    sums.Queued,
		Running:   max(0, sums.Running-lent),
		Waiting:   sums.Waiting + lent,
		Succeeded: sums.Succeeded,
		Failed:    sums.Failed,
		Cancelled: sums.Cancelled,
		Unread:    sums.Unread,
	}
}

// Wait blocks until nothing is queued, running or between two attempts, and
// every callback has run. It takes nothing from the pool, which stays usable.
// Inside a call it does not wait for that call, nor for others that wait like
// this, and lends the call's place. When ctx ends first it returns an error that
// matches ctx's. It is safe for concurrent use.
func (p *Pool) Wait(ctx context.Context) error {
	return p.settleDown(ctx, p.ledger.Wait)
}

// Shutdown takes no more calls, but from calls that still run, and blocks until
// all is done; then the workers are gone. Inside a call it waits for the others,
// as Wait does. When ctx ends first it cancels the rest as Close does, waits for
// nobody, and returns an error that matches ctx's. Of several Shutdowns and
// Closes each keeps its own promise. It is safe for concurrent use.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.ledger.BeginDrain()
	p.refuseBlocked()
	err := p.settleDown(ctx, p.ledger.Drain)
	if err != nil {
		p.mu.Lock()
		p.hurried = true
		p.unlock()
		p.kill()
		return err
	}
	p.stop(ctx)
	return nil
}

// Close takes no more calls, cancels what is queued and between two attempts,
// ends the contexts of running calls with cause ErrClosed, and blocks until the
// workers are gone. Inside a call, also in its callbacks and observers, it waits
// for the others only; there it is known by the goroutine it is called on, so
// from a goroutine that a call started it waits for the call too. It may be
// called any number of times. After a Shutdown whose ctx ended it does not wait
// and its error says how many calls still run; else it returns nil. It is safe
// for concurrent use.
func (p *Pool) Close() error {
	p.kill()
	p.flush()
	p.mu.Lock()
	hurried := p.hurried
	p.mu.Unlock()
	if n := p.ledger.Open(); hurried && n > 0 {
		return fmt.Errorf("potok: %d calls still run: %w", n, ErrClosed)
	}
	ctx := context.Background()
	if c := p.carried(); c != nil {
		ctx = c // a place to lend
	}
	ctx = context.WithoutCancel(ctx)
	err := p.settleDown(ctx, p.ledger.Wait)
	p.stop(ctx)
	return err
}

// settleDown waits for the ledger with the place of the enclosing call lent.
func (p *Pool) settleDown(ctx context.Context, wait func(context.Context) error) error {
	p.flush()
	return Lend(ctx, func() error { return wait(ctx) })
}

// stop lets the workers go, when all calls are done, and waits until they are
// gone, unless the caller stands on one of them.
func (p *Pool) stop(ctx context.Context) {
	p.mu.Lock()
	if !p.stopping {
		p.stopping = true
		p.wakeIdleLocked()
		p.quietLocked()
	}
	p.endWatchesLocked()
	p.unlock()
	if !p.ledger.Inside(ctx) {
		<-p.quiet // they have nothing to do but to go
	}
}

// kill is Close without the waiting.
func (p *Pool) kill() {
	p.ledger.Shut()
	p.refuseBlocked()
	p.killed.Store(true)
	for _, x := range p.takeLive() {
		x.call.interrupt(ErrClosed)
	}
	p.mu.Lock()
	p.swept = true
	calls := p.sweepLocked()
	p.stopping = true
	p.wakeIdleLocked()
	p.quietLocked()
	p.endWatchesLocked()
	p.unlock()
	p.expireAll(calls, errCancelledByClose)
}

// sweepLocked returns every call that does not run. The caller holds mu.
func (p *Pool) sweepLocked() []*call {
	var calls []*call
	add := func(j job) {
		if c := j.base(); c.phase() == phasePending {
			calls = append(calls, c)
		}
	}
	p.queue.each(add)
	for _, w := range p.workers {
		if w.hand != nil {
			add(w.hand)
		}
	}
	for w := p.batched; w != nil; w = w.nextBatched {
		for _, j := range w.restLocked() {
			add(j)
		}
	}
	for c := range p.waiting {
		calls = append(calls, c)
	}
	return calls
}

// expireAll cancels those of the calls that do not run. What their callbacks wait
// for in the pool is not those of the list that come later: this goroutine
// carries them all.
func (p *Pool) expireAll(calls []*call, why *cancelledError) {
	if len(calls) == 0 {
		return
	}
	open := calls[:0]
	for _, c := range calls {
		if p := c.phase(); p == phasePending || p == phaseWaiting {
			open = append(open, c)
		}
	}
	p.ledger.Carry(len(open), func(s *registry.Seat) { expireAll(s, open, why) })
}

func expireAll(s *registry.Seat, calls []*call, why *cancelledError) {
	returned := true
	defer func() {
		if !returned { // a callback ends this goroutine, but not the list
			expireAll(s, calls, why)
		}
	}()
	for len(calls) > 0 {
		c := calls[0]
		calls = calls[1:]
		s.Calls-- // settling, it is carried once more for as long as that takes
		returned = false
		c.expire(why)
		returned = true
	}
}

// withdrawn is told of a call that left the queue, or the wait between two
// attempts, without a start.
func (p *Pool) withdrawn(c *call) {
	p.mu.Lock()
	c.scope.unlinkLocked(c)
	if _, was := p.waiting[c]; was {
		delete(p.waiting, c)
		if c.extend().retry.Stop() {
			p.helperGoneLocked()
		}
	}
	if c.worker == inQueue {
		c.worker = 0
		p.dead++
		if p.backlog >= 0 {
			p.queued--
			p.admitLocked()
		}
		if p.dead > 1024 && p.dead > p.queue.n/2 {
			p.queue.compact()
			p.dead = 0
		}
	}
	p.unlock()
}

// unlock gives mu up and does what could not be done under it.
func (p *Pool) unlock() {
	after := p.after
	p.after = nil
	p.mu.Unlock()
	for _, fn := range after {
		fn()
	}
}

// endWatchesLocked ends the watches of all contexts. The caller holds mu.
func (p *Pool) endWatchesLocked() {
	p.last = nil
	for _, s := range p.scopes {
		p.retireLocked(s)
	}
}

// helperGoneLocked counts a watch or a timer less. The caller holds mu.
func (p *Pool) helperGoneLocked() {
	p.helpers--
	p.quietLocked()
}

// quietLocked closes quiet once nothing of the pool runs. The caller holds mu.
func (p *Pool) quietLocked() {
	if p.stopping && p.alive == 0 && p.helpers == 0 {
		select {
		case <-p.quiet:
		default:
			close(p.quiet)
		}
	}
}

// flush makes the ledger know what the workers have finished.
func (p *Pool) flush() {
	p.mu.Lock()
	workers := p.workers
	p.mu.Unlock()
	for _, w := range workers {
		w.flush()
	}
}

// carried returns the call that runs on this goroutine, or nil.
func (p *Pool) carried() *call {
	c, _ := p.ledger.Carried().(*call)
	return c
}

// addLive notes that a running call has a context to end. False: Close began.
func (p *Pool) addLive(x *extension) bool {
	p.live.Lock()
	defer p.live.Unlock()
	if p.live.closed {
		return false
	}
	x.isLive = true
	x.nextLive = p.live.head
	if x.nextLive != nil {
		x.nextLive.prevLive = x
	}
	p.live.head = x
	return true
}

// dropLive takes it back.
func (p *Pool) dropLive(x *extension) {
	p.live.Lock()
	defer p.live.Unlock()
	if !x.isLive {
		return
	}
	x.isLive = false
	if x.prevLive != nil {
		x.prevLive.nextLive = x.nextLive
	} else {
		p.live.head = x.nextLive
	}
	if x.nextLive != nil {
		x.nextLive.prevLive = x.prevLive
	}
	x.nextLive, x.prevLive = nil, nil
}

// takeLive returns all of them; from now on there are none.
func (p *Pool) takeLive() []*extension {
	p.live.Lock()
	defer p.live.Unlock()
	p.live.closed = true
	var all []*extension
	for x := p.live.head; x != nil; x = x.nextLive {
		all = append(all, x)
	}
	return all
}
