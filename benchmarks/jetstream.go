package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	serverPatience = 10 * time.Second

	// What is out at a time: the window that our client has.
	streamWindow = 1 << 12

	// As long as a message that has one of our calls in it.
	streamPayload = 26
)

// openStream is JetStream by itself. What is awaited is the server's word that it has
// stored a message: nobody gets it, so it is not a call, and the results are made up.
func openStream(url string) (_ system, err error) {
	const subject = "benchmarks.raw"
	nc, err := nats.Connect(url)
	if err != nil {
		return system{}, err
	}
	defer func() {
		if err != nil {
			nc.Close()
		}
	}()
	if err := clearStreams(nc); err != nil {
		return system{}, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(streamWindow))
	if err != nil {
		return system{}, err
	}
	ctx, cancel := context.WithTimeout(always, serverPatience)
	defer cancel()
	stream := jetstream.StreamConfig{Name: "RAW", Subjects: []string{subject}, Storage: jetstream.FileStorage}
	if _, err := js.CreateStream(ctx, stream); err != nil {
		return system{}, err
	}
	payload := bytes.Repeat([]byte{'x'}, streamPayload)
	next := func(x int) (int, error) {
		ack, err := js.Publish(always, subject, payload)
		if err != nil {
			return 0, err
		}
		if ack.Sequence == 0 {
			return 0, errors.New("no sequence")
		}
		return x + 1, nil
	}
	if _, err := next(0); err != nil {
		return system{}, err
	}
	many := func(n int) ([]int, error) {
		stall := jetstream.WithStallWait(serverPatience)
		acks := make([]jetstream.PubAckFuture, n)
		for i := range acks {
			var err error
			if acks[i], err = js.PublishAsync(subject, payload, stall); err != nil {
				return nil, err
			}
		}
		out := make([]int, n)
		for i, f := range acks {
			select {
			case ack := <-f.Ok():
				out[i] = int(ack.Sequence) - 1 // the first is of next
			case err := <-f.Err():
				return nil, err
			}
		}
		return out, nil
	}
	return system{next: next, many: many, end: func() error { nc.Close(); return nil }}, nil
}

// openRequests is a call that nobody keeps: the server only passes it on, and the
// answer back.
func openRequests(url string) (_ system, err error) {
	const subject = "benchmarks.next"
	near, err := nats.Connect(url)
	if err != nil {
		return system{}, err
	}
	far, err := nats.Connect(url)
	if err != nil {
		near.Close()
		return system{}, err
	}
	end := func() error { near.Close(); far.Close(); return nil }
	_, err = far.Subscribe(subject, func(m *nats.Msg) {
		x, err := strconv.Atoi(string(m.Data))
		if err == nil {
			_ = m.Respond(strconv.AppendInt(nil, int64(x)+1, 10)) // else the request fails, after a while
		}
	})
	if err == nil {
		err = far.Flush()
	}
	if err != nil {
		return system{}, errors.Join(err, end())
	}
	next := func(x int) (int, error) {
		m, err := near.Request(subject, strconv.AppendInt(nil, int64(x), 10), serverPatience)
		if err != nil {
			return 0, fmt.Errorf("request: %w", err)
		}
		return strconv.Atoi(string(m.Data))
	}
	return system{next: next, end: end}, nil
}
