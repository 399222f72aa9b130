package lock

import (
	"context"
	"fmt"
	"sync"
)

// Barrier is where n goroutines meet: each waits until all have come, then all go on, and the next n may meet. Every
// such meeting is a generation. It is made by NewBarrier; the zero value is not usable. It must not be copied after
// first use.
//
// Nobody passes a barrier at which somebody is missing: when one gives up, the barrier is broken for all, until Reset.
// What was done before the Waits of a generation happens before its action, and that before they return.
//
// Every method may be called from any number of goroutines at once, and more than n may use it: who comes while the
// action runs waits until it is over, and belongs to the next generation. So actions never run at the same time.
type Barrier struct {
	n      int
	action func()

	// mu guards the fields below; it is never held while blocking or while the action runs. The states:
	//
	//	filling: arrived < n          → acting, by the last to arrive, who runs the action
	//	acting:  arrived == n         → filling, when the action has returned: all are let go, and arrived is 0
	//	broken:  arrived == 0, broken ← both, by Abort, by who gives up, and by an action that does not return
	//
	// Reset goes from each to filling. The action may go on after its generation was broken: acting tells that it runs.
	mu      sync.Mutex
	arrived int
	acting  bool // nobody arrives
	broken  bool // nobody arrives or waits

	// waiting has those who have arrived, save who acts, in the order of their index. Behind them it has, only while
	// acting, those who came meanwhile (k == outside).
	waiting waiters
}

const outside = -1 // the index of a waiter that has not arrived yet

// NewBarrier returns a Barrier for n goroutines. In every generation the last to arrive calls action before all go on;
// it may be nil.
//
// It does not block. It panics if n is less than 1.
//
// The action may block and may call Abort and Reset, but not Wait, which would wait for the action itself. If it panics
// or ends its goroutine, the barrier is broken, and Wait does the same in the goroutine that ran it.
func NewBarrier(n int, action func()) *Barrier {
	if n < 1 {
		panic(fmt.Sprintf("potok/lock: NewBarrier for %d goroutines at %s", n, callSite()))
	}
	if action == nil {
		action = func() {}
	}
	return &Barrier{n: n, action: action}
}

// Wait waits until n goroutines have come and the action has returned. Each of the n gets another index, from 0 to n-1
// in the order of coming; beside an error it is -1.
//
// It blocks until then; the last to come runs the action in it. If ctx ends before, the barrier is broken: the error
// matches ctx.Err() and context.Cause(ctx), and the others get ErrBroken, who runs the action too, once that has
// returned. A waiter that was let go and whose ctx ends at the same moment was let go, and the error is nil.
//
// Under a ctx that has already ended it returns that error, whatever the state of the barrier, and breaks nothing. Nor
// does a ctx that ends while its caller waits for the action of a generation to which it does not belong.
//
// At a broken barrier, and when it is broken or Reset while Wait waits, the error is ErrBroken.
func (b *Barrier) Wait(ctx context.Context) (index int, err error) {
	if ctx.Err() != nil {
		return -1, endedError(ctx)
	}
	b.mu.Lock()
	if b.broken {
		b.mu.Unlock()
		return -1, ErrBroken
	}
	index = b.arriveLocked()
	if index == b.n-1 {
		b.mu.Unlock()
	} else {
		w := b.waiting.join(index)
		b.mu.Unlock()
		if err := b.park(ctx, w); err != nil {
			return -1, err
		}
		index = w.k
	}
	if index == b.n-1 && !b.act() {
		return -1, ErrBroken
	}
	return index, nil
}

// Abort breaks the barrier: everyone in Wait gets ErrBroken, and so does everyone who comes, until Reset. On a broken
// barrier it changes nothing.
//
// It does not block. An action that runs goes on.
func (b *Barrier) Abort() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.breakLocked()
}

// Reset makes the barrier as new, broken or not: nobody has come. Everyone in Wait gets ErrBroken.
//
// It does not block. An action that runs goes on, and until it is over nobody is counted who comes.
func (b *Barrier) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.breakLocked()
	b.broken = false
}

// arriveLocked counts one more goroutine and returns its index. With n-1 it has to act.
func (b *Barrier) arriveLocked() (index int) {
	if b.acting {
		return outside
	}
	b.arrived++
	b.acting = b.arrived == b.n
	return b.arrived - 1
}

// park returns nil when w is let go, or has become the last to arrive.
func (b *Barrier) park(ctx context.Context, w *waiter) error {
	passed, err := b.waiting.park(ctx, &b.mu, w, func() {
		if w.k != outside {
			b.breakLocked()
		}
	})
	if err == nil && !passed {
		return ErrBroken
	}
	return err
}

func (b *Barrier) breakLocked() {
	b.arrived = 0
	b.broken = true
	b.waiting.tellAll(false)
}

// act runs the action and ends the generation. It says whether that has passed.
func (b *Barrier) act() (passed bool) {
	returned := false
	defer func() { // also if the action panics or ends its goroutine
		b.mu.Lock()
		defer b.mu.Unlock()
		passed = b.endLocked(returned)
		b.nextLocked()
	}()
	b.action()
	returned = true
	return passed // as it is set above
}

func (b *Barrier) endLocked(returned bool) (passed bool) {
	b.acting = false
	if b.arrived < b.n { // broken meanwhile, and perhaps Reset: then nothing here is of this generation any more
		return false
	}
	if !returned {
		b.breakLocked()
		return false
	}
	b.arrived = 0
	for range b.n - 1 {
		b.waiting.tell(b.waiting.front, true)
	}
	return true
}

// nextLocked lets those arrive who came while the action ran. If they are enough, the last of them is told to act.
func (b *Barrier) nextLocked() {
	for w := b.waiting.front; w != nil && !b.acting; {
		next := w.next
		if w.k = b.arriveLocked(); b.acting {
			b.waiting.tell(w, true)
		}
		w = next
	}
}
