package lock

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
)

func TestTheZeroGuardedGuardsAZeroValue(t *testing.T) {
	var g Guarded[map[string]int]
	g.With(func(v *map[string]int) {
		if *v != nil {
			t.Error("it is not nil")
		}
		*v = map[string]int{"a": 1}
	})
	g.With(func(v *map[string]int) {
		if (*v)["a"] != 1 {
			t.Error("what was put there is gone")
		}
	})
}

func TestWithLendsTheValueUnderTheLock(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		const goroutines, each = 8, 500
		g := Guard(1)
		var wg sync.WaitGroup
		for i := range goroutines {
			wg.Go(func() {
				for range each {
					if i%2 == 0 {
						g.With(func(v *int) { *v++ })
					} else if err := g.WithContext(t.Context(), func(v *int) { *v++ }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		g.With(func(v *int) {
			if *v != goroutines*each+1 {
				t.Errorf("counted %d of %d", *v-1, goroutines*each)
			}
		})
		g.mu.check(t)
	})
}

func TestWithContextUnderAnEndedContextDoesNotCallFn(t *testing.T) {
	g := Guard(1)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for _, held := range []bool{false, true} {
		err := g.WithContext(ctx, func(*int) { t.Error("fn was called") })
		if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
			t.Errorf("held=%t: %v", held, err)
		}
		if g.mu.TryLock() == held {
			t.Errorf("held=%t: it is not as it was before", held)
		}
	}
}

func TestWithContextDoesNotCallFnIfTheContextEndsInTheWait(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		g := Guard(1)
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		g.With(func(*int) {
			go func() { errs <- g.WithContext(ctx, func(*int) { t.Error("fn was called") }) }()
			g.mu.awaitParked(t, 1)
			cancel()
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		g.mu.check(t)
	})
}

func TestWithContextIsNilOnceFnWasCalled(t *testing.T) {
	g := Guard(1)
	ctx, cancel := context.WithCancel(t.Context())
	called := false
	err := g.WithContext(ctx, func(*int) {
		cancel()
		called = true
	})
	if err != nil || !called {
		t.Errorf("%v; fn was called: %t", err, called)
	}
}

func TestGuardedUnlocksWhateverEndsFn(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		g := Guard(0)
		for name, with := range map[string]func(func(*int)){
			"With":        g.With,
			"WithContext": func(fn func(*int)) { _ = g.WithContext(t.Context(), fn) },
		} {
			for how, end := range map[string]func(){
				"return": func() {},
				"panic":  func() { panic("fn") },
				"Goexit": runtime.Goexit,
			} {
				before, returned := g.v, false
				var wg sync.WaitGroup
				wg.Go(func() {
					v := recovered(func() {
						with(func(v *int) {
							*v++
							if g.mu.TryLock() {
								t.Errorf("%s: fn is not under the lock", name)
							}
							end()
						})
						returned = true
					})
					if (v == "fn") != (how == "panic") {
						t.Errorf("%s, %s: recovered %v", name, how, v)
					}
				})
				wg.Wait()
				if g.v != before+1 || returned != (how == "return") {
					t.Errorf("%s, %s: fn was called %d times; it returned: %t", name, how, g.v-before, returned)
				}
				if !g.mu.TryLock() {
					t.Fatalf("%s, %s: it is still locked", name, how)
				}
				g.mu.Unlock()
			}
		}
	})
}
