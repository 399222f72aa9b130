package cluster

import (
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/potok-go/potok/internal/remote"
)

// workersLive is for how long a worker is counted that was not heard of.
const workersLive = ackWait

// A knownWorker is a worker that was heard of.
type knownWorker struct {
	places int
	tasks  []string
	heard  time.Time
}

// heardWorker is told that a worker is there, or is not any more.
func (c *Client) heardWorker(msg *nats.Msg) {
	w, err := parseWorker(msg.Data)
	if err != nil {
		return // it can still work; of a version that says so in another way
	}
	c.mu.Lock()
	if w.left {
		delete(c.workers, w.id)
	} else {
		delete(c.missed, w.id)
		c.workers[w.id] = &knownWorker{w.places, w.tasks, time.Now()}
	}
	places := c.placesLocked()
	c.mu.Unlock()
	c.group.SetPlaces(places)
}

func (c *Client) placesLocked() (sum int) {
	for _, w := range c.workers {
		sum += w.places
	}
	return sum
}

// forgetWorkers counts workers no more that were not heard of.
func (c *Client) forgetWorkers() {
	c.mu.Lock()
	now, before := time.Now(), len(c.workers)
	for id, w := range c.workers {
		if now.Sub(w.heard) > workersLive {
			delete(c.workers, id)
		}
	}
	changed := len(c.workers) != before
	places := c.placesLocked()
	c.mu.Unlock()
	if changed {
		c.group.SetPlaces(places)
	}
}

// warnOfTasks says that calls wait and no worker knows their task: one that does may still come.
func (c *Client) warnOfTasks() {
	c.mu.Lock()
	waits := make(map[*taskState]int)
	for _, m := range c.out {
		waits[c.tasks[m.task]] += len(m.shipments)
	}
	var unknown []string
	for task, t := range c.tasks {
		known := waits[t] == 0
		for _, w := range c.workers {
			known = known || slices.Contains(w.tasks, task.Name)
		}
		switch {
		case known:
			t.since, t.warned = time.Time{}, false
		case t.since.IsZero():
			t.since = time.Now()
		case !t.warned && time.Since(t.since) >= unknownFor:
			t.warned = true
			unknown = append(unknown, task.Name)
		}
	}
	workers := len(c.workers)
	c.mu.Unlock()
	slices.Sort(unknown)
	for _, name := range unknown {
		slog.Default().Warn("potok/cluster: calls wait: no worker that was heard of knows the task", "task", name, "workers", workers)
	}
}

// heardBegan is told that calls have begun, or that they are to end and have not yet.
func (c *Client) heardBegan(msg *nats.Msg) {
	b, err := parseBegan(msg.Data)
	if err != nil {
		return // their results will tell
	}
	for _, call := range b.calls {
		if s := c.beganOn(b.id, call); s != nil {
			c.group.Began(s, b.worker)
		}
	}
}

// beganOn notes that a worker has a call, and returns the call if it is out.
func (c *Client) beganOn(worker string, call beganCall) *remote.Shipment {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.out[resultName(call.message)]
	if m == nil || m.name != call.message || call.index >= len(m.shipments) {
		return nil
	}
	now := time.Now()
	if m.worker != worker {
		m.worker, m.begun = worker, now
	}
	s := m.shipments[call.index]
	if e := c.endings[s]; e != nil {
		e.heard = now
	}
	return s
}
