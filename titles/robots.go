package titles

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

const (
	robotsHosts     = 10_000
	robotsBytes     = 16 << 20 // of all remembered files together: what they cost in memory is about that
	robotsSize      = 500 << 10
	robotsPatterns  = 1000 // with wildcards: each is a regular expression
	robotsRedirects = 5
	robotsKept      = 24 * time.Hour
	robotsKeptBad   = time.Minute
)

// robots remembers what hosts allow. It has no goroutine: whoever needs a robots.txt first fetches it, the others wait for that.
type robots struct {
	agent string

	mu     sync.Mutex // guards the fields below; never held while blocking
	hosts  map[string]*list.Element
	recent list.List // of *robotsEntry, the one used last in front; the values of hosts
	bytes  int       // sum of their sizes, at most robotsBytes unless one is left
}

// A robotsEntry is of one host. What stands below done is written before it is closed, and read after it.
type robotsEntry struct {
	host string
	size int // guarded by robots.mu
	done chan struct{}

	rules   *robotstxt.Group // nil: nothing is allowed
	err     error            // why there are no rules
	expires time.Time
	given   bool // up, by a fetch that was not allowed to go on: it says nothing of the host
}

func newRobots(userAgent string) *robots {
	agent := userAgent
	if end := strings.IndexAny(agent, "/ \t"); end >= 0 {
		agent = agent[:end]
	}
	return &robots{agent: agent, hosts: make(map[string]*list.Element)}
}

// check returns nil when u may be fetched. It waits for another fetch of the same robots.txt as long as the attempt goes on.
func (r *robots) check(a *attempt, u *url.URL) error {
	for {
		e, first := r.entry(u.Scheme+"://"+strings.ToLower(u.Host), time.Now())
		if first {
			r.load(a, e, u)
		} else {
			select {
			case <-e.done:
			case <-a.ctx.Done():
				return ended(a.ctx)
			}
		}
		switch {
		case e.given && !first:
			continue
		case e.err != nil:
			return e.err
		case e.rules == nil:
			return fail(KindRobots, errors.New("disallowed: the server of robots.txt fails"))
		case !e.rules.Test(u.RequestURI()):
			return fail(KindRobots, errors.New("disallowed by robots.txt"))
		}
		return nil
	}
}

// entry is what is known of a host. The first one to ask has to find it out.
func (r *robots) entry(host string, now time.Time) (e *robotsEntry, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.hosts[host]; at != nil {
		e := at.Value.(*robotsEntry)
		select {
		case <-e.done:
			if now.Before(e.expires) {
				r.recent.MoveToFront(at)
				return e, false
			}
			r.dropLocked(at)
		default:
			return e, false // being fetched
		}
	}
	e = &robotsEntry{host: host, size: 1 << 10, done: make(chan struct{})}
	r.hosts[host] = r.recent.PushFront(e)
	r.bytes += e.size
	r.shrinkLocked()
	return e, true
}

func (r *robots) dropLocked(at *list.Element) {
	e := r.recent.Remove(at).(*robotsEntry)
	delete(r.hosts, e.host)
	r.bytes -= e.size
}

// shrinkLocked forgets what was not used for longest. One that is being fetched is forgotten too: whoever waits for it has it.
func (r *robots) shrinkLocked() {
	for r.recent.Len() > robotsHosts || r.bytes > robotsBytes && r.recent.Len() > 1 {
		r.dropLocked(r.recent.Back())
	}
}

// load fetches e and tells the others.
func (r *robots) load(a *attempt, e *robotsEntry, u *url.URL) {
	size := 0
	defer func() { // also when something panics below: nobody must wait for ever
		close(e.done)
		r.mu.Lock()
		defer r.mu.Unlock()
		at := r.hosts[e.host]
		if at == nil || at.Value != e {
			return
		}
		e.size += size
		r.bytes += size
		if e.err != nil {
			r.dropLocked(at) // the next one tries again
		}
		r.shrinkLocked()
	}()
	e.given, e.err = true, errors.New("given up")
	status, body, err := fetchRobots(a, u)
	if err != nil {
		failure := classify(a.ctx, err)
		failure.Err = fmt.Errorf("robots.txt: %w", failure.Err)
		e.err, e.given = failure, a.ctx.Err() != nil
		return
	}
	size = len(body) + 4<<10*min(bytes.Count(body, []byte("*")), robotsPatterns)
	e.rules, e.expires = rulesOf(status, body, r.agent), time.Now().Add(robotsKept)
	if e.rules == nil {
		e.expires = time.Now().Add(robotsKeptBad)
	}
	e.given, e.err = false, nil
}

// fetchRobots reads a robots.txt, wherever it leads. Status 404 stands for more redirects than one has to follow.
func fetchRobots(a *attempt, u *url.URL) (status int, body []byte, err error) {
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/robots.txt"}
	for range robotsRedirects + 1 {
		resp, err := a.send(u, a.headers.other, "")
		if err != nil {
			return 0, nil, err
		}
		location, ok := locationOf(resp)
		if !ok {
			defer a.discard(resp)
			body, err := readRobots(a.ctx, resp)
			return resp.StatusCode, body, err
		}
		a.discard(resp)
		if u, err = redirected(u, location); err != nil {
			break // leads nowhere: there is none
		}
	}
	return http.StatusNotFound, nil, nil
}

func readRobots(ctx context.Context, resp *http.Response) ([]byte, error) {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, nil
	}
	body, release, err := decode(resp.Body, resp.Header["Content-Encoding"], robotsSize)
	if err != nil {
		return nil, err
	}
	defer release()
	text, err := io.ReadAll(body)
	if _, damaged := errors.AsType[*codingError](err); damaged && ctx.Err() == nil {
		err = nil // what could be read counts
	}
	return text, err
}

// rulesOf are those for agent; nil if nothing is allowed.
func rulesOf(status int, body []byte, agent string) *robotstxt.Group {
	switch {
	case status >= 500 || status < 200:
		return nil
	case status >= 300:
		return new(robotstxt.Group)
	}
	data, err := robotstxt.FromBytes(tidyRobots(body, agent))
	if err != nil {
		return new(robotstxt.Group) // tidy text has no errors
	}
	return data.FindGroup(agent)
}

// tidyRobots keeps the lines that are for agent, or for everybody, in the form that robotstxt understands: that refuses a whole file for
// one odd line, takes every beginning of agent for agent, and some paths otherwise than RFC 9309 does.
func tidyRobots(body []byte, agent string) []byte {
	tidy := make([]byte, 0, min(len(body), 4<<10))
	patterns := 0
	named, ours := false, false // the last lines named agents; one of them was agent or *
	for line := range bytes.FieldsFuncSeq(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), isLineEnd) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		value = bytes.TrimSpace(value)
		switch key := strings.ToLower(string(bytes.TrimSpace(key))); key {
		case "user-agent", "useragent":
			if end := bytes.IndexAny(value, "/ \t"); end > 0 {
				value = value[:end]
			}
			ours = ours && named
			named = true
			if string(value) == "*" || agent != "" && strings.EqualFold(string(value), agent) {
				ours = true
				tidy = fmt.Appendf(tidy, "user-agent:%s\n", value)
			}
		case "allow", "disallow":
			named = false
			if !ours {
				continue
			}
			path := tidyPath(value)
			if bytes.ContainsAny(path, "*$") {
				if patterns++; patterns > robotsPatterns {
					continue
				}
			}
			tidy = fmt.Appendf(tidy, "%s:%s\n", key, path)
		}
	}
	return tidy
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' || r == 0 }

// tidyPath writes the pattern of a path as it looks in a request.
func tidyPath(value []byte) []byte {
	if len(value) == 0 {
		return []byte("/%00") // a rule, as it ends the list of user agents, and of no path
	}
	if len(bytes.Trim(value, "*")) == 0 {
		return []byte("/")
	}
	path := make([]byte, 0, len(value))
	for _, c := range value {
		if c <= ' ' || c >= 0x7F {
			path = fmt.Appendf(path, "%%%02X", c)
		} else {
			path = append(path, c)
		}
	}
	return path
}
