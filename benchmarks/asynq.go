package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

// asynq's settings. With half as many at once, and with twice as many, it was no faster
// here.
const (
	asynqQueue   = "default"
	asynqWorkers = 16
	asynqSenders = 16 // it has no way to send several tasks together
	asynqLook    = time.Millisecond
	asynqPage    = 1000
	asynqKeep    = time.Hour
)

// asynqSystem is asynq with results. It tells nobody that one is there: who sent a task
// asks for it. The fastest way for one is to ask for that again and again; for many,
// to ask how many are done, and then for the results, a page at a time.
type asynqSystem struct {
	client    *asynq.Client
	server    *asynq.Server
	inspector *asynq.Inspector
}

func openAsynq(address string) (system, error) {
	redis := asynq.RedisClientOpt{Addr: address, PoolSize: asynqWorkers + asynqSenders}
	a := asynqSystem{
		client:    asynq.NewClient(redis),
		inspector: asynq.NewInspector(redis),
		server: asynq.NewServer(redis, asynq.Config{
			Concurrency: asynqWorkers, TaskCheckInterval: asynqLook, Logger: silence{},
		}),
	}
	err := a.inspector.DeleteQueue(asynqQueue, true)
	if errors.Is(err, asynq.ErrQueueNotFound) {
		err = nil
	}
	if err == nil {
		err = a.server.Start(asynq.HandlerFunc(nextByAsynq))
	}
	if err != nil {
		return system{}, errors.Join(err, a.inspector.Close(), a.client.Close())
	}
	if _, err := a.next(0); err != nil {
		return system{}, errors.Join(err, a.end())
	}
	return system{next: a.next, many: a.many, end: a.end}, nil
}

func nextByAsynq(_ context.Context, t *asynq.Task) error {
	x, err := strconv.Atoi(string(t.Payload()))
	if err != nil {
		return err
	}
	_, err = t.ResultWriter().Write(strconv.AppendInt(nil, int64(x)+1, 10))
	return err
}

func (a asynqSystem) end() error {
	a.server.Shutdown()
	return errors.Join(a.inspector.Close(), a.client.Close())
}

func (a asynqSystem) send(x int) (*asynq.TaskInfo, error) {
	return a.client.Enqueue(asynq.NewTask("next", strconv.AppendInt(nil, int64(x), 10)), asynq.Retention(asynqKeep))
}

func (a asynqSystem) next(x int) (int, error) {
	info, err := a.send(x)
	for err == nil && info.State != asynq.TaskStateCompleted {
		if info.State == asynq.TaskStateRetry {
			return 0, errors.New(info.LastErr)
		}
		info, err = a.inspector.GetTaskInfo(asynqQueue, info.ID)
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(info.Result))
}

func (a asynqSystem) many(n int) ([]int, error) {
	before, err := a.inspector.GetQueueInfo(asynqQueue)
	if err != nil {
		return nil, err
	}
	if err := a.sendAll(n); err != nil {
		return nil, err
	}
	for done := before.Completed; done < before.Completed+n; {
		info, err := a.inspector.GetQueueInfo(asynqQueue)
		switch {
		case err != nil:
			return nil, err
		case info.Retry > 0:
			return nil, fmt.Errorf("%d tasks failed", info.Retry)
		}
		if done = info.Completed; done < before.Completed+n {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return a.results(n)
}

// sendAll sends 0, 1, 2 and so on, n of them.
func (a asynqSystem) sendAll(n int) error {
	var errs [asynqSenders]error
	var taken atomic.Int64
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for errs[i] == nil {
				x := int(taken.Add(1)) - 1
				if x >= n {
					return
				}
				_, errs[i] = a.send(x)
			}
		})
	}
	all.Wait()
	return errors.Join(errs[:]...)
}

// results are those of 0, 1, 2 and so on, n of them.
func (a asynqSystem) results(n int) ([]int, error) {
	out := make([]int, n)
	for page := 1; ; page++ {
		infos, err := a.inspector.ListCompletedTasks(asynqQueue, asynq.PageSize(asynqPage), asynq.Page(page))
		if err != nil {
			return nil, err
		}
		for _, info := range infos {
			x, bad := strconv.Atoi(string(info.Payload))
			y, worse := strconv.Atoi(string(info.Result))
			if err := errors.Join(bad, worse); err != nil {
				return nil, err
			}
			if x < n { // it may be of next
				out[x] = y
			}
		}
		if len(infos) < asynqPage {
			return out, nil
		}
	}
}

// silence is a logger that says nothing.
type silence struct{}

func (silence) Debug(...any) {}
func (silence) Info(...any)  {}
func (silence) Warn(...any)  {}
func (silence) Error(...any) {}
func (silence) Fatal(...any) {}
