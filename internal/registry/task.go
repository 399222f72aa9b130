package registry

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"
)

// A Task is a function with a name, its types erased: what a worker on the
// other side of a wire finds when it is told the name.
type Task struct {
	Name string
	In   reflect.Type // of the argument
	Out  reflect.Type // of the result

	// Run runs the function here and now. in is an *In, as NewIn gives it, and
	// out an *Out, also beside an error.
	Run func(ctx context.Context, in any) (out any, err error)

	// Submit has ex, a potok.Executor, run the function once for each argument; ins is a *[]In. An attempt may take so long;
	// 0: any time. It blocks where Submit of that executor does. cancel cancels one of the calls, for this cause.
	Submit func(ctx context.Context, ex, ins any, timeout time.Duration, from *Served) (cancel func(i int, cause error))
	// Map does so for consecutive items of a Map, and blocks until they are done. Before each but the first more is asked
	// whether it shall begin at all; the first false is the end.
	Map func(ctx context.Context, ex, ins any, more func() bool, from *Served)
}

// Served is told what becomes of calls that were submitted elsewhere and run here.
type Served struct {
	// Begun is told that a call has begun, perhaps on the goroutine that runs it, and of a Map that the first has.
	Begun func(i int)
	// Done is told that a call is done, once for each: out is an *Out, whatever the error. Of a Map it is called in
	// order, and not for calls that have not begun.
	Done func(i int, out any, err error)
	// Closed is told, before Done if that is called at all, that calls are not done because the executor was closed.
	Closed func()
}

// NewIn returns a pointer to a zero argument, to decode into.
func (t *Task) NewIn() any { return reflect.New(t.In).Interface() }

var tasks struct {
	mu     sync.RWMutex // guards byName
	byName map[string]*Task
}

// Add makes t known by its name. An empty name and a second use of one panic:
// a worker could not tell which function is meant.
func Add(t *Task) {
	if t.Name == "" {
		panic("potok: a task needs a name")
	}
	tasks.mu.Lock()
	defer tasks.mu.Unlock()
	if _, taken := tasks.byName[t.Name]; taken {
		panic(fmt.Sprintf("potok: task %q is defined twice", t.Name))
	}
	if tasks.byName == nil {
		tasks.byName = make(map[string]*Task)
	}
	tasks.byName[t.Name] = t
}

// Lookup returns the task of that name, or nil. It is safe for concurrent use.
func Lookup(name string) *Task {
	tasks.mu.RLock()
	defer tasks.mu.RUnlock()
	return tasks.byName[name]
}

// Names returns the names of all tasks, in order. It is safe for concurrent use.
func Names() []string {
	tasks.mu.RLock()
	defer tasks.mu.RUnlock()
	return slices.Sorted(maps.Keys(tasks.byName))
}
