package lock_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok/lock"
)

// reports are what a CheckOrder has told.
type reports struct {
	mu  sync.Mutex
	all []*lock.OrderError
}

func (r *reports) add(e *lock.OrderError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

// heads are the first lines of what was told since heads was called last.
func (r *reports) heads() (heads []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		head, _, _ := strings.Cut(e.Error(), "\n")
		heads = append(heads, strings.TrimPrefix(head, "potok/lock: "))
	}
	r.all = nil
	return heads
}

// told asserts that these were told since it was called last, in any order.
func (r *reports) told(t *testing.T, want ...string) {
	t.Helper()
	got := r.heads()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%q, want\n%q", got, want)
	}
}

// check watches orders for the length of the test.
func check(t *testing.T, opts ...lock.CheckOption) *reports {
	t.Helper()
	r := new(reports)
	t.Cleanup(lock.CheckOrder(r.add, opts...))
	return r
}

// nest locks all, one in the other, and unlocks them.
func nest(all ...*lock.Mutex) {
	for _, m := range all {
		m.Lock()
	}
	for _, m := range slices.Backward(all) {
		m.Unlock()
	}
}

func named(names string) (all []*lock.Mutex) {
	for name := range strings.SplitSeq(names, "") {
		all = append(all, lock.Named(name))
	}
	return all
}

func three() (a, b, c *lock.Mutex) {
	all := named("abc")
	return all[0], all[1], all[2]
}

func TestAnInversionIsReportedOnceWithoutADeadlock(t *testing.T) {
	told := check(t)
	a, b, _ := three()
	nest(a, b)
	told.told(t)
	nest(b, a)
	told.told(t, `lock order inversion: "b" → "a" → "b"`)
	for range 10 {
		nest(a, b)
		nest(b, a)
	}
	told.told(t)
}

func TestACircleOfAnyLengthIsReported(t *testing.T) {
	for n := 2; n <= 26; n++ {
		t.Run(fmt.Sprint("locks=", n), func(t *testing.T) {
			told := check(t)
			names := "abcdefghijklmnopqrstuvwxyz"[:n]
			all := named(names)
			for i := range n - 1 {
				nest(all[i], all[i+1])
			}
			told.told(t)
			nest(all[n-1], all[0])
			want := fmt.Sprintf("lock order inversion: %q", names[n-1:])
			for _, name := range names {
				want += fmt.Sprintf(" → %q", string(name))
			}
			told.told(t, want)
		})
	}
}

func TestTheShortestCircleIsReported(t *testing.T) {
	told := check(t)
	a, b, c := three()
	nest(a, b)
	nest(b, c)
	nest(a, c)
	nest(c, a)
	told.told(t, `lock order inversion: "c" → "a" → "c"`)
	nest(c, b)
	told.told(t, `lock order inversion: "c" → "b" → "c"`)
}

//go:noinline
func lockOuter(m *lock.Mutex) { m.Lock() }

//go:noinline
func lockInner(m *lock.Mutex) { m.With(func() {}) }

//go:noinline
func takeFirst(outer, inner *lock.Mutex) { lockOuter(outer); lockInner(inner); outer.Unlock() }

//go:noinline
func takeSecond(outer, inner *lock.Mutex) { takeFirst(outer, inner) }

// fakeT is a testing.T that is not of this test.
type fakeT struct {
	failures []string
	cleanups []func()
}

func (f *fakeT) Helper() {}
func (f *fakeT) Errorf(format string, args ...any) {
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}
func (f *fakeT) Cleanup(fn func()) { f.cleanups = append(f.cleanups, fn) }

func TestATestFailsOnACircleOfThreeWithBothStacksOfEachOrder(t *testing.T) {
	var user fakeT
	lock.CheckOrderT(&user)
	a, b, c := three()
	var wg sync.WaitGroup
	for _, pair := range [][2]*lock.Mutex{{a, b}, {b, c}} {
		wg.Go(func() { takeFirst(pair[0], pair[1]) })
		wg.Wait()
	}
	if len(user.failures) != 0 {
		t.Fatalf("failed too early: %s", user.failures)
	}
	takeSecond(c, a)
	for _, cleanup := range user.cleanups {
		cleanup()
	}
	nest(b, a) // not watched any more

	if len(user.failures) != 1 {
		t.Fatalf("%d failures, want 1: %s", len(user.failures), user.failures)
	}
	text := user.failures[0]
	for _, order := range []string{`"c" → "a":`, `"a" → "b":`, `"b" → "c":`} {
		_, part, found := strings.Cut(text, "\n"+order+"\n")
		if !found {
			t.Fatalf("no order %s in\n%s", order, text)
		}
		held, wanted, _ := strings.Cut(part, "and then wanted")
		wanted, _, _ = strings.Cut(wanted, ":\n  goroutine") // to the next order
		for stack, functions := range map[string][]string{held: {"lockOuter", "takeFirst"}, wanted: {"lockInner", "takeFirst"}} {
			if order == `"c" → "a":` {
				functions = append(functions, "takeSecond", "TestATestFails")
			}
			for _, f := range functions {
				if !strings.Contains(stack, "lock_test."+f) {
					t.Errorf("%s: no %s in the stack\n%s", order, f, stack)
				}
			}
		}
	}
	if strings.Contains(text, "lock.(*Mutex)") {
		t.Errorf("frames of the package itself in\n%s", text)
	}
}

func TestADeadlockIsReportedWhenItHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := check(t)
		a, b, _ := three()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for _, pair := range [][2]*lock.Mutex{{a, b}, {b, a}} {
			wg.Go(func() {
				pair[0].Lock()
				defer pair[0].Unlock()
				time.Sleep(time.Millisecond)
				if err := pair[1].LockContext(ctx); err == nil {
					pair[1].Unlock()
				}
			})
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait() // both hang
		if got := told.heads(); len(got) != 1 || !strings.HasPrefix(got[0], "lock order inversion: ") {
			t.Errorf("told %q", got)
		}
		wg.Wait()
	})
}

func TestTryLockMakesNoOrderButIsHeld(t *testing.T) {
	told := check(t)
	a, b, c := three()
	try := func(outer, inner *lock.Mutex) {
		outer.Lock()
		defer outer.Unlock()
		if !inner.TryLock() {
			t.Fatal("a free lock was not taken")
		}
		inner.Unlock()
	}
	try(a, b)
	nest(b, a)
	told.told(t)
	if !c.TryLock() {
		t.Fatal("a free lock was not taken")
	}
	if c.TryLock() {
		t.Fatal("a lock was taken twice")
	}
	nest(a)
	c.Unlock()
	nest(a, c)
	told.told(t, `lock order inversion: "a" → "c" → "a"`)
}

func TestOrdersThatALockKeepsApartAreNotReported(t *testing.T) {
	gate := lock.Named("gate")
	a, b, c := three()
	t.Run("gated", func(t *testing.T) {
		told := check(t)
		nest(gate, a, b)
		nest(gate, b, a)
		told.told(t)
		nest(b, a) // beside the first
		told.told(t, `lock order inversion: "b" → "a" → "b"`)
	})
	t.Run("another gate each", func(t *testing.T) {
		told := check(t)
		nest(gate, a, b)
		nest(c, b, a)
		told.told(t, `lock order inversion: "b" → "a" → "b"`)
	})
	t.Run("one gate of two", func(t *testing.T) {
		told := check(t)
		nest(c, gate, a, b)
		nest(gate, b, a)
		told.told(t)
	})
	t.Run("no gate after all", func(t *testing.T) {
		told := check(t)
		nest(gate, a, b)
		nest(a, b)
		told.told(t)
		nest(gate, b, a)
		told.told(t, `lock order inversion: "b" → "a" → "b"`)
	})
	t.Run("the gate itself", func(t *testing.T) {
		told := check(t)
		nest(gate, a, b)
		nest(b, gate)
		told.told(t, `lock order inversion: "b" → "gate" → "b"`)
	})
	t.Run("many gates of one kind", func(t *testing.T) {
		told := check(t)
		for range 20 {
			nest(new(lock.Mutex), a, b)
		}
		told.told(t)
		nest(new(lock.Mutex), b, a)
		told.told(t, `lock order inversion: "b" → "a" → "b"`)
	})
	t.Run("many gates and one for all", func(t *testing.T) {
		told := check(t)
		for range 20 {
			nest(gate, new(lock.Mutex), a, b)
		}
		nest(gate, b, a)
		told.told(t)
		nest(new(lock.Mutex), a, b)
		told.told(t, `lock order inversion: "a" → "b" → "a"`)
	})
}

// In any order that all keep to, nothing is wrong, wherever and in whatever turn the locks are taken.
func TestLocksInOrderAreNotReported(t *testing.T) {
	told := check(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	all := make([]lock.Mutex, 30)
	for range 3000 {
		var some []*lock.Mutex
		for i := range all {
			if rnd.IntN(10) == 0 {
				some = append(some, &all[i])
			}
		}
		nest(some...)
	}
	told.told(t)
}

func TestLocksOfOneNameAreOneClass(t *testing.T) {
	told := check(t)
	user1, user2 := lock.Named("user"), lock.Named("user")
	session1, session2 := lock.Named("session"), lock.Named("session")
	nest(user1, session1)
	nest(session2, user2) // locks that were never met before
	told.told(t, `lock order inversion: "session" → "user" → "session"`)

	var unnamed1, unnamed2 lock.Mutex
	nest(&unnamed1, session1)
	nest(session2, &unnamed2)
	told.told(t)
}

func TestLocksOfOneNameHaveAnOrderOfTheirOwn(t *testing.T) {
	told := check(t)
	var accounts []*lock.Mutex
	for range 4 {
		accounts = append(accounts, lock.Named("account"))
	}
	for i := range accounts {
		for j := range i {
			nest(accounts[j], accounts[i])
		}
	}
	told.told(t)
	nest(accounts[3], accounts[1])
	told.told(t, `lock order inversion: "account"#1 → "account"#2 → "account"#1`)
}

func TestAnUnnamedLockIsKnownByWhereItWasFirstLocked(t *testing.T) {
	told := check(t)
	var a, b, c lock.Mutex
	a.Lock()
	b.With(func() {})
	a.Unlock()
	nest(&b, &a)
	got := told.heads()
	if len(got) != 1 || strings.Count(got[0], "lock@order_test.go:") != 3 || strings.Contains(got[0], "#") {
		t.Errorf("told %q", got)
	}
	nest(&c)
	nest(new(lock.Mutex), &c) // first locked in the same place
}

func TestARecursionIsReportedBeforeItHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := check(t)
		a, b, _ := three()
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			a.Lock()
			b.Lock()
			begun := time.Now()
			if err := a.LockContext(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
				t.Errorf("%v after %v", err, time.Since(begun))
			}
			b.Unlock()
			a.Unlock()
			cancel()
		}
		recursion := `locks "a" twice, and so waits for itself`
		if got := told.heads(); len(got) != 1 || !strings.HasSuffix(got[0], recursion) {
			t.Errorf("told %q", got) // and no b → a → b, since a is held in both
		}
		go a.With(func() { a.Lock() })
		synctest.Wait()
		if got := told.heads(); len(got) != 1 || !strings.HasSuffix(got[0], recursion) {
			t.Errorf("told %q", got)
		}
		a.Unlock() // in the place of whoever hangs
		synctest.Wait()
	})
}
