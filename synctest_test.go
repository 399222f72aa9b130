package potok_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// everything uses every kind of thing that parks, once.
func everything(t *testing.T) {
	p := newPool(t, 2, potok.WithBacklog(3))
	ctx, cancel := context.WithCancelCause(t.Context())
	promise := potok.NewPromise[int]()
	waits := potok.Submit(ctx, p, func(ctx context.Context) (int, error) { return promise.Future().Result(ctx) })
	var fs []*potok.Future[int]
	for i := range 20 {
		fs = append(fs, potok.Submit(ctx, p, func(ctx context.Context) (int, error) {
			v, err := potok.Submit(ctx, p, giving(i, nil)).Result(ctx)
			return v, err
		}))
	}
	if vs, err := potok.Gather(t.Context(), fs...); len(vs) != 20 || vs[7] != 7 || err != nil {
		t.Error(vs, err)
	}
	n := 0
	for f, err := range potok.AsCompleted(t.Context(), fs...) {
		if n++; err != nil {
			t.Error(f, err)
		}
	}
	promise.Resolve(7)
	if v, err := outcome(t, waits); v != 7 || err != nil || n != 20 {
		t.Error(v, err, n)
	}
	then := potok.Then(waits, func(_ context.Context, v int) (int, error) { return v + 1, nil })
	if v, err := outcome(t, then); v != 8 || err != nil {
		t.Error(v, err)
	}
	obeys := p.Go(ctx, obedient)
	<-potok.Go(t.Context(), giving(1, nil)).Done()
	cancel(errTest)
	wantCancelled(t, obeys, errTest)
	short, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := potok.NewPromise[int]().Future().Result(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What parks must not pass from one bubble to another, or out of them: that
// would be a panic of the runtime.
func TestTwoBubblesAndTheWorldOutsideDoNotMeet(t *testing.T) {
	for range 3 {
		t.Run("bubble", func(t *testing.T) { synctest.Test(t, everything) })
		t.Run("outside", everything)
		t.Run("another bubble", func(t *testing.T) { synctest.Test(t, everything) })
	}
}

func TestBubblesBesideEachOtherDoNotMeet(t *testing.T) {
	t.Run("group", func(t *testing.T) {
		for range 4 {
			t.Run("bubble", func(t *testing.T) {
				t.Parallel()
				for range 5 {
					synctest.Test(t, everything)
				}
			})
			t.Run("outside", func(t *testing.T) {
				t.Parallel()
				for range 5 {
					everything(t)
				}
			})
		}
	})
}

func TestAFakeDayInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		start := time.Now()
		for range 24 {
			p.Go(t.Context(), func(context.Context) error { <-time.After(time.Hour); return nil })
		}
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != 24*time.Hour {
			t.Error(d)
		}
	})
}
