package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/potok-go/potok/benchmarks/internal/mind"
)

// A farm is where calls through a server are measured: a server of each kind, each a
// process of its own on this machine, reached over TCP.
type farm struct {
	nats     string // URL of JetStream as embedded.Fast runs it
	redis    string // address; "": there is none
	postgres string // URL; "": there is none
	notes    []string
	servers  []*child
}

// onFarm is the workload of probes that need a farm. They are made twice: once for
// their names alone, with a farm that has nothing.
func onFarm(title string, units []unit, probes func(*farm) []probe, conditions ...condition) workload {
	w := workload{title: title, units: units, conditions: conditions}
	for _, p := range probes(new(farm)) {
		w.rows = append(w.rows, p.name)
	}
	w.stage = func(ctx context.Context, p plan) (scene, error) {
		if !mind.Can {
			return nothingHere(nil), nil
		}
		f, err := openFarm(ctx, p.shop)
		if err != nil {
			return scene{}, err
		}
		return scene{measure: gauge(title, units, probes(f)).measure, notes: f.notes, leave: f.close}, nil
	}
	return w
}

// openFarm starts the servers. Those whose programs are missing are left out, with a
// word.
func openFarm(ctx context.Context, shop *workshop) (_ *farm, err error) {
	if err := shop.open(ctx); err != nil {
		return nil, err
	}
	f := new(farm)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	for _, start := range []func(context.Context, *workshop) error{f.startNATS, f.startRedis, f.startPostgres} {
		if err := start(ctx, shop); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// close ends the servers.
func (f *farm) close() error {
	var errs []error
	for _, s := range f.servers {
		errs = append(errs, s.end())
	}
	return errors.Join(errs...)
}

func (f *farm) startNATS(ctx context.Context, shop *workshop) error {
	dir, err := shop.place()
	if err != nil {
		return err
	}
	url, server, err := startServing(ctx, shop, "nats", dir)
	if err != nil {
		return err
	}
	f.nats, f.servers = url, append(f.servers, server)
	return nil
}

// startRedis starts a server that is as safe as ours: everything is in a file, which
// is synced each second.
func (f *farm) startRedis(ctx context.Context, shop *workshop) error {
	redis, missing := findRedis(ctx)
	if why := reason(missing); why != "" {
		f.notes = append(f.notes, byAsynq+": skipped, "+why)
		return nil
	}
	dir, err := workplace(shop)
	if err != nil {
		return err
	}
	address, server, err := startListening(ctx, shop, "redis-server", func(address string) (command, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return command{}, err
		}
		return command{path: redis.path, lowered: true, dir: dir, args: []string{
			"--bind", host, "--port", port, "--dir", dir, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
		}}, nil
	})
	if err != nil {
		return err
	}
	f.redis, f.servers = address, append(f.servers, server)
	f.notes = append(f.notes, redis.version+", appendonly, synced each second")
	return nil
}

// startPostgres makes a database and starts its server, which is as safe as ours: it
// confirms what is not on disk yet, and writes it a moment later.
func (f *farm) startPostgres(ctx context.Context, shop *workshop) error {
	postgres, missing := findPostgres(ctx)
	if why := reason(missing); why != "" {
		f.notes = append(f.notes, byRiver+": skipped, "+why)
		return nil
	}
	program, err := filepath.EvalSymlinks(postgres.path) // its other programs stand beside it
	if err != nil {
		return err
	}
	dir, err := workplace(shop)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	makes := command{path: filepath.Join(filepath.Dir(program), "initdb"), lowered: true, dir: dir, args: []string{
		"-D", data, "-U", postgresUser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
	}}
	if _, said, err := shop.run(ctx, makes); err != nil {
		return fmt.Errorf("%w\n%s", err, lastOf(said))
	}
	address, server, err := startListening(ctx, shop, "postgres", func(address string) (command, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return command{}, err
		}
		return command{path: program, lowered: true, dir: dir, args: []string{
			"-D", data, "-h", host, "-p", port, "-c", "unix_socket_directories=", "-c", "synchronous_commit=off",
		}}, nil
	})
	if err != nil {
		return err
	}
	f.servers = append(f.servers, server)
	url := fmt.Sprintf("postgres://%s@%s/postgres", postgresUser, address)
	if err := migrateRiver(ctx, url); err != nil {
		return err
	}
	f.postgres = url
	f.notes = append(f.notes, postgres.version+", synchronous_commit=off")
	return nil
}

const postgresUser = "benchmarks"

// workplace is a directory that whoever runs a server may write to.
func workplace(shop *workshop) (string, error) {
	dir, err := shop.place()
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o777)
}
