package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
	"github.com/potok-go/potok/internal/wire"
)

// Pool is an Executor whose calls run in processes of their own: this program again. It is made by NewPool, and takes
// Tasks only. All methods are safe for concurrent use.
type Pool struct {
	near    *remote.Executor // the queue before the places, and what all executors mean
	options options
	wish    wish

	starts  chan func()    // for the goroutine that starts all workers
	keepers sync.WaitGroup // one for each place, and who starts and who prints
	leaving chan struct{}  // closed when workers are not needed any more
	leave   sync.Once
	printer printer

	mu       sync.Mutex // guards the fields below; never held while blocking
	places   []*worker  // the last that was ready at each; nil: none yet
	failures int        // starts in a row that failed
}

var _ potok.Executor = (*Pool)(nil)

// NewPool starts so many workers, and returns at once: calls are queued until a worker is there.
//
// It does not block. It returns an error if Main was not called in this process, as a worker would then run the program
// instead of serving, and if the argument of Init cannot be sent. It panics if workers is less than 1.
func NewPool(workers int, opts ...Option) (*Pool, error) {
	if workers < 1 {
		panic(fmt.Sprintf("potok/process: NewPool(%d)", workers))
	}
	o := options{backlog: -1, grace: DefaultGrace, start: startTimeout, output: os.Stderr}
	for _, opt := range opts {
		opt.apply(&o)
	}
	if !mainCalled.Load() {
		return nil, errors.New("potok/process: Main was not called: it has to be the first statement of main, and of TestMain")
	}
	if o.init != nil && o.init.err != nil {
		return nil, fmt.Errorf("potok/process: Init: %w", o.init.err)
	}
	p := &Pool{
		options: o,
		wish:    wish{processors: max(1, runtime.GOMAXPROCS(0)/workers), memory: o.memory, program: program},
		starts:  make(chan func()),
		leaving: make(chan struct{}),
		places:  make([]*worker, workers),
	}
	p.printer = printer{turn: make(chan struct{}, 1), to: o.output}
	p.near = remote.New(remote.Config{
		Places:   workers,
		Backlog:  o.backlog,
		Name:     o.name,
		Observer: o.observer,
		Encode:   encode,
		Worker:   p.workerName,
		Ahead:    true,
	})
	p.keepers.Go(p.start)
	for i := range p.places {
		p.keepers.Go(func() { p.keep(i) })
	}
	return p, nil
}

// encode makes bytes of the argument. It also fails where the result could not be sent: better before the task has run
// than after.
func encode(c registry.Call) ([]byte, error) {
	t := c.Task()
	if err := wire.CheckTask(t); err != nil {
		return nil, fmt.Errorf("potok/process: task %s: %w", t.Name, err)
	}
	return encodeArgument(t.Name, c.In())
}

func encodeArgument(task string, pointer any) ([]byte, error) {
	in, err := wire.Append(nil, pointer)
	if err != nil {
		return nil, fmt.Errorf("potok/process: the argument of %s: %w", task, err)
	}
	f := callHead{task: task}.frame(nil, in)
	if err := f.seal(); err != nil {
		return nil, fmt.Errorf("potok/process: the argument of %s: %w", task, err)
	}
	return in, nil
}

func (p *Pool) workerName(place int) string {
	name := p.options.name
	if name == "" {
		name = "process"
	}
	return fmt.Sprintf("%s/%d", name, place)
}

// Stats says how many workers and calls there are in which state. It does not block and is safe for concurrent use.
func (p *Pool) Stats() potok.Stats { return p.near.Stats() }

// Wait blocks until nothing is queued, running or between two attempts, or ctx ends: then the error matches ctx.Err() and
// context.Cause(ctx). The pool stays usable. It is safe for concurrent use.
func (p *Pool) Wait(ctx context.Context) error { return p.near.Wait(ctx) }

// Dispatch is how a Task hands its calls over; it is not for users. It blocks while the backlog is full.
func (p *Pool) Dispatch(calls registry.Batch) { p.near.Dispatch(calls) }

// TakesChunks is for a Task's Map; it is not for users.
func (p *Pool) TakesChunks() bool { return p.options.maxTasks == 0 && p.near.TakesChunks() }

// ChunkTime is for a Task's Map; it is not for users.
func (p *Pool) ChunkTime() time.Duration { return p.near.ChunkTime() }

// Shutdown takes no more calls and blocks until those that it accepted are done and the workers are gone. When ctx ends
// first it cancels the rest and returns ctx's cause; it does not wait then, and workers live until their calls have ended.
// It is safe for concurrent use.
func (p *Pool) Shutdown(ctx context.Context) error {
	return p.end(p.near.Shutdown(ctx))
}

// Close takes no more calls, cancels what is queued, ends what runs, and blocks until the workers are gone: for as long
// as a call is given to end, then it is killed. It is safe for concurrent use, and may be called any number of times.
func (p *Pool) Close() error {
	return p.end(p.near.Close())
}

// end lets the workers go, and waits for them, or lets go of each when its call has ended if that may take a while.
func (p *Pool) end(err error) error {
	if err == nil {
		p.stop()
		p.keepers.Wait()
		return nil
	}
	go func() { // nobody waits for it: that is what the error says
		p.near.Landed()
		p.stop()
	}()
	return err
}

// stop lets the workers go.
func (p *Pool) stop() { p.leave.Do(func() { close(p.leaving) }) }
