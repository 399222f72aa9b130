package faults_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster/embedded"
)

// A load is the argument of a call whose argument and result are too large for messages.
type load struct {
	Order order
	Bytes []byte
}

var carry = potok.Define("faults.carry", func(ctx context.Context, l load) ([]byte, error) {
	if _, err := work.Call(ctx, l.Order); err != nil {
		return nil, err
	}
	return bytes.ToUpper(l.Bytes), nil
})

// What is large is on its way in many pieces, any of which may be lost with the server, or its answer.
func TestKillOfTheServerLosesNothingLarge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, url := startServer(t, dir, "127.0.0.1:0", embedded.Fast)
	for range 2 {
		startWorker(t, url, 2)
	}
	all := orders(t, 24, 10)
	loads := make([]load, len(all))
	for i := range loads {
		loads[i] = load{all[i], bytes.Repeat([]byte{'a' + byte(i)}, 3<<20+i)}
	}
	c := connectTo(t, url, "large")
	futures := carry.SubmitAll(t.Context(), c, loads)
	for _, n := range []int{0, 8} {
		begun(t, all, n)
		time.Sleep(20 * time.Millisecond) // arguments and results are on their way
		server.kill()
		time.Sleep(100 * time.Millisecond)
		server, _ = startServer(t, dir, strings.TrimPrefix(url, "nats://"), embedded.Fast)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, f := range futures {
		got, err := f.Result(ctx)
		if err != nil || !bytes.Equal(got, bytes.ToUpper(loads[i].Bytes)) {
			t.Errorf("call %d: %d bytes, %v", i, len(got), err)
		}
	}
	_, total := executions(t, all)
	t.Logf("%d executions of %d calls", total, len(all))
}
