package faults_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

func connection(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestKillOfWorkersLosesNothing(t *testing.T) {
	t.Parallel()
	_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	first, second := startWorker(t, url, 2), startWorker(t, url, 2)
	startWorker(t, url, 2)
	all := orders(t, 300, 10)
	c := connectTo(t, url, "workers")
	wait := submitAll(t, c, all)
	begun(t, all, 50)
	first.kill()
	begun(t, all, 120)
	second.kill()
	startWorker(t, url, 2)
	wait()
	checkRun(t, connection(t, url), "workers", all)
	_, total := executions(t, all)
	t.Logf("%d executions of %d calls", total, len(all))
	// What they ran, and what they had done and were not known to have: few, but more where the machine has much else to do.
	if total > len(all)+2*(2+8) {
		t.Errorf("%d executions: only what ran on the dead workers is to run again", total)
	}
}

func TestKillOfTheServerLosesNothing(t *testing.T) {
	t.Parallel()
	for _, mode := range []embedded.Mode{embedded.Fast, embedded.Strict} {
		t.Run(mode.String(), func(t *testing.T) {
			if mode == embedded.Strict {
				needsTime(t)
			}
			t.Parallel()
			dir := t.TempDir()
			server, url := startServer(t, dir, "127.0.0.1:0", mode)
			address := strings.TrimPrefix(url, "nats://")
			for range 2 {
				startWorker(t, url, 2)
			}
			all := orders(t, 300, 10)
			c := connectTo(t, url, "server")
			wait := submitAll(t, c, all)
			for _, n := range []int{40, 120} {
				begun(t, all, n)
				server.kill()
				time.Sleep(300 * time.Millisecond) // it is away, and calls end meanwhile
				server, _ = startServer(t, dir, address, mode)
			}
			wait()
			checkRun(t, connection(t, url), "server", all)
			_, total := executions(t, all)
			t.Logf("%d executions of %d calls", total, len(all))
		})
	}
}

func TestKillOfTheClientAndResume(t *testing.T) {
	t.Parallel()
	_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	startWorker(t, url, 2)
	all := orders(t, 150, 10)
	p := part{Role: "client", URL: url, Run: "client", Orders: all}
	nc := connection(t, url)
	var results, waiting map[string]uint64
	var before map[int]int
	for _, n := range []int{20, 60} {
		client := play(t, p).ready()
		client.answers(n)
		client.kill()
		results = subjects(t, newJetStream(t, nc), "POTOK_RESULTS", "potok.res.client.>")
		waiting = subjects(t, newJetStream(t, nc), "POTOK_CALLS", "potok.call.>")
		before, _ = executions(t, all)
	}
	client := play(t, p).ready()
	client.answers(len(all))
	if line := client.line(); line != "all" {
		t.Error(line)
	}
	checkRun(t, nc, "client", all)
	times, total := executions(t, all)
	t.Logf("%d executions of %d calls", total, len(all))
	token := strings.ReplaceAll(work.Name(), ".", "=2e")
	for _, o := range all {
		name := callName(t, o)
		has := results["potok.res.client."+name] > 0 && waiting["potok.call."+token+".client."+name] == 0
		if has && times[o.N] > before[o.N] {
			t.Errorf("call %d had a result, and ran again", o.N)
		}
	}
	// No worker died: only what ends while it is submitted anew may run again.
	if total > len(all)+20 {
		t.Errorf("%d executions of %d calls", total, len(all))
	}
}

func TestARunThatIsSubmittedTwice(t *testing.T) {
	t.Parallel()
	_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	for range 2 {
		startWorker(t, url, 2)
	}
	all := orders(t, 300, 5)
	p := part{Role: "client", URL: url, Run: "twice", Orders: all}
	var clients []*player
	for range 3 {
		clients = append(clients, play(t, p))
	}
	for _, client := range clients {
		client.ready()
	}
	for _, client := range clients {
		client.answers(len(all))
	}
	checkRun(t, connection(t, url), "twice", all)
	_, total := executions(t, all)
	t.Logf("%d executions of %d calls", total, len(all))
	late := play(t, p).ready()
	late.answers(len(all))
	if _, again := executions(t, all); again != total {
		t.Errorf("%d calls that have a result were run again", again-total)
	}
}

// As one does that keeps all in memory.
func TestAServerThatComesBackWithNothing(t *testing.T) {
	t.Parallel()
	server, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	for range 2 {
		startWorker(t, url, 2)
	}
	all := orders(t, 200, 20)
	c := connectTo(t, url, "nothing")
	wait := submitAll(t, c, all)
	begun(t, all, 60)
	server.kill()
	startServer(t, t.TempDir(), strings.TrimPrefix(url, "nats://"), embedded.Fast)
	wait()
	_, total := executions(t, all)
	t.Logf("%d executions of %d calls", total, len(all))
}

// A call that kills whoever runs it is given up after three processes, and the calls beside it are not given up with it.
func TestACallThatKillsItsProcessIsGivenUp(t *testing.T) {
	t.Parallel()
	_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
	for range cluster.DefaultMaxAttempts + 1 {
		startWorker(t, url, 2)
	}
	all := orders(t, 100, 10)
	bad := connectTo(t, url, "deadly")
	c := connectTo(t, url, "beside")
	f := deadly.Submit(t.Context(), bad, order{-1, 50, all[0].Notes})
	wait := submitAll(t, c, all)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := f.Result(ctx); !errors.Is(err, cluster.ErrDead) {
		t.Errorf("%v", err)
	}
	wait()
	checkRun(t, connection(t, url), "beside", all)
	if times, _ := executions(t, all); times[-1] != cluster.DefaultMaxAttempts {
		t.Errorf("begun %d times", times[-1])
	}
}
