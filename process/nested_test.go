//go:build unix

package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/process"
)

func contextWithTimeout(t testing.TB, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

// A task that has a pool of its own.
var nested = potok.Define("process_test.nested", func(ctx context.Context, how string) (int, error) {
	opts := []process.Option{process.Output(io.Discard)}
	if how == "memory" {
		opts = append(opts, process.MemoryLimit(256<<20))
	}
	p, err := process.NewPool(1, opts...)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if how == "unknown" {
		return late().Submit(ctx, p, 0).Result(ctx)
	}
	return harm.Submit(ctx, p, how).Result(ctx)
})

func TestATaskMayHaveAPoolAndItsErrorsCrossBack(t *testing.T) {
	p := newPool(t, 1, process.Output(io.Discard))
	defer p.Close()
	ctx := within(t)
	outer := pidOf(t, p)
	if inner, err := nested.Submit(ctx, p, "nothing").Result(ctx); err != nil || inner == outer || inner == 0 {
		t.Errorf("%d inside %d, %v", inner, outer, err)
	}
	_, err := nested.Submit(ctx, p, "SIGKILL").Result(ctx)
	died, ok := errors.AsType[*process.WorkerDied](err)
	if !ok || died.PID == outer || died.PID == 0 || died.Signal == nil || died.Signal.String() != "killed" || died.Task != harm.Name() {
		t.Errorf("%v: %+v", err, died)
	}
	_, err = nested.Submit(ctx, p, "fatal error").Result(ctx)
	died, ok = errors.AsType[*process.WorkerDied](err)
	if !ok || died.ExitCode != 2 || died.Signal != nil || died.Cause != "fatal error: as Go says it" || !strings.Contains(died.Stderr, "more words") {
		t.Errorf("%v: %+v", err, died)
	}
	if _, err := nested.Submit(ctx, p, "unknown").Result(ctx); !errors.Is(err, process.ErrUnknownTask) {
		t.Errorf("%v", err)
	}
	if !process.RaceEnabled {
		if _, err := nested.Submit(ctx, p, "memory").Result(ctx); !errors.Is(err, process.ErrMemoryLimit) {
			t.Errorf("%v", err)
		}
	}
	if after := pidOf(t, p); after != outer {
		t.Errorf("worker %d, then %d", outer, after)
	}
}

// A chunk whose items take long is divided among those who have nothing to do.
func TestNoItemWaitsBehindASlowOneWhileAWorkerIsIdle(t *testing.T) {
	p := newPool(t, 2)
	defer p.Close()
	ctx := within(t)
	in := make([]int, 20)
	for i := range in {
		in[i] = 10 // ms
	}
	ran := make(map[int]int)
	for pid, err := range whoAmI.Map(ctx, p, slices.Values(in), potok.Chunk(len(in)), potok.Lookahead(len(in))) {
		if err != nil {
			t.Fatal(err)
		}
		ran[pid]++
	}
	if len(ran) != 2 {
		t.Fatalf("%v", ran)
	}
	for pid, n := range ran {
		if n < 4 {
			t.Errorf("worker %d ran %d items of %d", pid, n, len(in))
		}
	}
}

var lethalAt = potok.Define("process_test.lethalAt", func(_ context.Context, n int) (int, error) {
	if n%700 == 500 {
		os.Exit(3)
	}
	return -n, nil
})

// What has finished in a chunk counts, also if nobody has looked at it when its worker dies; what has not begun runs elsewhere.
func TestADeathCostsOneItemOfAChunk(t *testing.T) {
	p := newPool(t, 2)
	defer p.Close()
	ctx := within(t)
	in := make([]int, 3000)
	for i := range in {
		in[i] = i
	}
	i := 0
	for v, err := range lethalAt.Map(ctx, p, slices.Values(in)) {
		died, ok := errors.AsType[*process.WorkerDied](err)
		switch {
		case i%700 == 500:
			if !ok || died.ExitCode != 3 {
				t.Errorf("item %d: %d, %v", i, v, err)
			}
		case v != -i || err != nil:
			t.Errorf("item %d: %d, %v", i, v, err)
		}
		i++
	}
	if i != len(in) {
		t.Errorf("%d results", i)
	}
	if s := p.Stats(); s.Succeeded != 2996 || s.Failed != 4 || s.Unread != 0 {
		t.Errorf("%+v", s)
	}
}
