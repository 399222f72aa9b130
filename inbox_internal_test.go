package potok

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
)

// stuckPool is a pool whose only worker runs until release is called, whatever becomes of his context.
func stuckPool(t *testing.T) (p *Pool, release func()) {
	t.Helper()
	p = NewPool(1)
	let, begun := make(chan struct{}), make(chan struct{})
	p.Go(context.Background(), func(context.Context) error {
		close(begun)
		<-let
		return nil
	})
	<-begun
	release = sync.OnceFunc(func() { close(let) })
	t.Cleanup(func() {
		release()
		p.Close()
	})
	return p, release
}

// Who was let in before Close began may put his call in when Close has looked into
// the queue.
func TestCloseFindsACallThatIsJustPutIn(t *testing.T) {
	p, _ := stuckPool(t)
	f := &plainCall{fn: func(context.Context) error { return nil }}
	p.in.mu.Lock()
	if !p.enterQuickly(1) {
		t.Fatal("an open pool lets nobody in")
	}
	f.call.scope = p.plain
	var closing sync.WaitGroup
	closing.Go(p.kill)
	for !p.killed.Load() {
		runtime.Gosched()
	}
	for range 10_000 { // what Close does then, it has done by now, or it waits for us
		runtime.Gosched()
	}
	p.in.leave(f)
	p.in.mu.Unlock()
	closing.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if f.Result(ctx); f.State() != Cancelled {
		t.Errorf("behind a stuck worker it is %v", f.State())
	}
}

// A call's number says where it stands, however many others are submitted while the
// cancelled ones are taken out.
func TestNumbersStandWhileTheQueueIsCompacted(t *testing.T) {
	p, _ := stuckPool(t)
	var submitters sync.WaitGroup
	for range 4 {
		submitters.Go(func() {
			for range 3000 {
				f := p.Go(context.Background(), func(context.Context) error { return nil })
				if g := p.Go(context.Background(), func(context.Context) error { return nil }); g.Cancel() {
					g = p.Go(context.Background(), func(context.Context) error { return nil })
					g.Cancel()
				}
				runtime.KeepAlive(f)
			}
		})
	}
	submitters.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.emptyLocked()
	i, wrong := 0, 0
	p.queue.each(func(j job) {
		if c := j.base(); c.place.queued() && int((c.place-p.queue.first)&placeMask) != i {
			wrong++
		}
		i++
	})
	if wrong > 0 {
		t.Errorf("%d of %d calls stand elsewhere than their number says", wrong, i)
	}
}
