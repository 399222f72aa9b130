package potok

import (
	"context"

	"github.com/potok-go/potok/internal/registry"
)

// An Executor is a place where calls of Tasks run: a Pool, on goroutines; a
// process.Pool; a cluster.Client. The same words mean the same on each of them.
//
// Others make an Executor by embedding one: calls always go through the
// interface, so what the wrapper redefines is what happens. In tests of your
// own, take NewPool(1) in a synctest bubble rather than a mock.
type Executor interface {
	// Stats says how many workers and calls there are in which state.
	Stats() Stats
	// Wait blocks until nothing is queued or running, or ctx ends. The executor
	// stays usable.
	Wait(ctx context.Context) error
	// Shutdown takes no more calls and blocks until those that it accepted are
	// done. When ctx ends first it cancels the rest and returns ctx's cause.
	Shutdown(ctx context.Context) error
	// Close takes no more calls, cancels what is queued and running, and blocks
	// until the workers are gone.
	Close() error
	// Dispatch accepts calls or settles them. Its parameter is not for users, so
	// it is called by Task and implemented by embedding an Executor.
	Dispatch(calls registry.Batch)
}

// Stats are the numbers of an executor at about one moment.
type Stats struct {
	Workers int // how many calls may run at once
	Idle    int // of those: without a call
	Queued  int // calls accepted and not started
	Running int // calls that run
	Waiting int // calls that lent their place, or are between two attempts

	Succeeded uint64 // calls that ended so
	Failed    uint64 // calls that failed, or were refused
	Cancelled uint64 // calls that were cancelled, before or while they ran
	Unread    uint64 // failed calls whose outcome nobody has asked for
}
