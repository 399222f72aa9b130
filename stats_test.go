package potok_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
)

func TestStatsTellWhatIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 2)
		want := func(what string, want potok.Stats) {
			t.Helper()
			synctest.Wait()
			want.Workers = 2
			if got := p.Stats(); got != want {
				t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
			}
		}
		want("new", potok.Stats{Idle: 2})
		hold, release := holding()
		p.Go(t.Context(), hold)
		want("one runs", potok.Stats{Idle: 1, Running: 1})
		promise := potok.NewPromise[int]()
		p.Go(t.Context(), func(ctx context.Context) error { _, err := promise.Future().Result(ctx); return err })
		want("one waits", potok.Stats{Idle: 1, Running: 1, Waiting: 1})
		p.Go(t.Context(), hold)
		want("its place is taken", potok.Stats{Running: 2, Waiting: 1})
		queued := p.Go(t.Context(), succeed)
		ctx, cancel := context.WithCancel(t.Context())
		p.Go(ctx, succeed)
		want("two are queued", potok.Stats{Queued: 2, Running: 2, Waiting: 1})
		queued.Cancel()
		cancel()
		want("they are cancelled", potok.Stats{Running: 2, Waiting: 1, Cancelled: 2})
		promise.Resolve(1)
		want("the wait is over but for its place", potok.Stats{Running: 2, Waiting: 1, Cancelled: 2})
		release()
		want("all is done", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 2})
		p.Go(ctx, succeed)
		want("a ctx that has ended", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 3})
		failed := p.Go(t.Context(), returning(errTest))
		want("a failure", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 3, Failed: 1, Unread: 1})
		failed.Result(t.Context())
		failed.Result(t.Context())
		want("it is read", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 3, Failed: 1})
		p.Close()
		want("closed", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 3, Failed: 1})
		p.Go(t.Context(), succeed)
		want("refused", potok.Stats{Idle: 2, Succeeded: 3, Cancelled: 3, Failed: 2, Unread: 1})
	})
}

func TestUnreadCountsFailuresNobodyAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func(*potok.Future[struct{}])
		read bool
	}{
		"State":  {func(f *potok.Future[struct{}]) { _ = f.State() }, false},
		"Done":   {func(f *potok.Future[struct{}]) { <-f.Done() }, false},
		"Wait":   {func(f *potok.Future[struct{}]) { potok.Wait(context.Background(), potok.AllDone, f) }, false},
		"Cancel": {func(f *potok.Future[struct{}]) { f.Cancel() }, false},
		"Result": {func(f *potok.Future[struct{}]) { f.Result(context.Background()) }, true},
		"Gather": {func(f *potok.Future[struct{}]) { potok.Gather(context.Background(), f) }, true},
		"Then": {func(f *potok.Future[struct{}]) {
			potok.Then(f, func(context.Context, struct{}) (int, error) { return 0, nil })
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, 1, potok.WithBacklog(0), potok.RefuseWhenFull())
				hold, release := holding()
				failed := p.Go(t.Context(), func(ctx context.Context) error { _ = hold(ctx); return errTest })
				refused := p.Go(t.Context(), succeed)
				release()
				synctest.Wait()
				if n := p.Stats().Unread; n != 2 {
					t.Errorf("%d before", n)
				}
				for range 2 {
					c.ask(failed)
					c.ask(refused)
				}
				if n := p.Stats().Unread; (n == 0) != c.read || (n == 2) == c.read {
					t.Errorf("%d after", n)
				}
			})
		})
	}
}

func TestStatsNeverGoBelowZero(t *testing.T) {
	p := newPool(t, 2)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			s := p.Stats()
			if s.Queued < 0 || s.Running < 0 || s.Waiting < 0 || s.Idle < 0 || s.Idle > 2 || s.Queued > 1<<20 || s.Running > 1<<20 {
				t.Errorf("%+v", s)
				return
			}
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 3000 {
		f := p.Go(ctx, func(ctx context.Context) error {
			if i%10 == 0 {
				p.Go(ctx, succeed).Result(ctx)
			}
			return nil
		})
		if i%4 == 0 {
			f.Cancel()
		}
	}
	cancel()
	within(t, "Close", func() { p.Close() })
	close(stop)
	<-stopped
	if s := p.Stats(); s.Queued != 0 || s.Running != 0 || s.Waiting != 0 || s.Idle != 2 {
		t.Errorf("%+v", s)
	}
}
