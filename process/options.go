package process

import (
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/wire"
)

// An Option changes a Pool.
type Option interface{ apply(o *options) }

type option func(o *options)

func (f option) apply(o *options) { f(o) }

type options struct {
	name     string
	backlog  int
	observer any
	maxTasks int
	memory   int64
	grace    time.Duration
	start    time.Duration // until a worker is ready, and again for Init
	env      []string
	output   io.Writer
	init     *initial
}

// initial is the call that a new worker begins with.
type initial struct {
	task string
	in   []byte
	err  error // the argument cannot be sent
}

// DefaultGrace is how long a call has to end after it was asked to, unless Grace says otherwise.
const DefaultGrace = time.Second

// MaxTasks replaces a worker after so many calls, for tasks that leak. It panics if n is less than 1.
func MaxTasks(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("potok/process: MaxTasks(%d)", n))
	}
	return option(func(o *options) { o.maxTasks = n })
}

// MemoryLimit ends a worker that takes more memory than this: the call that ran fails with a *WorkerDied that matches
// ErrMemoryLimit. On Linux it is a limit on the worker's data, of which the collector knows, and which Go's own 10 to 20 MB
// are part of; elsewhere it is not enforced. It panics if bytes is less than 32 MiB.
func MemoryLimit(bytes int64) Option {
	if bytes < 32<<20 {
		panic(fmt.Sprintf("potok/process: MemoryLimit(%d) is less than 32 MiB", bytes))
	}
	return option(func(o *options) { o.memory = bytes })
}

// Grace is how long a call that is cancelled, or past its deadline, has to end by itself before its worker is killed:
// DefaultGrace unless given; 0: no time. It panics if d is negative.
func Grace(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("potok/process: Grace(%v)", d))
	}
	return option(func(o *options) { o.grace = d })
}

// Env adds variables, as "NAME=value", to the environment that workers have from this process.
func Env(kv ...string) Option {
	return option(func(o *options) { o.env = append(o.env, kv...) })
}

// WithName names the pool for observers and in what its workers print.
func WithName(s string) Option { return option(func(o *options) { o.name = s }) }

// WithBacklog bounds how many calls are queued: Submit blocks while there are n, until there is room or ctx ends. 0: a
// call is only taken by a worker that is free. It panics if n is negative.
func WithBacklog(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("potok/process: WithBacklog(%d)", n))
	}
	return option(func(o *options) { o.backlog = n })
}

// WithObserver tells o what happens to calls.
func WithObserver(obs potok.Observer) Option {
	return option(func(o *options) { o.observer = obs })
}

// Output is where what workers write to stdout and stderr goes, line by line, each with the worker's number in front;
// os.Stderr unless given. One goroutine at a time writes to w. If w is nil it is thrown away.
func Output(w io.Writer) Option {
	return option(func(o *options) {
		o.output = w
		if w == nil {
			o.output = io.Discard
		}
	})
}

// Init runs a task once in each new worker, before all calls. A worker in which it fails does not start.
// NewPool returns an error if arg cannot be sent.
func Init[T any](task *potok.Task[T, struct{}], arg T) Option {
	in, err := encodeArgument(task.Name(), &arg)
	if bad := wire.CheckType(reflect.TypeFor[T]()); bad != nil {
		err = bad
	}
	return option(func(o *options) { o.init = &initial{task.Name(), in, err} })
}
