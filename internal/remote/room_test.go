package remote_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/potok-go/potok"
	"github.com/potok-go/potok/internal/registry"
	"github.com/potok-go/potok/internal/remote"
)

var number = potok.Define("remote_test.number", func(_ context.Context, n int) (int, error) { return n, nil })

// A call that cannot be encoded gives its room back, and whoever waits for room is told.
func TestACallThatCannotBeEncodedGivesItsRoomToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("it cannot be encoded")
		fail := make(chan struct{})
		x := remote.New(remote.Config{
			Places:  1,
			Backlog: 1,
			Encode: func(c registry.Call) ([]byte, error) {
				if *c.In().(*int) == 1 {
					<-fail
					return nil, bad
				}
				return nil, nil
			},
			Worker: func(int) string { return "" },
		})
		w := open(x, 0, 0)
		running := number.Submit(t.Context(), x, 0)
		synctest.Wait()

		failed := make(chan *potok.Future[int], 1)
		go func() { failed <- number.Submit(t.Context(), x, 1) }()
		synctest.Wait() // it has the only room
		queued := make(chan *potok.Future[int], 1)
		go func() { queued <- number.Submit(t.Context(), x, 2) }()
		synctest.Wait()
		close(fail)
		if _, err := (<-failed).Result(t.Context()); !errors.Is(err, bad) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		var next *potok.Future[int]
		select {
		case next = <-queued:
		default:
			t.Error("it still waits for room that nobody has")
		}
		w.answer(t)
		if next == nil {
			next = <-queued
		}
		w.answer(t)
		for _, f := range []*potok.Future[int]{running, next} {
			if _, err := f.Result(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}
