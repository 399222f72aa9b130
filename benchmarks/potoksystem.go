package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/benchmarks/internal/crew"
	"github.com/potok-go/potok/cluster"
)

// A potokSystem is a client of a cluster and its only worker.
type potokSystem struct {
	client *cluster.Client
	ends   []func() error // the last first
}

// openPotok connects a client and a worker to a server on which nothing is, and
// returns when a call was answered.
func openPotok(url string) (_ *potokSystem, err error) {
	p := new(potokSystem)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	near, err := p.dial(url)
	if err != nil {
		return nil, err
	}
	far, err := p.dial(url)
	if err != nil {
		return nil, err
	}
	if err := clearStreams(near); err != nil {
		return nil, err
	}
	if p.client, err = cluster.Connect(always, near); err != nil {
		return nil, err
	}
	p.serve(far)
	p.ends = append(p.ends, p.client.Close)
	if y, err := p.next(0); err != nil || y != 1 {
		return nil, fmt.Errorf("after 0 comes %d, %w", y, err)
	}
	return p, nil
}

func (p *potokSystem) dial(url string) (*nats.Conn, error) {
	nc, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err == nil {
		p.ends = append(p.ends, func() error { nc.Close(); return nil })
	}
	return nc, err
}

// serve begins to work.
func (p *potokSystem) serve(nc *nats.Conn) {
	pool := potok.NewPool(workers)
	ctx, stop := context.WithCancel(always)
	ready, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- cluster.Serve(ctx, nc, pool, cluster.OnReady(func() { close(ready) })) }()
	p.ends = append(p.ends, func() error {
		stop()
		return errors.Join(<-over, pool.Shutdown(always))
	})
	select {
	case <-ready:
	case err := <-over:
		over <- err
	}
}

func (p *potokSystem) close() error {
	var errs []error
	for _, end := range slices.Backward(p.ends) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

func (p *potokSystem) next(x int) (int, error) {
	return crew.Next.Submit(always, p.client, x).Result(always)
}

func (p *potokSystem) submit(n int) ([]int, error) {
	futures := make([]*potok.Future[int], n)
	for i := range futures {
		futures[i] = crew.Next.Submit(always, p.client, i)
	}
	out := make([]int, n)
	return out, takeAll(futures, out)
}

func (p *potokSystem) submitAll(n int) ([]int, error) {
	out := make([]int, n)
	return out, takeAll(crew.Next.SubmitAll(always, p.client, upTo(n)), out)
}

func (p *potokSystem) mapAll(n int) ([]int, error) {
	out := make([]int, 0, n)
	for v, err := range crew.Next.Map(always, p.client, slices.Values(upTo(n))) {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// clearStreams removes what is on a server.
func clearStreams(nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(always, serverPatience)
	defer cancel()
	names := js.StreamNames(ctx)
	var all []string
	for name := range names.Name() {
		all = append(all, name)
	}
	err = names.Err()
	for _, name := range all {
		err = errors.Join(err, js.DeleteStream(ctx, name))
	}
	return err
}

func openPotokTrips(url string) (system, error) {
	p, err := openPotok(url)
	if err != nil {
		return system{}, err
	}
	return system{next: p.next, end: p.close}, nil
}

// openPotokHere has the server in this process too, still over TCP.
func openPotokHere() (_ system, err error) {
	dir, err := os.MkdirTemp("", "potok-benchmarks-")
	if err != nil {
		return system{}, err
	}
	server, err := openNATS(dir)
	if err != nil {
		return system{}, errors.Join(err, os.RemoveAll(dir))
	}
	gone := func() error { return errors.Join(server.Close(), os.RemoveAll(dir)) }
	s, err := openPotokTrips(server.URL())
	if err != nil {
		return system{}, errors.Join(err, gone())
	}
	client := s.end
	s.end = func() error { return errors.Join(client(), gone()) }
	return s, nil
}
