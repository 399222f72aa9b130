//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// aCluster is potok server, and how to connect to it: with all rights, and as a worker.
type aCluster struct {
	*aServer
	full, worker string
	most         time.Duration // that a session may take
}

func newCluster(t *testing.T, most time.Duration, args ...string) *aCluster {
	t.Helper()
	c := &aCluster{aServer: startServerFor(t, most, args...), most: most}
	for _, m := range shownToken.FindAllStringSubmatch(c.said, -1) {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User(m[1])
		if m[2] == "worker" {
			c.worker = u.String()
		} else {
			c.full = u.String()
		}
	}
	return c
}

// work starts a worker and waits until it serves.
func (c *aCluster) work(t *testing.T, args ...string) *session {
	t.Helper()
	w := startFor(t, c.most, append([]string{"worker", "--nats", c.worker}, args...)...)
	w.wantLine(t, w.errOut, "serves potok.fact and potok.titles.page at "+c.url)
	return w
}

func (c *aCluster) titles(t *testing.T, args ...string) *session {
	t.Helper()
	return startFor(t, c.most, append([]string{"titles", "--on", "cluster", "--nats", c.full}, args...)...)
}

// runs returns what potok runs prints.
func (c *aCluster) runs(t *testing.T, args ...string) string {
	t.Helper()
	s := start(t, append(append([]string{"runs"}, args...), "--nats", c.full)...)
	out, err := io.ReadAll(s.out)
	if err != nil {
		t.Fatal(err)
	}
	words, err := io.ReadAll(s.errOut)
	if err != nil {
		t.Fatal(err)
	}
	s.Wait()
	return string(out) + string(words)
}

func (c *aCluster) run(t *testing.T, name string) (r runRecord) {
	t.Helper()
	out := c.runs(t, "show", "--json", name)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return r
}

// rest is run when no call waits: one is acknowledged after its result is there.
func (c *aCluster) rest(t *testing.T, name string) (r runRecord) {
	t.Helper()
	for r = c.run(t, name); r.Waiting > 0; r = c.run(t, name) {
		time.Sleep(time.Millisecond)
	}
	return r
}

func (s *session) interrupt(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
}

// wantDrained ends a worker as Ctrl-C does.
func (s *session) wantDrained(t *testing.T) {
	t.Helper()
	s.interrupt(t)
	s.wantLine(t, s.errOut, "potok: interrupted; finishing the calls that are under way")
	s.wantLine(t, s.errOut, "potok: drained")
	s.wantEnd(t, 0, "")
}

func (s *session) kill(t *testing.T) {
	t.Helper()
	if err := s.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.Wait()
}

// countedPages is a list of pages that are counted, and what a run prints of them.
func countedPages(t *testing.T, site *site, n int) (list, want string) {
	t.Helper()
	list = filepath.Join(t.TempDir(), "list")
	var in, out strings.Builder
	for i := range n {
		fmt.Fprintf(&in, "%s/counted/%d\n", site.address, i)
		fmt.Fprintf(&out, "%s/counted/%d\tcounted\n", site.address, i)
	}
	write(t, list, in.String())
	return list, out.String()
}

func (s *site) wantCounted(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-s.counted:
		case <-time.After(patience):
			t.Fatal("it does not get on")
		}
	}
}

// letGo lets one page go on that hangs.
func (s *site) letGo(t *testing.T) {
	t.Helper()
	select {
	case s.let <- struct{}{}:
	case <-time.After(patience):
		t.Fatal("nobody hangs")
	}
}

// fetches is how often counted pages were asked for.
func (s *site) fetches() (n int) {
	for _, times := range s.counts() {
		n += times
	}
	return n
}

func TestARunOnWorkersElsewhere(t *testing.T) {
	site, c := newSite(t), newCluster(t, patience)
	goroutines, processes := c.work(t, "--name", "one"), c.work(t, "--on", "processes", "-j", "1")
	page := filepath.Join(t.TempDir(), "here.html")
	write(t, page, "<title>here</title>")
	s := c.titles(t, "--run", "r", site.address+"/title/a", page, site.address+"/moved", site.address+"/404")
	s.wantEnd(t, exitFailed, site.address+"/title/a\ta\n"+page+"\there\n"+site.address+"/moved\tThere\n")
	f := start(t, "fact", "--on", "cluster", "--nats", c.full, "5", "20")
	f.wantEnd(t, 0, "5\t120\n20\t2432902008176640000\n")
	if r := c.rest(t, "r"); !r.Named || r.Done != 3 || r.Failed+r.Cancelled+r.Dead != 0 || r.KeepFor != "168h0m0s" {
		t.Errorf("%+v", r)
	}
	if out := c.runs(t); !strings.Contains(out, "RUN") || strings.Count(out, "\n") != 3 {
		t.Errorf("runs: %s", out)
	}
	goroutines.wantDrained(t)
	processes.wantDrained(t)
	if out := c.runs(t, "rm", "r"); out != "run r removed\n" {
		t.Errorf("rm: %s", out)
	}
	if out := c.runs(t, "show", "r"); !strings.Contains(out, "there is no such run: r") {
		t.Errorf("show: %s", out)
	}
	c.end(t)
}

func TestAKilledRunGoesOnWhereItWas(t *testing.T) {
	const pages, kills = 200, 3
	site, c := newSite(t), newCluster(t, 2*patience, "--store", t.TempDir())
	worker := c.work(t, "-j", "2")
	list, want := countedPages(t, site, pages)
	for range kills {
		s := c.titles(t, "--run", "again", "-i", list)
		site.wantCounted(t, pages/(kills+2))
		s.kill(t)
	}
	c.titles(t, "--run", "again", "-i", list).wantEnd(t, 0, want)
	if n := site.fetches(); n != pages {
		t.Errorf("%d pages were fetched %d times", pages, n)
	}
	worker.wantDrained(t)
	c.titles(t, "--run", "again", "-i", list).wantEnd(t, 0, want) // nobody works
	c.end(t)
}

func TestAKilledWorkerCostsNoPage(t *testing.T) {
	const pages = 100
	site, c := newSite(t), newCluster(t, 3*patience)
	first := c.work(t, "-j", "2")
	list, want := countedPages(t, site, pages)
	s := c.titles(t, "-i", list)
	site.wantCounted(t, pages/4)
	first.kill(t)
	second := c.work(t, "-j", "2")
	s.wantEnd(t, 0, want)
	if again := site.fetches() - pages; again < 0 || again > maxOnWorker {
		t.Errorf("%d pages were fetched again", again)
	}
	second.wantDrained(t)
	c.end(t)
}

// maxOnWorker is how many calls a worker with two places may have: what has begun, and some whose results are not acknowledged.
const maxOnWorker = 20

func TestInterruptLeavesWhatWaitsForAWorker(t *testing.T) {
	site, c := newSite(t), newCluster(t, patience)
	worker := c.work(t, "-j", "1")
	s := c.titles(t, "--run", "r")
	fmt.Fprintf(s.in, "%s/hang/a\n", site.address)
	wantAsked(t, site, "/hang/a")
	rest := fmt.Sprintf("%[1]s/counted/b\n%[1]s/counted/c\n", site.address)
	fmt.Fprint(s.in, rest)
	for c.run(t, "r").Waiting < 3 {
		time.Sleep(time.Millisecond)
	}
	s.interrupt(t)
	s.wantLine(t, s.errOut, "potok: interrupted")
	for c.run(t, "r").Cancelled < 2 {
		time.Sleep(time.Millisecond)
	}
	site.letGo(t)
	s.wantEnd(t, exitInterrupted, site.address+"/hang/a\ta\n")
	again := c.titles(t, "--run", "r")
	fmt.Fprintf(again.in, "%s/hang/a\n%s", site.address, rest)
	again.in.Close()
	again.wantEnd(t, 0, site.address+"/hang/a\ta\n"+strings.ReplaceAll(rest, "\n", "\tcounted\n"))
	if n := site.fetches(); n != 2 {
		t.Errorf("%d pages were fetched, want b and c once", n)
	}
	worker.wantDrained(t)
	c.end(t)
}

func TestSecondInterruptLeavesThePageToTheNextRun(t *testing.T) {
	site, c := newSite(t), newCluster(t, patience)
	worker := c.work(t, "-j", "1")
	args := []string{"--run", "r", site.address + "/hang/a"}
	s := c.titles(t, args...)
	wantAsked(t, site, "/hang/a")
	s.interrupt(t)
	s.wantLine(t, s.errOut, "potok: interrupted")
	s.interrupt(t)
	s.wantEnd(t, exitInterrupted, "")
	again := c.titles(t, args...)
	wantAsked(t, site, "/hang/a")
	site.letGo(t)
	again.wantEnd(t, 0, site.address+"/hang/a\ta\n")
	worker.wantDrained(t)
	c.end(t)
}

func TestARunThatIsCancelledEnds(t *testing.T) {
	site, c := newSite(t), newCluster(t, patience)
	worker := c.work(t, "-j", "1")
	s := c.titles(t, "--run", "r")
	fmt.Fprintf(s.in, "%s/hang/a\n", site.address)
	wantAsked(t, site, "/hang/a")
	fmt.Fprintf(s.in, "%s/counted/b\n", site.address)
	for c.run(t, "r").Waiting < 2 {
		time.Sleep(time.Millisecond)
	}
	if out := c.runs(t, "rm", "r"); !strings.Contains(out, "`potok runs cancel r` first") {
		t.Errorf("rm: %s", out)
	}
	if out := c.runs(t, "cancel", "r"); !strings.Contains(out, "cancelled") {
		t.Errorf("cancel: %s", out)
	}
	s.wantLine(t, s.errOut, "potok: the run was cancelled by somebody else")
	s.wantEnd(t, exitFailed, "")
	worker.wantDrained(t)
	c.end(t)
}

func TestDeadLettersAreShown(t *testing.T) {
	site, c := newSite(t), newCluster(t, patience)
	worker := c.work(t)
	c.titles(t, "--run", "r", site.address+"/title/a").wantEnd(t, 0, site.address+"/title/a\ta\n")
	full, err := url.Parse(c.full)
	if err != nil {
		t.Fatal(err)
	}
	nc := dial(t, c.url, full.User.Username())
	if err := nc.Publish("potok.call.potok=2etitles=2epage.r.rubbish", []byte("no call\x1b")); err != nil {
		t.Fatal(err)
	}
	worker.wantLine(t, worker.errOut, "potok: a call was put aside (run: r, call: rubbish, deliveries: 1, err: the call was given up: a message that makes no sense")
	for c.run(t, "r").Dead == 0 {
		time.Sleep(time.Millisecond)
	}
	if r := c.run(t, "r"); r.Done != 1 || len(r.DeadLetters) != 1 || r.DeadLetters[0].Call != "rubbish" || r.DeadLetters[0].Payload != "no call." || r.DeadLetters[0].Deliveries != 1 || r.DeadLetters[0].Bytes != 8 {
		t.Errorf("%+v", r)
	}
	if out := c.runs(t, "dead", "r"); !strings.Contains(out, "dead rubbish: potok=2etitles=2epage") || !strings.Contains(out, "\n  8 bytes: no call.\n") {
		t.Errorf("dead: %s", out)
	}
	if out := c.runs(t, "requeue", "r"); !strings.Contains(out, "call rubbish of run r: it cannot be queued again") {
		t.Errorf("requeue: %s", out)
	}
	worker.wantDrained(t)
	c.end(t)
}

func TestAWorkerWaitsForItsServer(t *testing.T) {
	store := t.TempDir()
	t.Setenv("POTOK_TOKEN", "0123456789abcdef0123456789abcdef")
	t.Setenv("POTOK_WORKER_TOKEN", "fedcba9876543210fedcba9876543210")
	c := startServer(t, "--store", store)
	worker := start(t, "worker", "--nats", c.url)
	worker.wantLine(t, worker.errOut, "serves")
	c.end(t)
	worker.wantLine(t, worker.errOut, "potok: the connection to the server is lost: waiting for it")
	again := start(t, "server", "--store", store, "--listen", strings.TrimPrefix(c.url, "nats://"))
	again.wantLine(t, again.out, c.url)
	worker.wantLine(t, worker.errOut, "potok: connected again (server: "+c.url)
	f := start(t, "fact", "--on", "cluster", "--nats", c.url, "20")
	f.wantEnd(t, 0, "20\t2432902008176640000\n")
	worker.wantDrained(t)
}
