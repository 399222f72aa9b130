package main

import (
	"context"
	"sync"
	"testing"

	"github.com/potok-go/potok/lock"
	"github.com/sasha-s/go-deadlock"
)

func TestWhatACheckFindsIsAFault(t *testing.T) {
	tests := map[string]contender{
		"CheckOrder":  underCheckOrder(keeping("", 1, endless, func() ledger { return &inverted{a: new(lock.Mutex), b: new(lock.Mutex)} })),
		"go-deadlock": underDeadlock(keeping("", 1, endless, func() ledger { return &inverted{a: new(deadlock.Mutex), b: new(deadlock.Mutex)} }), 0),
	}
	for name, c := range tests {
		trial := c.prepare(1)
		if err := trial.run(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := trial.verify(); err == nil {
			t.Errorf("%s: two orders of two locks: not found", name)
		}
	}
}

// inverted takes its locks in both orders.
type inverted struct {
	a, b sync.Locker
	total
}

func (l *inverted) add(_ context.Context, times int) error {
	l.a.Lock()
	l.b.Lock()
	l.n += times
	l.b.Unlock()
	l.a.Unlock()

	l.b.Lock()
	l.a.Lock()
	l.a.Unlock() //nolint:staticcheck // that it was locked is all
	l.b.Unlock()
	return nil
}
