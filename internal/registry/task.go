package registry

import (
	"context"
	"fmt"
	"reflect"
	"sync"
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
