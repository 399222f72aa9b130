package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
)

// Defaults of Keep and MaxAttempts.
const (
	DefaultKeep        = 7 * 24 * time.Hour
	DefaultMaxAttempts = 3
)

// Option is an option of Connect.
type Option interface{ apply(*options) }

type option func(*options)

func (o option) apply(to *options) { o(to) }

type options struct {
	run      string
	named    bool
	name     string
	backlog  int
	observer any // a potok.Observer, or nil
	keep     time.Duration
	attempts int
	priority Priority
	trace    func(context.Context) string // nil: none
}

// WithRun names the run, in letters, digits, - and _. Connecting again under this name, also at the same time and from
// another machine, goes on with it: a call is known by its task, its argument, and how many equal ones came before it;
// results that are stored are read, and only what is missing runs. In a run with a name each call is a message of its own,
// and the client keeps some tens of bytes for each. Without this option a run has a name that nobody knows, calls of SubmitAll
// and Map may share a message, and the client keeps nothing of what is done.
func WithRun(id string) Option {
	return option(func(o *options) { o.run, o.named = id, true })
}

// WithName sets the name that observers are told, and that logs have.
func WithName(name string) Option { return option(func(o *options) { o.name = name }) }

// WithBacklog limits how many calls are queued, on the server too: Submit then blocks until there is room or its ctx ends.
// Without it there is no limit, but no more than some thousands are sent to the server before others are done. It panics if
// n is negative.
func WithBacklog(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("potok/cluster: WithBacklog(%d)", n))
	}
	return option(func(o *options) { o.backlog = n })
}

// WithObserver sets who is told of the client's calls. Started is called when the client hears of it.
func WithObserver(observer potok.Observer) Option {
	return option(func(o *options) { o.observer = observer })
}

// Keep says how long results are kept on the server, in whole seconds; without it DefaultKeep. A run whose first results
// may be past that time is not taken up again: Connect says so. It panics for less than a second.
func Keep(d time.Duration) Option {
	if d < time.Second {
		panic(fmt.Sprintf("potok/cluster: Keep(%v): less than a second", d))
	}
	return option(func(o *options) { o.keep = d.Truncate(time.Second) })
}

// MaxAttempts says how many times a call may begin on a worker that then is not heard of any more, before it is given up
// with ErrDead; without it DefaultMaxAttempts. That a worker had fetched it counts as the first time. Attempts that return are the task's: see potok.Retry. It panics if n is less
// than 1.
func MaxAttempts(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("potok/cluster: MaxAttempts(%d)", n))
	}
	return option(func(o *options) { o.attempts = n })
}

// Trace has what inject returns cross to the worker beside each call: of the ctx that was given to Submit, or of a Map, the
// trace context, say, as a traceparent header has it (W3C Trace Context). inject is called by whoever submits.
func Trace(inject func(ctx context.Context) string) Option {
	return option(func(o *options) { o.trace = inject })
}

// ServeOption is an option of Serve.
type ServeOption interface{ applyServe(*serveOptions) }

type serveOption func(*serveOptions)

func (o serveOption) applyServe(to *serveOptions) { o(to) }

type serveOptions struct {
	tasks []string // that are served
	name  string
	ready func()
	trace func(context.Context, string) context.Context // nil: none
}

// WorkerName sets the name that clients hear; without it that of the machine and the number of the process.
func WorkerName(name string) ServeOption {
	return serveOption(func(o *serveOptions) { o.name = name })
}

// TraceFrom has extract make the context of a call, of ctx and of what Trace's inject has returned for it, if that is not
// empty.
func TraceFrom(extract func(ctx context.Context, trace string) context.Context) ServeOption {
	return serveOption(func(o *serveOptions) { o.trace = extract })
}

// Tasks has the worker serve calls of these tasks only; without it, of all that are defined in the program. A name that is
// defined nowhere panics.
func Tasks(names ...string) ServeOption {
	for _, name := range names {
		if registry.Lookup(name) == nil {
			panic(fmt.Sprintf("potok/cluster: Tasks(%q): no such task", name))
		}
	}
	return serveOption(func(o *serveOptions) { o.tasks = names })
}

// OnReady has fn called once, when the worker has said that it is there and asks for calls. fn must not block.
func OnReady(fn func()) ServeOption { return serveOption(func(o *serveOptions) { o.ready = fn }) }
