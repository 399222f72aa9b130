package potok_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

var errDied = errors.New("worker died")

// far is an executor that takes Chunks: what a pool of processes is, without the processes. Its workers do at random what
// is allowed: they split chunks, before they begin and in the middle, and die.
type far struct {
	t      testing.TB
	places int
	plain  bool // it takes no Chunks
	host   registry.Host
	ledger registry.Ledger
	work   chan struct{} // one token for whatever is queued
	over   chan struct{} // closed by Close
	wg     sync.WaitGroup

	mu     sync.Mutex // guards the fields below; held during Began and Split, which call nobody
	r      *rand.Rand // nil: nothing is left to chance
	queue  []*ticket
	flying map[*ticket]bool
	closed bool
	chunks []int // how large they were when they were dispatched
	ends   int   // how often Ended was told

	hold   func()                        // in Dispatch, before it accepts
	after  func(k registry.Chunk, i int) // item i is done
	before func(k registry.Chunk)        // it has begun
}

type ticket struct {
	call     registry.Call
	in       any
	began    bool
	asked    bool // Withdraw has said yes
	accepted bool
	told     int // Withdrawn
	ended    int // Ended
	settled  bool
}

func newFar(t testing.TB, places int, seed uint64) *far {
	x := &far{t: t, places: places, over: make(chan struct{}), work: make(chan struct{}, 1<<16), flying: make(map[*ticket]bool)}
	if seed != 0 {
		x.r = rand.New(rand.NewPCG(seed, 1))
	}
	x.host = registry.Host{Name: "far", Ledger: &x.ledger, Withdraw: x.withdraw, Withdrawn: x.withdrawn, Ended: x.ended}
	for range places {
		x.wg.Go(x.worker)
	}
	t.Cleanup(func() { within(t, "Close", func() { x.Close() }) })
	return x
}

func (x *far) TakesChunks() bool { return !x.plain }

func (x *far) ChunkTime() time.Duration { return 0 }

func (x *far) Stats() potok.Stats {
	s := x.ledger.Sum(nil)
	return potok.Stats{Workers: x.places, Queued: s.Queued, Running: s.Running, Succeeded: s.Succeeded, Failed: s.Failed, Cancelled: s.Cancelled, Unread: s.Unread}
}

func (x *far) Wait(ctx context.Context) error { return x.ledger.Wait(ctx) }
func (x *far) Shutdown(ctx context.Context) error {
	x.ledger.BeginDrain()
	return x.ledger.Drain(ctx)
}

func (x *far) Close() error {
	x.ledger.Shut()
	x.mu.Lock()
	first := !x.closed
	x.closed = true
	var queued []registry.Expiring
	for _, it := range x.queue {
		queued = append(queued, it.call.Expiring())
	}
	var flying []registry.Call
	for it := range x.flying {
		flying = append(flying, it.call)
	}
	x.mu.Unlock()
	for _, c := range flying {
		c.Cancel(potok.ErrClosed)
	}
	x.ledger.ExpireAll(queued, potok.ErrClosed)
	err := x.ledger.Wait(context.Background())
	if first {
		close(x.over)
	}
	x.wg.Wait()
	return err
}

func (x *far) withdraw(t any) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := t.(*ticket)
	if it.began {
		return false
	}
	it.asked = true
	x.queue = slices.DeleteFunc(x.queue, func(other *ticket) bool { return other == it })
	return true
}

func (x *far) withdrawn(t any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := t.(*ticket)
	if it.told++; it.told > 1 || it.began {
		x.t.Errorf("withdrawn %d times, began %v", it.told, it.began)
	}
	it.asked = true
	x.queue = slices.DeleteFunc(x.queue, func(other *ticket) bool { return other == it })
}

func (x *far) ended(t any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	it := t.(*ticket)
	x.ends++
	if it.ended++; !it.began {
		x.t.Error("the context of a call that does not run has ended")
	}
}

func (x *far) Dispatch(calls registry.Batch) {
	for i := range calls.Len() {
		if x.hold != nil {
			x.hold()
		}
		c := calls.At(i)
		it := &ticket{call: c, in: c.In()}
		if k, ok := c.(registry.Chunk); ok {
			if n := reflect.ValueOf(it.in).Elem().Len(); n != k.Items() {
				x.t.Errorf("%d inputs, %d items", n, k.Items())
			}
			x.mu.Lock()
			x.chunks = append(x.chunks, k.Items())
			x.mu.Unlock()
		}
		if !c.Accept(&x.host, it) {
			continue
		}
		x.push(it, false)
	}
}

// push queues a call that was accepted.
func (x *far) push(it *ticket, first bool) {
	x.mu.Lock()
	it.accepted = true
	late := x.closed
	if !late && !it.asked {
		if first {
			x.queue = slices.Insert(x.queue, 0, it)
		} else {
			x.queue = append(x.queue, it)
		}
	}
	x.mu.Unlock()
	if late {
		it.call.Cancel(potok.ErrClosed)
		return
	}
	x.work <- struct{}{}
}

// chance is true one time in n. The caller holds mu.
func (x *far) chance(n int) bool { return x.r != nil && x.r.IntN(n) == 0 }

func (x *far) odds(n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.chance(n)
}

func (x *far) worker() {
	for {
		select {
		case <-x.work:
		case <-x.over:
			return
		}
		x.mu.Lock()
		if len(x.queue) == 0 {
			x.mu.Unlock()
			continue
		}
		it := x.queue[0]
		x.queue = x.queue[1:]
		k, isChunk := it.call.(registry.Chunk)
		var rest *ticket
		if isChunk && x.chance(6) && k.Items() > 1 { // before it begins
			rest = new(ticket)
			rest.call = k.Split(1+x.r.IntN(k.Items()-1), rest)
		}
		var ctx context.Context
		ok := true
		if isChunk {
			ctx, ok = k.Began()
		}
		it.began = ok
		if ok {
			x.flying[it] = true
		}
		x.mu.Unlock()
		if rest != nil {
			x.push(rest, true)
		}
		switch {
		case !ok:
			continue
		case isChunk:
			x.fly(ctx, it, k)
		default:
			x.call(it)
		}
		x.mu.Lock()
		delete(x.flying, it)
		it.settled = true
		x.mu.Unlock()
	}
}

func (x *far) call(it *ticket) {
	ctx, ok := it.call.Start("one")
	if !ok {
		return
	}
	out, err := run(ctx, it.call.Task(), it.call.In())
	if out != nil {
		reflect.ValueOf(it.call.Out()).Elem().Set(reflect.ValueOf(out).Elem())
	}
	it.call.Settle(err)
}

func (x *far) fly(ctx context.Context, it *ticket, k registry.Chunk) {
	x.mu.Lock()
	late := x.closed
	x.mu.Unlock()
	if late {
		k.Cancel(potok.ErrClosed)
	}
	if x.before != nil {
		x.before(k)
	}
	from := 0 // that Done knows of
	for i := 0; i < k.Items(); i++ {
		died := x.odds(40)
		if died {
			k.Fail(i, errDied)
		} else {
			out, err := run(ctx, k.Task(), reflect.ValueOf(k.In()).Elem().Index(i).Addr().Interface())
			if out != nil {
				reflect.ValueOf(k.Results(i, 1)).Elem().Index(0).Set(reflect.ValueOf(out).Elem())
			}
			if err != nil {
				k.Fail(i, err)
			}
		}
		if x.r == nil || x.odds(3) {
			from = i + 1
			k.Done(from)
			if x.after != nil {
				x.after(k, i)
			}
		}
		if n := k.Items(); i+1 < n && (died || x.odds(12)) {
			at := i + 1
			if !died && x.odds(2) {
				x.mu.Lock()
				at += x.r.IntN(n - at)
				x.mu.Unlock()
			}
			rest := new(ticket)
			rest.call = k.Split(at, rest)
			x.push(rest, died || x.odds(2))
		}
	}
	if x.odds(30) && from < k.Items() {
		k.Settle(errDied) // of what is not known to be done
		return
	}
	k.Done(k.Items())
	if d, again := k.Settle(nil); d != 0 || again {
		x.t.Error("a chunk wants to run again")
	}
}

// run runs a task and turns panics into errors.
func run(ctx context.Context, task *registry.Task, in any) (out any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &potok.PanicError{Value: v}
		}
	}()
	return task.Run(ctx, in)
}

// sizes returns how large the chunks were that came.
func (x *far) sizes() []int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.chunks)
}

// check looks at an executor on which nothing moves.
func (x *far) check(items int) error {
	s := x.Stats()
	if x.ledger.Open() != 0 || s.Queued != 0 || s.Running != 0 || s.Unread != 0 || s.Succeeded+s.Failed+s.Cancelled != uint64(items) {
		return fmt.Errorf("%d open, %+v, %d items", x.ledger.Open(), s, items)
	}
	return nil
}
