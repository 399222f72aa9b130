package potok

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// The model of a pool: calls that do what they are told, one operation at a
// time, in a bubble. After each the pool must be where the rules put it.
type model struct {
	t       *testing.T
	r       *rand.Rand
	p       *Pool
	workers int
	backlog int // -1: none

	calls []*modelCall // in order of Submit's beginning
	ctxs  []modelContext

	mu    sync.Mutex // guards order
	order []int      // of starting
}

type modelContext struct {
	ctx    context.Context
	cancel func()
}

type modelCall struct {
	id     int
	ctx    int
	future atomic.Pointer[Future[int]] // nil while Submit blocks
	orders chan func(context.Context) (done bool, err error)
	doing  atomic.Int32 // 1: executes, 2: waits

	promise   *Promise[int] // what it waits for
	cancelled bool          // its ctx has ended or it was cancelled
	told      error         // what it was told to return
	finished  bool          // told so
	callbacks int           // added
	ran       atomic.Int32  // callbacks that ran
}

var errModel = errors.New("model")

func TestThePoolDoesWhatItsModelDoes(t *testing.T) {
	for range 40 {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			m := &model{t: t, r: r, workers: 1 + r.IntN(3), backlog: []int{-1, -1, 0, 2}[r.IntN(4)]}
			var opts []PoolOption
			if m.backlog >= 0 {
				opts = append(opts, WithBacklog(m.backlog))
			}
			m.p = NewPool(m.workers, opts...)
			for range 3 {
				m.ctxs = append(m.ctxs, m.newContext())
			}
			if r.IntN(2) == 0 && m.backlog < 0 {
				for range 500 { // batches grow
					m.p.Go(context.Background(), func(context.Context) error { return nil })
				}
				synctest.Wait()
			}
			for step := range 80 {
				what := m.step()
				synctest.Wait()
				m.check(fmt.Sprintf("seed %d, %d workers, backlog %d, step %d: %s", seed, m.workers, m.backlog, step, what))
				if t.Failed() {
					break
				}
			}
			m.end()
		})
		if t.Failed() {
			return
		}
	}
}

type wrappedContext struct {
	context.Context
	_ []int // not comparable
}

func (m *model) newContext() modelContext {
	ctx, cancel := context.WithCancel(context.Background())
	if m.r.IntN(3) == 0 {
		return modelContext{wrappedContext{Context: ctx}, cancel}
	}
	return modelContext{ctx, cancel}
}

// step does something and says what.
func (m *model) step() string {
	switch op := m.r.IntN(100); {
	case op < 40:
		n := 1 + m.r.IntN(4)
		for range n {
			m.submit()
		}
		return fmt.Sprint("submit ", n)
	case op < 62:
		if c := m.pick(m.executes); c != nil {
			c.finished, c.told = true, []error{nil, errModel}[m.r.IntN(2)]
			c.orders <- func(context.Context) (bool, error) { return true, c.told }
			return fmt.Sprint("finish ", c.id)
		}
	case op < 75:
		if c := m.pick(m.executes); c != nil {
			c.promise = NewPromise[int]()
			c.orders <- func(ctx context.Context) (bool, error) {
				c.doing.Store(2)
				_, err := c.promise.Future().Result(ctx)
				c.doing.Store(1)
				return err != nil, err
			}
			return fmt.Sprint("wait in ", c.id)
		}
	case op < 86:
		if c := m.pick(func(c *modelCall) bool { return c.doing.Load() == 2 && c.promise.Future().State() == Pending }); c != nil {
			c.promise.Resolve(1)
			return fmt.Sprint("resolve for ", c.id)
		}
	case op < 91:
		if c := m.pick(m.unsettled); c != nil {
			c.cancelled = true
			c.future.Load().Cancel()
			return fmt.Sprint("cancel ", c.id)
		}
	case op < 95:
		i := m.r.IntN(len(m.ctxs))
		for _, c := range m.calls {
			if f := c.future.Load(); c.ctx == i && (f == nil || !f.call.settled()) {
				c.cancelled = true
			}
		}
		m.ctxs[i].cancel()
		synctest.Wait()
		for _, c := range m.calls {
			if c.ctx == i {
				c.ctx = -1
			}
		}
		m.ctxs[i] = m.newContext()
		return fmt.Sprint("cancel ctx ", i)
	default:
		if c := m.pick(m.unsettled); c != nil {
			c.callbacks++
			c.future.Load().OnDone(func(*Future[int]) { c.ran.Add(1) })
			return fmt.Sprint("callback of ", c.id)
		}
	}
	return "nothing"
}

func (m *model) submit() {
	c := &modelCall{id: len(m.calls), ctx: m.r.IntN(len(m.ctxs)+1) - 1, orders: make(chan func(context.Context) (bool, error), 1)}
	m.calls = append(m.calls, c)
	ctx := context.Background()
	if c.ctx >= 0 {
		ctx = m.ctxs[c.ctx].ctx
	}
	go func() {
		c.future.Store(Submit(ctx, m.p, func(ctx context.Context) (int, error) {
			m.mu.Lock()
			m.order = append(m.order, c.id)
			m.mu.Unlock()
			c.doing.Store(1)
			defer c.doing.Store(0)
			for {
				select {
				case do := <-c.orders:
					if done, err := do(ctx); done {
						return c.id, err
					}
				case <-ctx.Done():
					return c.id, ctx.Err()
				}
			}
		}))
	}()
	synctest.Wait()
}

func (m *model) pick(which func(*modelCall) bool) *modelCall {
	var cs []*modelCall
	for _, c := range m.calls {
		if c.future.Load() != nil && which(c) {
			cs = append(cs, c)
		}
	}
	if len(cs) == 0 {
		return nil
	}
	return cs[m.r.IntN(len(cs))]
}

func (m *model) executes(c *modelCall) bool  { return c.doing.Load() == 1 && !c.finished }
func (m *model) unsettled(c *modelCall) bool { return !c.future.Load().call.settled() }

// wants says whether the call's wait is over but for its place.
func (m *model) wants(c *modelCall) bool {
	return c.doing.Load() == 2 && (c.cancelled || c.promise.Future().State() != Pending)
}

// check compares the pool with the rules.
func (m *model) check(after string) {
	t := m.t
	var queued, executing, waiting, wanting, blocked int
	counts := map[State]uint64{}
	for _, c := range m.calls {
		f := c.future.Load()
		if f == nil {
			blocked++
			if c.cancelled {
				t.Errorf("%s: Submit of call %d still blocks under a ctx that has ended", after, c.id)
			}
			continue
		}
		s := f.State()
		counts[s]++
		switch {
		case s == Pending:
			queued++
			if c.cancelled {
				t.Errorf("%s: call %d is still queued", after, c.id)
			}
		case s == Running && c.doing.Load() == 1:
			executing++
		case s == Running:
			waiting++
			if m.wants(c) {
				wanting++
			}
		default:
			m.checkSettled(after, c, f)
		}
	}
	if executing > m.workers {
		t.Errorf("%s: %d calls execute", after, executing)
	}
	if executing < m.workers && (queued > 0 || wanting > 0 || blocked > 0) {
		t.Errorf("%s: %d calls execute, though %d are queued, %d want their place and %d Submits block", after, executing, queued, wanting, blocked)
	}
	if m.backlog >= 0 && (queued > m.backlog || queued < m.backlog && blocked > 0) {
		t.Errorf("%s: %d calls are queued, %d Submits block", after, queued, blocked)
	}
	m.mu.Lock()
	if m.workers == 1 && !slices.IsSorted(m.order) {
		t.Errorf("%s: calls started in order %v", after, m.order)
	}
	m.mu.Unlock()
	s := m.p.Stats()
	if s.Queued != queued || s.Running != executing || s.Waiting != waiting || s.Idle != m.workers-executing ||
		s.Failed != counts[Failed] || s.Cancelled != counts[Cancelled] {
		t.Errorf("%s: %+v, but %d queued, %d executing, %d waiting, %v", after, s, queued, executing, waiting, counts)
	}
	m.checkPool(after)
}

func (m *model) checkSettled(after string, c *modelCall, f *Future[int]) {
	_, err := f.Result(context.Background())
	want := Cancelled
	if c.finished && !c.cancelled {
		want = map[bool]State{true: Succeeded, false: Failed}[c.told == nil]
	}
	if c.finished && c.cancelled {
		want = f.State() // told to return and cancelled: either came first
	}
	if f.State() != want || want == Cancelled && !(errors.Is(err, ErrCancelled) && errors.Is(err, context.Canceled)) {
		m.t.Errorf("%s: call %d is %v with %v, want %v", after, c.id, f, err, want)
	}
	if n := int(c.ran.Load()); n != c.callbacks {
		m.t.Errorf("%s: %d of %d callbacks of call %d ran", after, n, c.callbacks, c.id)
	}
}

// checkPool checks the invariants that stand beside the pool's fields.
func (m *model) checkPool(after string) {
	p := m.p
	p.mu.Lock()
	defer p.mu.Unlock()
	inQueue := 0
	dead := 0
	p.fetchLocked()
	p.queue.each(func(j job) {
		inQueue++
		if j.base().settled() {
			dead++
		}
	})
	switch {
	case p.free < 0 || p.free > p.size:
		m.t.Errorf("%s: %d of %d places are free", after, p.free, p.size)
	case len(p.returners) > 0 && p.free > 0:
		m.t.Errorf("%s: %d want a place and %d are free", after, len(p.returners), p.free)
	case int(p.wanted.Load()) != len(p.returners):
		m.t.Errorf("%s: wanted is %d, returners %d", after, p.wanted.Load(), len(p.returners))
	case p.queue.n != inQueue || p.dead != dead:
		m.t.Errorf("%s: the queue has %d jobs, %d dead; its counts say %d, %d", after, inQueue, dead, p.queue.n, p.dead)
	case p.backlog >= 0 && p.queued != inQueue-dead:
		m.t.Errorf("%s: queued is %d, the queue has %d", after, p.queued, inQueue-dead)
	case p.idling > p.size || p.waking:
		m.t.Errorf("%s: %d workers idle, waking %v", after, p.idling, p.waking)
	}
}

// end closes the pool or shuts it down and checks that nothing is left.
func (m *model) end() {
	if m.t.Failed() {
		m.cancelAll()
	}
	if m.r.IntN(2) == 0 {
		for _, c := range m.calls {
			c.cancelled = c.cancelled || c.future.Load() == nil || !c.future.Load().call.settled()
		}
		if err := m.p.Close(); err != nil {
			m.t.Error(err)
		}
	} else {
		down := make(chan error)
		go func() { down <- m.p.Shutdown(context.Background()) }()
		synctest.Wait()
		m.cancelAll()
		if err := <-down; err != nil {
			m.t.Error(err)
		}
	}
	synctest.Wait()
	for _, c := range m.calls {
		if f := c.future.Load(); f == nil || !f.call.settled() {
			m.t.Errorf("call %d has not settled: %v", c.id, f)
		}
	}
	m.p.mu.Lock()
	defer m.p.mu.Unlock()
	if m.p.alive != 0 || m.p.helpers != 0 || m.p.ledger.Open() != 0 || m.p.free != m.p.size || len(m.p.returners) != 0 {
		m.t.Errorf("after the end: %d workers, %d helpers, %d open calls, %d places free, %d returners",
			m.p.alive, m.p.helpers, m.p.ledger.Open(), m.p.free, len(m.p.returners))
	}
	for _, c := range m.ctxs { // only now: none of them was needed
		defer c.cancel()
	}
}

func (m *model) cancelAll() {
	for _, c := range m.calls {
		if f := c.future.Load(); f != nil {
			f.Cancel()
		}
	}
}
