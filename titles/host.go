package titles

import (
	"strings"
	"time"
)

// host is a host and port, for as long as something is known of it. It is guarded by the schedule's mu.
type host struct {
	key      string // "" for files and inputs that are none: no limit holds for them
	waiting  fifo[*job]
	resting  int       // pages of it that wait for another attempt
	active   int       // pages of it that are read now
	next     time.Time // not before: the rate
	failed   int       // connections that failed in a row
	probe    time.Time // while it is down: when to look whether it still is
	remember time.Time // until when failed is worth keeping
	ready    bool      // it stands in schedule.ready
	timed    time.Time // the next time at which it stands in schedule.later; zero: it does not
}

// hostOf returns the key of the host that an input will be asked of.
func hostOf(input string) string {
	u, file, err := resolve(input)
	if err != nil || file != "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) + ":" + port
}

// down says whether its pages fail without being asked for.
func (h *host) down(c *crawlSettings) bool { return c.deadHost > 0 && h.failed >= c.deadHost }

// free says whether one more page of it may be read, as far as their number goes.
func (h *host) free(c *crawlSettings) bool {
	return c.perHost == 0 || h.active < c.perHost || h.key == ""
}

// judge notes how an attempt at the host ended.
func (h *host) judge(c *crawlSettings, err error, now time.Time) {
	if h.key == "" {
		return
	}
	if !Unreached(err) {
		h.failed = 0
		return
	}
	h.failed++
	h.remember = now.Add(2 * probeEvery) // longer than until a probe
	if h.failed == c.deadHost {
		h.probe = now.Add(probeEvery)
	}
}

// timed is what waits for its time: a job for its next attempt, or a host for its rate or to be forgotten.
type timed struct {
	at   time.Time
	job  *job
	host *host
}

// timeHeap is for container/heap, the earliest first.
type timeHeap []timed

func (t timeHeap) Len() int           { return len(t) }
func (t timeHeap) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timeHeap) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timeHeap) Push(x any)        { *t = append(*t, x.(timed)) } //nolint:forcetypeassert // there is nothing else
func (t *timeHeap) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = timed{}
	*t = (*t)[:last]
	return x
}
