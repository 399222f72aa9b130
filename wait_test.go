package potok_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// promises returns n promises and their futures.
func promises(n int) (ps []*potok.Promise[int], fs []*potok.Future[int]) {
	for range n {
		p := potok.NewPromise[int]()
		ps, fs = append(ps, p), append(fs, p.Future())
	}
	return ps, fs
}

// indices says where the futures stand in all.
func indices[F comparable](all, some []F) []int {
	is := []int{}
	for _, f := range some {
		is = append(is, slices.Index(all, f))
	}
	return is
}

func TestWaitReturnsWhenItShould(t *testing.T) {
	resolve := func(p *potok.Promise[int]) { p.Resolve(1) }
	reject := func(p *potok.Promise[int]) { p.Reject(errTest) }
	cancel := func(p *potok.Promise[int]) { p.Future().Cancel() }
	for _, c := range []struct {
		name          string
		until         potok.Until
		steps         []func(*potok.Promise[int]) // applied to promises 2, 0, 1
		done, pending []int
	}{
		{"AllDone", potok.AllDone, []func(*potok.Promise[int]){resolve, reject, cancel}, []int{0, 1, 2}, []int{}},
		{"FirstDone", potok.FirstDone, []func(*potok.Promise[int]){resolve}, []int{2}, []int{0, 1}},
		{"FirstDone failed", potok.FirstDone, []func(*potok.Promise[int]){reject}, []int{2}, []int{0, 1}},
		{"FirstDone cancelled", potok.FirstDone, []func(*potok.Promise[int]){cancel}, []int{2}, []int{0, 1}},
		{"FirstError failed", potok.FirstError, []func(*potok.Promise[int]){resolve, reject}, []int{0, 2}, []int{1}},
		{"FirstError cancelled", potok.FirstError, []func(*potok.Promise[int]){resolve, cancel}, []int{0, 2}, []int{1}},
		{"FirstError without one", potok.FirstError, []func(*potok.Promise[int]){resolve, resolve, resolve}, []int{0, 1, 2}, []int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ps, fs := promises(3)
				order := []*potok.Promise[int]{ps[2], ps[0], ps[1]}
				var done, pending []*potok.Future[int]
				var err error
				returned := false
				go func() {
					done, pending, err = potok.Wait(context.Background(), c.until, fs...)
					returned = true
				}()
				for i, step := range c.steps {
					synctest.Wait()
					if returned {
						t.Fatalf("it returned after %d steps", i)
					}
					step(order[i])
				}
				synctest.Wait()
				if !returned {
					t.Fatal("it does not return")
				}
				if !slices.Equal(indices(fs, done), c.done) || !slices.Equal(indices(fs, pending), c.pending) || err != nil {
					t.Error(indices(fs, done), indices(fs, pending), err)
				}
			})
		})
	}
}

func TestWaitCountsDuplicatesOnceInOrder(t *testing.T) {
	ps, fs := promises(3)
	ps[1].Resolve(1)
	in := []*potok.Future[int]{fs[2], fs[1], fs[2], fs[0], fs[1], fs[0]}
	done, pending, err := potok.Wait(t.Context(), potok.FirstDone, in...)
	if !slices.Equal(indices(fs, done), []int{1}) || !slices.Equal(indices(fs, pending), []int{2, 0}) || err != nil {
		t.Error(indices(fs, done), indices(fs, pending), err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ps, fs := promises(3)
	ps[1].Resolve(1)
	ended, end := context.WithCancelCause(t.Context())
	end(errTest)
	done, pending, err := potok.Wait(ended, potok.AllDone, fs...)
	wantErrors(t, err, context.Canceled, errTest)
	if !slices.Equal(indices(fs, done), []int{1}) || !slices.Equal(indices(fs, pending), []int{0, 2}) {
		t.Error(indices(fs, done), indices(fs, pending))
	}
	if _, _, err := potok.Wait(ended, potok.FirstDone, fs...); err != nil {
		t.Error("what is settled lost against ctx:", err)
	}
}

func TestWaitForNothingReturnsAtOnce(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	for _, until := range []potok.Until{potok.AllDone, potok.FirstDone, potok.FirstError} {
		for _, ctx := range []context.Context{t.Context(), ended} {
			if done, pending, err := potok.Wait[*potok.Future[int]](ctx, until); len(done)+len(pending) > 0 || err != nil {
				t.Error(done, pending, err)
			}
		}
	}
	for f, err := range potok.AsCompleted[*potok.Future[int]](ended) {
		t.Error(f, err)
	}
}

func TestWaitTakesFuturesOfSeveralTypes(t *testing.T) {
	p, q := potok.NewPromise[int](), potok.NewPromise[string]()
	p.Resolve(1)
	all := []potok.Awaitable{q.Future(), p.Future(), p.Future()}
	done, pending, err := potok.Wait(t.Context(), potok.FirstDone, all...)
	if len(done) != 1 || done[0] != p.Future() || len(pending) != 1 || pending[0] != q.Future() || err != nil {
		t.Error(done, pending, err)
	}
}

// A page is a future that carries what it belongs to.
type page struct {
	*potok.Future[int]
	url string
}

func TestStructsThatEmbedAFutureAreAwaitable(t *testing.T) {
	ps, fs := promises(3)
	pages := []page{{fs[0], "a"}, {fs[1], "b"}, {fs[2], "c"}, {fs[1], "again"}}
	ps[2].Resolve(2)
	ps[1].Reject(errTest)
	done, pending, err := potok.Wait(t.Context(), potok.FirstError, pages...)
	if len(done) != 2 || done[0].url != "b" || done[1].url != "c" || len(pending) != 1 || pending[0].url != "a" || err != nil {
		t.Error(done, pending, err)
	}
	ps[0].Resolve(0)
	var urls []string
	for p, err := range potok.AsCompleted(t.Context(), pages...) {
		urls = append(urls, p.url)
		if err != nil {
			t.Error(err)
		}
	}
	if strings.Join(urls, "") != "abc" {
		t.Error(urls)
	}
	pointers := []*page{&pages[0], &pages[3]}
	for p, err := range potok.AsCompleted(t.Context(), pointers...) {
		if err != nil || p != pointers[0] && p != pointers[1] {
			t.Error(p, err)
		}
	}
}

func TestAsCompletedYieldsSettledOnesFirstThenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, fs := promises(5)
		ps[4].Resolve(4)
		fs[2].Cancel()
		in := []*potok.Future[int]{fs[0], fs[1], fs[2], fs[3], fs[4], fs[2]}
		go func() {
			for _, i := range []int{3, 0, 1} {
				synctest.Wait()
				ps[i].Reject(errTest)
			}
		}()
		var order []*potok.Future[int]
		for f, err := range potok.AsCompleted(context.Background(), in...) {
			if err != nil {
				t.Error(err)
			}
			order = append(order, f)
		}
		if is := indices(fs, order); !slices.Equal(is, []int{2, 4, 3, 0, 1}) {
			t.Error(is)
		}
	})
}

func TestAsCompletedTellsHowManyAreUnfinished(t *testing.T) {
	ps, fs := promises(4)
	ps[3].Resolve(3)
	ps[1].Resolve(1)
	ended, end := context.WithCancelCause(t.Context())
	end(errTest)
	var order []*potok.Future[int]
	var errs []error
	for f, err := range potok.AsCompleted(ended, append(fs, fs[3])...) {
		order, errs = append(order, f), append(errs, err)
	}
	if len(order) != 3 || order[0] != fs[1] || order[1] != fs[3] || order[2] != nil || errs[0] != nil || errs[1] != nil {
		t.Fatal(order, errs)
	}
	wantErrors(t, errs[2], context.Canceled, errTest)
	if !strings.Contains(errs[2].Error(), "2 of 4 futures unfinished") {
		t.Error(errs[2])
	}
}

func TestAsCompletedEndsWithItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ps, fs := promises(3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.AfterFunc(time.Minute, func() { ps[0].Resolve(0) })
		n := 0
		var last error
		start := time.Now()
		for _, err := range potok.AsCompleted(ctx, fs...) {
			n++
			last = err
		}
		if n != 2 || time.Since(start) != time.Hour || !strings.Contains(last.Error(), "2 of 3 futures unfinished") {
			t.Error(n, time.Since(start), last)
		}
		wantErrors(t, last, context.DeadlineExceeded)
		wantState(t, fs[1], potok.Pending)
	})
}

func TestLeavingAsCompletedLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble finds a goroutine that is left
		ps, fs := promises(3)
		ps[0].Resolve(1)
		for range 3 {
			for range potok.AsCompleted(t.Context(), fs...) {
				break
			}
		}
		ps[1].Resolve(1)
		fs[2].Cancel()
		seq := potok.AsCompleted(t.Context(), fs...)
		for range 2 { // a second range begins again
			n := 0
			for f, err := range seq {
				if f == nil || err != nil {
					t.Error(f, err)
				}
				n++
			}
			if n != 3 {
				t.Error(n)
			}
		}
	})
}

func TestManyFuturesAreWaitedForInLinearTime(t *testing.T) {
	n := 100_000
	if raceEnabled {
		n = 10_000
	}
	ps, fs := promises(n)
	within(t, "waiting for many futures", func() {
		go func() {
			for i := range ps {
				ps[len(ps)-1-i].Resolve(i)
				if i%1000 == 0 {
					runtime.Gosched()
				}
			}
		}()
		seen := 0
		for f, err := range potok.AsCompleted(context.Background(), fs...) {
			if f == nil || err != nil {
				t.Error(f, err)
			}
			seen++
		}
		done, pending, err := potok.Wait(context.Background(), potok.AllDone, fs...)
		if seen != n || len(done) != n || len(pending) != 0 || err != nil {
			t.Error(seen, len(done), len(pending), err)
		}
		if _, err := potok.Gather(context.Background(), fs...); err != nil {
			t.Error(err)
		}
	})
}

func TestManyGoroutinesWaitForOneFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := potok.NewPromise[int]()
		ctx, cancel := context.WithCancel(t.Context())
		woken, gaveUp := make(chan error, 100), make(chan error, 100)
		for range 100 {
			go func() { _, err := p.Future().Result(context.Background()); woken <- err }()
			go func() { _, err := p.Future().Result(ctx); gaveUp <- err }()
		}
		synctest.Wait()
		cancel()
		for range 100 {
			wantErrors(t, <-gaveUp, context.Canceled)
		}
		for range 50 { // in the nodes of those who gave up
			go func() { _, err := p.Future().Result(context.Background()); woken <- err }()
		}
		synctest.Wait()
		p.Resolve(1)
		for range 150 {
			if err := <-woken; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWaitsOnNilFuturesPanic(t *testing.T) {
	wantPanic(t, "Wait", func() { potok.Wait[*potok.Future[int]](t.Context(), potok.AllDone, nil) })
	wantPanic(t, "Wait of a page", func() { potok.Wait(t.Context(), potok.AllDone, page{}) })
	wantPanic(t, "AsCompleted", func() {
		for range potok.AsCompleted[potok.Awaitable](t.Context(), nil) {
		}
	})
}

func TestWaitErrorAndPendingAgree(t *testing.T) {
	for range 500 {
		ps, fs := promises(2)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { ps[0].Resolve(1); ps[1].Resolve(1) }()
		go cancel()
		done, pending, err := potok.Wait(ctx, potok.AllDone, fs...)
		if (err != nil) != (len(pending) > 0) || len(done)+len(pending) != 2 {
			t.Fatal(len(done), len(pending), err)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
