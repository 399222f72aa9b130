//go:build unix

package process

import (
	"context"
	"errors"
	"testing"

	"github.com/potok-go/potok"
)

var watched = potok.Define("process_internal_test.watched", func(_ context.Context, limit int64) (int, error) {
	go watchMemory(limit)
	for size := 1; ; size *= 2 {
		b := make([]byte, size<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
	}
})

// What other systems do instead of a limit works on all.
func TestAWorkerThatWatchesItsMemoryEnds(t *testing.T) {
	p, pid := poolOfOne(t, MemoryLimit(4<<30))
	before := pid()
	_, err := watched.Submit(t.Context(), p, 128<<20).Result(t.Context())
	if died, ok := errors.AsType[*WorkerDied](err); !ok || !errors.Is(err, ErrMemoryLimit) || died.PID != before {
		t.Errorf("%v", err)
	}
	pid() // of the next
}

func TestAWishCrosses(t *testing.T) {
	for _, w := range []wish{{1, 0, 0}, {8, 1 << 40, -5}} {
		if got, ok := parseWish(w.String()); !ok || got != w {
			t.Errorf("%+v, %v", got, ok)
		}
	}
	for _, bad := range []string{"", "1", "0 0 0", "1 -1 0", "x 1 1", "1 1"} {
		if w, ok := parseWish(bad); ok {
			t.Errorf("%q is %+v", bad, w)
		}
	}
}
