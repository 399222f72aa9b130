//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/remote"
)

var obedient = potok.Define("process_internal_test.obedient", func(ctx context.Context, wait bool) (int, error) {
	if wait {
		<-ctx.Done()
		fmt.Fprintln(os.Stderr, context.Cause(ctx))
	}
	return os.Getpid(), context.Cause(ctx)
})

func poolOfOne(t *testing.T, opts ...Option) (p *Pool, pid func() int) {
	t.Helper()
	p, err := NewPool(1, append(opts, Output(io.Discard))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, func() int {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		pid, err := obedient.Submit(ctx, p, false).Result(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
}

// The answer and the end of the grace may come at the same moment.
func TestAWorkerThatIsKilledAfterTheGraceGetsNoCallAnyMore(t *testing.T) {
	p, pid := poolOfOne(t, Grace(0))
	for range 5 {
		pid()
		p.mu.Lock()
		w := p.places[0]
		p.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := &remote.Shipment{Item: new(remote.Item), Over: make(chan struct{})}
		w.End(ctx, s)
		<-w.retired
		close(s.Over)
	}
	pid()
}

func TestACallThatIsCancelledAsItStartsIsAskedBeforeItIsKilled(t *testing.T) {
	var f *potok.Future[int]
	submitted := make(chan struct{}, 1)
	started := potok.Observer{Started: func(ctx context.Context, e potok.Event) context.Context {
		<-submitted
		if f != nil {
			f.Cancel()
		}
		return ctx
	}}
	p, pid := poolOfOne(t, WithObserver(started), Grace(10*time.Second))
	submitted <- struct{}{}
	before := pid()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	for range 200 {
		f = obedient.Submit(ctx, p, true)
		submitted <- struct{}{}
		if _, err := f.Result(ctx); !errors.Is(err, potok.ErrCancelled) {
			t.Fatalf("%v", err)
		}
		if time.Since(begin) > 9*time.Second {
			t.Fatal("a call was not told to end")
		}
	}
	f = nil
	submitted <- struct{}{}
	if after := pid(); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

// A cause that matches DeadlineExceeded does not mean that the call had a deadline, which its worker would know of.
func TestACallIsToldOfAnEndWhoseCauseIsADeadlineOfOthers(t *testing.T) {
	p, pid := poolOfOne(t, Grace(10*time.Second))
	before := pid()
	for _, deadline := range []time.Duration{0, time.Hour} {
		ctx, cancel := context.WithCancelCause(t.Context())
		if deadline > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, deadline)
			defer stop()
		}
		f := obedient.Submit(ctx, p, true)
		for p.Stats().Running == 0 {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		cancel(fmt.Errorf("upstream: %w", context.DeadlineExceeded))
		wait, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if _, err := f.Result(wait); !errors.Is(err, potok.ErrCancelled) || time.Since(begin) > 9*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	}
	if after := pid(); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}

var swallow = potok.Define("process_internal_test.swallow", func(_ context.Context, b []byte) (int, error) { return len(b), nil })

// What is sent ahead may be larger than the ring: the word that a call is to end comes behind it.
func TestACallIsToldToEndAlsoBehindALargeOne(t *testing.T) {
	p, pid := poolOfOne(t, Grace(10*time.Second))
	before := pid()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 5 {
		begin := time.Now()
		f := obedient.Submit(ctx, p, true)
		large := swallow.Submit(ctx, p, make([]byte, 16*ringSize))
		for {
			p.mu.Lock()
			w := p.places[0]
			p.mu.Unlock()
			if n, _ := w.port.out.filled(); n == ringSize { // it has begun, and the large one waits for it
				break
			}
			time.Sleep(time.Millisecond)
		}
		f.Cancel()
		if _, err := f.Result(ctx); !errors.Is(err, potok.ErrCancelled) || time.Since(begin) > 9*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		if n, err := large.Result(ctx); n != 16*ringSize || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if after := pid(); after != before {
		t.Errorf("worker %d, then %d", before, after)
	}
}
