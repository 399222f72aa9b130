package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// River's settings. It looks for jobs as often as it can; with 100 workers and with
// 2,000 it was slower here. What it completes it writes in batches: at once where
// there are many, else four times a second, which is what one call at a time waits for.
const (
	riverWorkers  = 500
	riverCooldown = time.Millisecond
	riverPoll     = 20 * time.Millisecond
	riverConns    = "?pool_max_conns=10"
)

// migrateRiver makes River's tables, as soon as the server lets it.
func migrateRiver(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, serverPatience)
	defer cancel()
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	for pool.Ping(ctx) != nil && ctx.Err() == nil { // it listens before it has started up
		time.Sleep(10 * time.Millisecond)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

type riverArgs struct {
	N int `json:"n"`
}

func (riverArgs) Kind() string { return "next" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
}

func (*riverWorker) Work(ctx context.Context, job *river.Job[riverArgs]) error {
	return river.RecordOutput(ctx, job.Args.N+1)
}

// riverSystem is River with outputs. Who inserted a job is told that it is complete,
// with its output, once the server has stored that.
type riverSystem struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	events <-chan *river.Event
	forget func()
}

func openRiver(url string) (_ system, err error) {
	pool, err := pgxpool.New(always, url+riverConns)
	if err != nil {
		return system{}, err
	}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	if _, err := pool.Exec(always, "TRUNCATE river_job"); err != nil {
		return system{}, err
	}
	crew := river.NewWorkers()
	river.AddWorker(crew, &riverWorker{})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: riverCooldown, FetchPollInterval: riverPoll,
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: riverWorkers}},
		Workers: crew, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return system{}, err
	}
	s := riverSystem{pool: pool, client: client}
	s.events, s.forget = client.SubscribeConfig(&river.SubscribeConfig{
		ChanSize: 1 << 17, // what does not fit would be lost
		Kinds:    []river.EventKind{river.EventKindJobCompleted, river.EventKindJobFailed},
	})
	if err := client.Start(always); err != nil {
		return system{}, err
	}
	if _, err := s.next(0); err != nil {
		return system{}, errors.Join(err, client.Stop(always))
	}
	return system{next: s.next, many: s.many, end: s.end}, nil
}

func (s riverSystem) end() error {
	s.forget()
	err := s.client.Stop(always)
	s.pool.Close()
	return err
}

func (s riverSystem) next(x int) (int, error) {
	if _, err := s.client.Insert(always, riverArgs{x}, nil); err != nil {
		return 0, err
	}
	got, y, err := s.hear()
	if err == nil && got != x {
		err = fmt.Errorf("the result of %d instead of %d", got, x)
	}
	return y, err
}

// hear waits for a result.
func (s riverSystem) hear() (x, y int, err error) {
	event := <-s.events
	if event.Kind != river.EventKindJobCompleted {
		return 0, 0, fmt.Errorf("a job is %s", event.Job.State)
	}
	var args riverArgs
	err = errors.Join(json.Unmarshal(event.Job.EncodedArgs, &args), json.Unmarshal(event.Job.Output(), &y))
	return args.N, y, err
}

func (s riverSystem) many(n int) ([]int, error) {
	jobs := make([]river.InsertManyParams, n)
	for i := range jobs {
		jobs[i].Args = riverArgs{i}
	}
	if _, err := s.client.InsertManyFast(always, jobs); err != nil {
		return nil, err
	}
	out := make([]int, n)
	for range n {
		x, y, err := s.hear()
		if err != nil {
			return nil, err
		}
		out[x] = y
	}
	return out, nil
}
