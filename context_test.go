package potok_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

func TestACallsContextHasTheValues(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		ctx := context.WithValue(t.Context(), contextKey{}, 1)
		f := run(ctx, func(ctx context.Context) (int, error) {
			before := ctx.Value(contextKey{}).(int)
			ctx.Done() // from here on another context answers
			return before + ctx.Value(contextKey{}).(int) - 1, nil
		})
		if v, err := outcome(t, f); v != 1 || err != nil {
			t.Error(v, err)
		}
	})
}

func TestACallsContextHasNotEndedWhileItRuns(t *testing.T) {
	eachRunner(t, func(t *testing.T, run runner) {
		f := run(t.Context(), func(ctx context.Context) (int, error) {
			select {
			case <-ctx.Done():
				t.Error("Done is closed")
			default:
			}
			if first := ctx.Done(); first != ctx.Done() {
				t.Error("another channel the second time")
			}
			return 0, errors.Join(ctx.Err(), context.Cause(ctx))
		})
		if _, err := outcome(t, f); err != nil {
			t.Error(err)
		}
	})
}

func TestACallsContextEndsWhenItHasReturned(t *testing.T) {
	for _, asked := range []bool{false, true} { // for Done, while it runs
		eachRunner(t, func(t *testing.T, run runner) {
			var call, child context.Context
			stopped := 0
			f := run(t.Context(), func(ctx context.Context) (int, error) {
				call = ctx
				if asked {
					var cancel context.CancelFunc
					child, cancel = context.WithTimeout(ctx, time.Hour)
					t.Cleanup(cancel)
					context.AfterFunc(ctx, func() { stopped++ })
				}
				return 0, nil
			})
			outcome(t, f)
			synctest.Wait()
			<-call.Done()
			if call.Err() != context.Canceled || context.Cause(call) == nil {
				t.Error(call.Err(), context.Cause(call))
			}
			if asked && (child.Err() != context.Canceled || stopped != 1) {
				t.Error(child.Err(), stopped)
			}
			late, cancel := context.WithCancel(call)
			defer cancel()
			if late.Err() != context.Canceled {
				t.Error("a context made from it later has not ended")
			}
		})
	}
}

func TestACancelledCallsContextTellsTheCauseHoweverItIsAsked(t *testing.T) {
	for name, ask := range map[string]func(context.Context) error{
		"Done first": func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
		"child": func(ctx context.Context) error {
			c, cancel := context.WithCancel(ctx)
			defer cancel()
			<-c.Done()
			return context.Cause(c)
		},
		"timeout": func(ctx context.Context) error {
			c, cancel := context.WithTimeout(ctx, 1000*time.Hour)
			defer cancel()
			<-c.Done()
			return context.Cause(c)
		},
		"value": func(ctx context.Context) error {
			c := context.WithValue(ctx, contextKey{}, 1)
			<-c.Done()
			return context.Cause(c)
		},
		"AfterFunc": func(ctx context.Context) error {
			cause := make(chan error)
			context.AfterFunc(ctx, func() { cause <- context.Cause(ctx) })
			return <-cause
		},
		"Err polled": func(ctx context.Context) error {
			for ctx.Err() == nil {
				<-time.After(time.Second)
			}
			return context.Cause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachRunner(t, func(t *testing.T, run runner) {
				var cause error
				f := run(t.Context(), func(ctx context.Context) (int, error) {
					cause = ask(ctx)
					return 0, ctx.Err()
				})
				synctest.Wait()
				f.Cancel()
				wantCancelled(t, f, context.Canceled)
				if cause != potok.ErrCancelled {
					t.Error(cause)
				}
			})
		})
	}
}

func TestTheContextOfARunningCallEndsWithSubmits(t *testing.T) {
	for name, make := range contexts {
		for _, how := range []string{"Done", "Err"} {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPool(t, 1)
					ctx, cancel := make()
					f := p.Go(ctx, func(ctx context.Context) error {
						if how == "Done" {
							<-ctx.Done()
						}
						for ctx.Err() == nil {
							<-time.After(time.Second)
						}
						return ctx.Err()
					})
					synctest.Wait()
					cancel()
					wantCancelled(t, f, context.Canceled)
				})
			})
		}
	}
}

func TestCloseIsTheCauseOfTheContextsEnd(t *testing.T) {
	for _, asked := range []bool{false, true} { // for Done, before Close
		synctest.Test(t, func(t *testing.T) {
			p := newPool(t, 2)
			hold, release := holding()
			var causes [2]error
			var fs []*potok.Future[struct{}]
			for i := range causes {
				fs = append(fs, p.Go(t.Context(), func(ctx context.Context) error {
					if asked {
						<-ctx.Done()
					}
					_ = hold(ctx)
					causes[i] = context.Cause(ctx)
					return ctx.Err()
				}))
			}
			synctest.Wait()
			go p.Close()
			synctest.Wait()
			release()
			for i, f := range fs {
				wantCancelled(t, f, context.Canceled, potok.ErrClosed)
				if causes[i] != potok.ErrClosed {
					t.Error(causes[i])
				}
			}
		})
	}
}

func TestANestedCallSeesTheEndOfTheOuterContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, 1)
		var inner *potok.Future[struct{}]
		outer := p.Go(t.Context(), func(ctx context.Context) error {
			inner = p.Go(ctx, obedient)
			_, err := inner.Result(ctx)
			return err
		})
		synctest.Wait()
		outer.Cancel()
		wantCancelled(t, outer, context.Canceled)
		wantCancelled(t, inner, context.Canceled)
	})
}

func TestManyGoroutinesAskACallsContextWhileItEnds(t *testing.T) {
	p := newPool(t, 2)
	rounds := 500
	if raceEnabled {
		rounds = 100
	}
	for range rounds {
		var wg sync.WaitGroup
		f := p.Go(t.Context(), func(ctx context.Context) error {
			for range 4 {
				wg.Go(func() {
					<-ctx.Done()
					if ctx.Err() == nil || context.Cause(ctx) == nil {
						t.Error("it has ended without an error")
					}
				})
			}
			return nil
		})
		go f.Cancel()
		outcome(t, f)
		within(t, "the goroutines that wait for the end of ctx", wg.Wait)
	}
}
