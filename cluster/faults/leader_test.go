package faults_test

import (
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok/cluster/embedded"
)

func TestKillOfTheLeaderOfThreeLosesNothing(t *testing.T) {
	t.Parallel()
	var peers []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, l.Addr().String())
		l.Close()
	}
	names := []string{"a", "b", "c"}
	servers, parts := map[string]*player{}, map[string]part{}
	var urls []string
	for i, name := range names {
		p := part{
			Role: "server", Listen: "127.0.0.1:0", Dir: t.TempDir(), Mode: embedded.Fast,
			Name: name, Peer: peers[i], Peers: peers,
		}
		servers[name] = play(t, p)
		url := servers[name].line()
		p.Listen = strings.TrimPrefix(url, "nats://")
		parts[name] = p
		urls = append(urls, url)
	}
	all := strings.Join(urls, ",")
	nc := connection(t, all)
	js := newJetStream(t, nc)
	asked(t, js.AccountInfo) // of a leader
	leader := func(stream string) (name string) {
		eventually(t, "a leader of "+stream, func() bool {
			info := streamOf(t, js, stream).CachedInfo()
			if info.Config.Replicas != 3 {
				t.Fatalf("%s has %d replicas", stream, info.Config.Replicas)
			}
			if info.Cluster != nil {
				name = info.Cluster.Leader
			}
			return name != ""
		})
		return name
	}
	work := orders(t, 400, 20)
	c := connectTo(t, all, "leader")
	for range 2 {
		startWorker(t, all, 2)
	}
	wait := submitAll(t, c, work)
	for i, stream := range []string{"POTOK_CALLS", "POTOK_RESULTS"} {
		begun(t, work, 80+120*i)
		name := leader(stream)
		servers[name].kill()
		begun(t, work, 110+120*i) // with two of three
		servers[name] = play(t, parts[name])
		servers[name].line()
		eventually(t, "it has caught up", func() bool {
			info := streamOf(t, js, stream).CachedInfo().Cluster
			current := info != nil && len(info.Replicas) == 2
			for _, peer := range replicas(info) {
				current = current && peer.Current && !peer.Offline
			}
			return current
		})
	}
	wait()
	checkRun(t, nc, "leader", work)
	_, total := executions(t, work)
	t.Logf("%d executions of %d calls", total, len(work))
}

func replicas(info *jetstream.ClusterInfo) []*jetstream.PeerInfo {
	if info == nil {
		return nil
	}
	return info.Replicas
}
