package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/cluster"
	"github.com/potok-go/potok/cluster/embedded"
)

// clusterFlags are what --on cluster needs.
type clusterFlags struct {
	nats                 natsFlags
	run, store, priority string
}

// priorities are the values of --priority.
var priorities = map[string]cluster.Priority{"high": cluster.High, "normal": cluster.Normal, "low": cluster.Low}

func priorityNames() []string { return []string{"high", "normal", "low"} }

func (f *clusterFlags) register(cmd *cobra.Command) {
	f.nats.register(cmd, "", "with --on cluster, use the workers of the server at `URL` (default a server and workers in this process)")
	flags := cmd.Flags()
	flags.StringVar(&f.run, "run", "", "with --on cluster, name the run `ID`: the same command again goes on where it was")
	flags.StringVar(&f.store, "store", "", "with --on cluster and no --nats, keep calls and results in `DIR` (default in memory)")
	flags.StringVar(&f.priority, "priority", "normal", "with --on cluster, where more waits than workers can do, come before others or after them: `CLASS` high, normal or low")
	complete(cmd, "run", nil)
	complete(cmd, "priority", priorityNames())
}

// check finds what is wrong with the flags, and with --workers beside them.
func (f *clusterFlags) check(cmd *cobra.Command, on string) error {
	if on != "cluster" {
		for _, name := range slices.Concat(natsFiles, []string{"nats", "run", "store", "priority"}) {
			if typed(cmd, name) {
				return fmt.Errorf("--%s goes with --on cluster", name)
			}
		}
		return nil
	}
	if !slices.Contains(priorityNames(), f.priority) {
		return unknownValue("priority", f.priority, priorityNames())
	}
	switch {
	case f.nats.url == "" && f.nats != natsFlags{}:
		return errors.New("--creds and --tls-… go with --nats URL; the server in this process lets nobody else in")
	case f.nats.url != "" && f.store != "":
		return errors.New("--store is for the server in this process; with --nats the server keeps what it has where it was told to")
	case f.nats.url == "" && f.store == "" && f.run != "":
		return errors.New("--run needs a server that outlives this command: give --nats URL, or --store DIR to keep the run on disk")
	case f.nats.url != "" && typed(cmd, "workers"):
		return errors.New("with --nats, how many run at once is what the workers say (potok worker --workers N); leave --workers out")
	case f.nats.url == "":
		return nil
	}
	return f.nats.check()
}

// clusterPlace is a client of a cluster, and what of the cluster is in this process.
type clusterPlace struct {
	*cluster.Client

	nc    *nats.Conn
	local *localCluster // nil: it is elsewhere

	closing sync.Once
	fault   error // of Close
}

// open connects to the cluster, or makes one with so many workers in this process.
func (f *clusterFlags) open(ctx context.Context, name string, workers int) (*clusterPlace, error) {
	p := &clusterPlace{}
	var err error
	if f.nats.url != "" {
		p.nc, err = f.nats.dial(name)
	} else {
		p.local, err = startCluster(ctx, f.store, name, workers)
		if err == nil {
			p.nc, err = p.local.server.Connect()
		}
	}
	opts := []cluster.Option{cluster.WithName(name), cluster.WithPriority(priorities[f.priority])}
	if f.run != "" {
		opts = append(opts, cluster.WithRun(f.run))
	}
	if err == nil {
		p.Client, err = cluster.Connect(ctx, p.nc, opts...)
	}
	if err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// Close cancels what is not done, and waits for workers to say so, but not for long: they may be gone.
func (p *clusterPlace) Close() error {
	p.closing.Do(func() {
		done := make(chan error, 1)
		go func() { done <- p.Client.Close() }() // ends with the connection, if nobody waits for it
		select {
		case p.fault = <-done:
		case <-time.After(closeTime):
		}
		p.end()
	})
	return p.fault
}

// closeTime is how long workers have to say that they have ended what was cancelled.
const closeTime = time.Second

func (p *clusterPlace) end() {
	if p.nc != nil {
		leave(p.nc)
	}
	if p.local != nil {
		p.local.close()
	}
}

// localCluster is a server and a worker in this process.
type localCluster struct {
	server *embedded.Server
	nc     *nats.Conn
	pool   *potok.Pool
	stop   context.CancelFunc
	over   chan error // what Serve has returned
}

// startCluster returns when the worker serves. With a store, calls of an earlier run that are in it are the first.
func startCluster(ctx context.Context, store, name string, workers int) (*localCluster, error) {
	var opts []embedded.Option
	if store != "" {
		opts = append(opts, embedded.StoreDir(store))
	}
	server, err := embedded.Start(opts...)
	if err != nil {
		return nil, err
	}
	l := &localCluster{server: server, over: make(chan error, 1)}
	if l.nc, err = server.Connect(); err != nil {
		l.close()
		return nil, err
	}
	l.pool = potok.NewPool(workers, potok.WithName(name))
	serving, stop := context.WithCancel(context.WithoutCancel(ctx)) // until close: what runs is finished after Ctrl-C
	l.stop = stop
	ready := make(chan struct{})
	go func() { // close waits for it
		l.over <- cluster.Serve(serving, l.nc, l.pool, cluster.Tasks(served...), cluster.OnReady(func() { close(ready) }))
	}()
	select {
	case <-ready:
		return l, nil
	case err := <-l.over:
		l.over <- err
		l.close()
		return nil, err
	}
}

func (l *localCluster) close() {
	if l.nc != nil { // first: nobody wants what is not finished, and there is nothing to wait for
		l.nc.Close()
	}
	if l.stop != nil {
		l.pool.Close() //nolint:errcheck // its calls end with it
		<-l.over       //nolint:errcheck // the connection is closed
		l.stop()
	}
	l.server.Close() //nolint:errcheck // a directory in the temporary one that stays
}
