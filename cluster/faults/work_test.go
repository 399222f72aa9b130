package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok"
)

// An order is the argument of a call that notes that it runs.
type order struct {
	N      int
	Millis int
	Notes  string // a file
}

var work = potok.Define("faults.work", func(ctx context.Context, o order) (int, error) {
	if err := o.note(); err != nil {
		return 0, err
	}
	select {
	case <-time.After(time.Duration(o.Millis) * time.Millisecond):
		return o.answer(), nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
})

// deadly kills the process that runs it.
var deadly = potok.Define("faults.deadly", func(_ context.Context, o order) (int, error) {
	if err := o.note(); err != nil {
		return 0, err
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return 0, err
	}
	time.Sleep(time.Duration(o.Millis) * time.Millisecond)
	if err := self.Kill(); err != nil {
		return 0, err
	}
	select {} // it takes a moment
})

func (o order) answer() int { return 3*o.N + 1 }

// note appends a line, which others see whole and which outlives this process.
func (o order) note() error {
	f, err := os.OpenFile(o.Notes, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d\n", o.N)
	return err
}

func orders(t testing.TB, n, millis int) []order {
	t.Helper()
	notes := t.TempDir() + "/notes"
	all := make([]order, n)
	for i := range all {
		all[i] = order{i, millis, notes}
	}
	return all
}

// executions returns how many times each call has begun.
func executions(t testing.TB, all []order) (times map[int]int, total int) {
	t.Helper()
	times = make(map[int]int)
	f, err := os.Open(all[0].Notes)
	if os.IsNotExist(err) {
		return times, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); total++ {
		var n int
		if _, err := fmt.Sscan(strings.TrimSpace(lines.Text()), &n); err != nil {
			t.Fatal(err)
		}
		times[n]++
	}
	return times, total
}

// begun waits until so many calls have begun.
func begun(t testing.TB, all []order, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d calls have begun", n), func() bool {
		_, total := executions(t, all)
		return total >= n
	})
}
