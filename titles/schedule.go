package titles

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/potok-go/potok/queue"
)

// schedule decides which page is read next. A job is in one place at a time:
//
//	inputs ──► host.waiting ──► a worker ──► order ──► the caller
//	                ▲              │
//	                └─── later ◄───┘  another attempt
//
// A host with a job that may be read now stands in ready, where each has its turn; one that waits for its rate stands in later, and one
// that waits for a page of its own in neither: settle looks at it.
type schedule struct {
	*crawlSettings

	inputs *queue.Queue[arrival]
	news   chan struct{} // capacity 1: something has changed, so that a job may be ready

	mu       sync.Mutex // guards the fields below; never held while blocking
	hosts    map[string]*host
	ready    fifo[*host]
	later    timeHeap
	held     int   // jobs in host.waiting and in later
	running  int   // jobs handed out and not settled
	taken    int64 // inputs taken from the queue
	drained  bool  // no more inputs will come
	stopping bool
	order    order
	exited   []*job // their attempts have ended their goroutines
}

// arrival is an input in the queue.
type arrival struct {
	input string
	err   error // why it is none
}

// job is one page on its way. It belongs to whoever has it.
type job struct {
	host     *host
	counted  bool      // in host.active
	began    bool      // an attempt was handed out
	probes   bool      // whether its host, which is down, is so still
	deadline time.Time // once begun; zero: none
	page     Page
	err      error // of the last attempt; of none: why the page is not read
}

func newSchedule(c *crawlSettings, workers int) *schedule {
	capacity := c.queue
	if capacity == 0 {
		capacity = 2 * workers
	}
	return &schedule{
		crawlSettings: c,
		inputs:        queue.New[arrival](capacity),
		news:          make(chan struct{}, 1),
		hosts:         make(map[string]*host),
	}
}

// poke makes jobs look again.
func (s *schedule) poke() {
	select {
	case s.news <- struct{}{}:
	default: // it will look anyway
	}
}

func (s *schedule) stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.poke()
}

// jobs yields the pages to be read, each when it may be, until there are no more.
func (s *schedule) jobs(ctx context.Context) iter.Seq[*job] {
	return func(yield func(*job) bool) {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			j, wait, more := s.next(time.Now())
			switch {
			case j != nil:
				if !yield(j) {
					return
				}
				continue
			case !more:
				return
			case wait > 0:
				timer.Reset(wait)
			default:
				timer.Stop()
			}
			select {
			case <-s.news:
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next returns a job that may be read now; or how long to wait, unless there is news (0: for news only); or that there will be no more.
func (s *schedule) next(now time.Time) (j *job, wait time.Duration, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, 0, false
	}
	s.wakeLocked(now)
	for s.ready.len() == 0 && s.admitLocked(now) {
	}
	switch {
	case s.ready.len() > 0:
		return s.takeLocked(s.ready.pop(), now), 0, true
	case s.drained && s.held == 0 && s.running == 0:
		return nil, 0, false
	case len(s.later) > 0:
		wait = max(s.later[0].at.Sub(now), 1)
	}
	return nil, wait, true
}

// admitLocked takes an input from the queue. False: there is none, or no room for it. The caller holds mu.
func (s *schedule) admitLocked(now time.Time) bool {
	if s.held >= setAside || !s.unordered && s.taken-s.order.first >= OrderWindow {
		return false
	}
	a, err := s.inputs.TryGet()
	if err != nil {
		s.drained = s.drained || err == queue.ErrClosed //nolint:errorlint // as it is given
		return false
	}
	j := &job{page: Page{Input: a.input, Number: s.taken}, err: a.err}
	key := ""
	if a.err == nil {
		key = hostOf(a.input)
	}
	if j.host = s.hosts[key]; j.host == nil {
		j.host = &host{key: key}
		s.hosts[key] = j.host
	}
	s.taken++
	s.held++
	j.host.waiting.push(j)
	s.placeLocked(j.host, now)
	return true
}

// placeLocked puts a host where it belongs now. The caller holds mu.
func (s *schedule) placeLocked(h *host, now time.Time) {
	switch {
	case h.ready:
	case h.waiting.len() == 0:
		s.forgetLocked(h, now)
	case h.down(s.crawlSettings), h.free(s.crawlSettings) && !h.next.After(now):
		h.ready = true
		s.ready.push(h)
	case h.free(s.crawlSettings):
		s.wakeAtLocked(h, h.next)
	}
}

// forgetLocked drops a host without jobs, as soon as nothing of it is worth knowing. The caller holds mu.
func (s *schedule) forgetLocked(h *host, now time.Time) {
	until := h.next
	if h.failed > 0 && h.remember.After(until) {
		until = h.remember
	}
	switch {
	case h.active > 0 || h.resting > 0 || s.hosts[h.key] != h:
	case until.After(now):
		s.wakeAtLocked(h, until)
	default:
		delete(s.hosts, h.key)
	}
}

// wakeAtLocked has the host placed again at that time. The caller holds mu.
func (s *schedule) wakeAtLocked(h *host, at time.Time) {
	if h.timed.IsZero() || at.Before(h.timed) {
		h.timed = at
		heap.Push(&s.later, timed{at: at, host: h})
	}
}

// wakeLocked looks at what has waited for its time. The caller holds mu.
func (s *schedule) wakeLocked(now time.Time) {
	for len(s.later) > 0 && !s.later[0].at.After(now) {
		due := heap.Pop(&s.later).(timed) //nolint:forcetypeassert // there is nothing else
		h := due.host
		if due.job != nil {
			h = due.job.host
			h.resting--
			h.waiting.push(due.job)
		} else if due.at.Equal(h.timed) {
			h.timed = time.Time{}
		}
		s.placeLocked(h, now)
	}
}

// takeLocked hands out the first job of a host that was ready. The caller holds mu.
func (s *schedule) takeLocked(h *host, now time.Time) *job {
	h.ready = false
	j := h.waiting.pop()
	s.held--
	s.running++
	if h.down(s.crawlSettings) {
		if h.probe.After(now) {
			j.err = errDown
		} else {
			h.probe, j.probes = now.Add(probeEvery), true
		}
	}
	if j.err == nil {
		j.counted = true
		h.active++
		if h.key != "" {
			h.next = now.Add(s.interval)
		}
		if s.deadline > 0 && !j.began {
			j.deadline = now.Add(s.deadline)
		}
		j.began = true
	}
	s.placeLocked(h, now)
	return j
}

// isDown says whether the job's host went down after the job was handed out.
func (s *schedule) isDown(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	probes := j.probes
	j.probes = false
	return !probes && j.host.down(s.crawlSettings)
}

// judge notes how an attempt ended, at once: those of the same host that begin before the job is settled know of it.
func (s *schedule) judge(j *job, err error, exited bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if exited {
		s.exited = append(s.exited, j)
	}
	j.host.judge(s.crawlSettings, err, time.Now())
}

// settle takes back a job whose attempt ended with err. It returns the pages that can be given to the caller now: none, if there will
// be another attempt or one before this is missing.
func (s *schedule) settle(j *job, err error) []*job {
	now := time.Now()
	defer s.poke()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	h := j.host
	if j.counted {
		j.counted = false
		h.active--
	}
	defer s.placeLocked(h, now)
	pause, err := s.again(j, err, now)
	if err == errAgain { //nolint:errorlint // it says so, and nothing else
		s.held++
		h.resting++
		heap.Push(&s.later, timed{at: now.Add(pause), job: j})
		return nil
	}
	j.err = err
	switch {
	case s.unordered:
		return []*job{j}
	case s.early:
		s.order.put(j)
		return []*job{j}
	}
	return s.order.put(j)
}

// again returns errAgain and how long to wait before another attempt, or the error that the page ends with.
func (s *schedule) again(j *job, err error, now time.Time) (pause time.Duration, _ error) {
	if err == nil || j.page.Attempts > s.retries || s.stopping || !Retryable(err) || j.host.down(s.crawlSettings) {
		return 0, err
	}
	pause = rand.N(min(firstPause<<min(j.page.Attempts-1, 16), lastPause) + 1)
	if asked := RetryAfter(err); asked > s.maxWait {
		return 0, withRemark(err, fmt.Sprintf("asks to wait %v, at most %v are allowed", asked, s.maxWait))
	} else if asked > 0 {
		pause = asked
	}
	if !j.deadline.IsZero() && now.Add(pause).After(j.deadline) {
		return 0, withRemark(err, "no time is left to try again")
	}
	return pause, errAgain
}

var (
	errAgain = errors.New("another attempt follows")
	errDown  = fail(KindDown, errors.New("host down"))
)

// withRemark says beside a page's error why there is no other attempt.
func withRemark(err error, remark string) error {
	return &Error{Kind: KindOf(err), Err: fmt.Errorf("%w (%s)", err, remark), RetryAfter: RetryAfter(err)}
}

// exit returns a job whose attempt has ended its goroutine.
func (s *schedule) exit() *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.exited[len(s.exited)-1]
	s.exited = s.exited[:len(s.exited)-1]
	return j
}

// rest returns the pages that are read and wait for some that never will be.
func (s *schedule) rest() []*job {
	if s.early {
		return nil // they were given when they came
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.rest()
}

// order keeps pages until all before them have come.
type order struct {
	first int64  // number of the next to be given
	ring  []*job // by number modulo its length
}

// put returns the pages whose turn it is now.
func (o *order) put(j *job) (ready []*job) {
	if o.ring == nil {
		o.ring = make([]*job, OrderWindow)
	}
	o.ring[j.page.Number%OrderWindow] = j
	for {
		at := &o.ring[o.first%OrderWindow]
		if *at == nil {
			return ready
		}
		ready = append(ready, *at)
		*at = nil
		o.first++
	}
}

func (o *order) rest() (rest []*job) {
	for i := range int64(len(o.ring)) {
		if j := o.ring[(o.first+i)%OrderWindow]; j != nil {
			rest = append(rest, j)
		}
	}
	o.ring = nil
	return rest
}
