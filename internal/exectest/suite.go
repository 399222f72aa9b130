// Package exectest is the conformance suite of executors: what api.md promises
// of every place where calls run, each rule a case whose name is a sentence. A
// meaning that is not checked here is not promised.
//
//	func TestExecutor(t *testing.T) {
//		exectest.Run(t, exectest.Options{New: func(t testing.TB, workers int, s ...exectest.Setting) potok.Executor {
//			return myPool(t, workers, exectest.Collect(s...))
//		}})
//	}
//
// The cases use Tasks only, and talk with a running task only through a probe,
// whose medium is memory or files, so that a case does not know whether the task
// runs on a goroutine, in a process or on another machine. What an executor
// cannot do is data in its Options; no case asks which executor it has.
//
// Where Options.Bubbles is set every case runs in a synctest bubble, then
// outside of bubbles, then in a second bubble, all in one process: what an
// executor keeps for reuse must not travel between them. Every wait is bounded,
// by fake time in a bubble. After each case the goroutines must be gone.
package exectest

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potok-go/potok"
)

// Options say what to test and what it can do. The zero values are those of the
// poorest executor: one whose calls run in another process.
type Options struct {
	// New makes an executor with so many workers. The case closes it.
	New func(t testing.TB, workers int, s ...Setting) potok.Executor

	// SharesMemory: arguments, results and errors are not copied, values of the
	// ctx reach the call, and a call can reach its own executor.
	SharesMemory bool
	// Lends: a call that waits lends its place.
	Lends bool
	// SameProcess: tasks run in this process, though they may share nothing else.
	SameProcess bool
	// Bubbles: it works in a synctest bubble. Needs SameProcess.
	Bubbles bool
	// Refuses: it has RefuseWhenFull.
	Refuses bool
	// MayRunCancelled: a call that was cancelled before it started may still run
	// without anybody hearing of it, as on a cluster.
	MayRunCancelled bool

	// Calls is how many the longest case makes; 0: 10,000. Others that go by numbers make less of everything with it.
	Calls int
}

// A rule is one case.
type rule struct {
	name  string
	needs func(Options) bool // nil: everybody
	where place
	run   func(*env)
}

// place says where a rule can be checked.
type place int

const (
	everywhere place = iota
	inBubbles        // it is about times, which are exact only there
	outside          // it has too many steps, or bytes, for more than one pass
)

func lends(o Options) bool        { return o.Lends }
func sharesMemory(o Options) bool { return o.SharesMemory }
func copies(o Options) bool       { return !o.SharesMemory }
func refuses(o Options) bool      { return o.Refuses }

// rules are all of them, by what they are about.
func rules() map[string][]rule {
	return map[string][]rule{
		"Results":   resultRules,
		"Errors":    errorRules,
		"Cancel":    cancelRules,
		"Contexts":  contextRules,
		"Close":     closeRules,
		"Shutdown":  shutdownRules,
		"Wait":      waitRules,
		"Callbacks": callbackRules,
		"Map":       slices.Concat(mapRules, mapEndRules),
		"Retry":     retryRules,
		"Timeout":   timeoutRules,
		"Limits":    limitRules,
		"Backlog":   backlogRules,
		"Observer":  observerRules,
		"Stats":     statsRules,
		"Lending":   lendingRules,
		"Wrapper":   wrapperRules,
		"Soak":      soakRules,
	}
}

// Run checks every rule that applies to the executor.
func Run(t *testing.T, opts Options) {
	if opts.New == nil || opts.Bubbles && !opts.SameProcess {
		t.Fatal("exectest: New is missing, or Bubbles without SameProcess")
	}
	all := rules()
	for _, topic := range slices.Sorted(maps.Keys(all)) {
		t.Run(topic, func(t *testing.T) {
			for _, r := range all[topic] {
				if r.needs != nil && !r.needs(opts) || r.where == inBubbles && !opts.Bubbles {
					continue
				}
				t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) { check(t, opts, r) })
			}
		})
	}
}

// check runs one case in all its places.
func check(t *testing.T, opts Options, r rule) {
	bubble := func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { r.run(newEnv(t, opts, true)) })
	}
	open := func(t *testing.T) { r.run(newEnv(t, opts, false)) }
	if opts.Bubbles && r.where != outside {
		t.Run("bubble", bubble)
	}
	if r.where != inBubbles {
		t.Run("outside", open)
	}
	if opts.Bubbles && r.where != outside {
		t.Run("second_bubble", bubble)
	}
}

// env is what a case stands in: its executors, its probes, its bound.
type env struct {
	*testing.T
	opts   Options
	bubble bool
	dir    string // of the probes; "": they are in memory

	// background is for submitting, bounded for whatever the case itself waits
	// for: it ends, and fails the case, where nothing happens any more.
	background context.Context //nolint:containedctx // the case is what it bounds
	bounded    context.Context //nolint:containedctx // the same

	mu        sync.Mutex // guards the fields below; never held while blocking
	executors []potok.Executor
	probes    []*probe
}

// A case that waits longer has failed. In a bubble the time is fake and passes
// only when nothing else can happen, so the bound is beyond all pauses of cases.
const (
	bound       = 30 * time.Second
	bubbleBound = 1000 * time.Hour
)

func newEnv(t *testing.T, opts Options, bubble bool) *env {
	e := &env{T: t, opts: opts, bubble: bubble, background: context.Background()}
	if !opts.SameProcess {
		e.dir = t.TempDir() // before the clean-up below, so that it is removed after it
	}
	limit := bound
	if bubble {
		limit = bubbleBound
	}
	before := runtime.NumGoroutine()
	bounded, cancel := context.WithTimeout(e.background, limit)
	e.bounded = bounded
	t.Cleanup(func() {
		e.end()
		cancel()
		if !bubble { // a bubble sees to it by itself
			e.noMoreGoroutinesThan(before)
		}
	})
	return e
}

// end lets go whatever still waits, and closes what the case has made.
func (e *env) end() {
	e.mu.Lock()
	executors, probes := e.executors, e.probes
	e.mu.Unlock()
	for _, p := range probes {
		p.openAll()
	}
	for _, ex := range executors {
		e.returns("Close at the end of the case", func() { _ = ex.Close() })
	}
	// After a Shutdown whose ctx ended Close does not wait.
	for _, ex := range executors {
		e.until("nothing runs any more", func() bool { s := ex.Stats(); return s.Running == 0 && s.Queued == 0 })
	}
	for _, p := range probes {
		p.forget()
	}
}

// noMoreGoroutinesThan waits until what was started has gone. Timers and
// finished calls may take a moment for their last step.
func (e *env) noMoreGoroutinesThan(before int) {
	e.Helper()
	limit := time.After(bound)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > before {
		select {
		case <-tick.C:
		case <-limit:
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			e.Errorf("%d goroutines before the case, %d after it:\n%s", before, runtime.NumGoroutine(), stacks)
			return
		}
	}
}

// executor returns one to test, which is closed at the end of the case.
func (e *env) executor(workers int, s ...Setting) potok.Executor {
	e.Helper()
	ex := e.opts.New(e, workers, s...)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.executors = append(e.executors, ex)
	return ex
}
