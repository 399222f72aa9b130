package faults_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potok-go/potok/cluster/embedded"
)

// A proxy stands between a server and who connects to it.
type proxy struct {
	listener net.Listener
	target   string
	work     sync.WaitGroup

	mu     sync.Mutex    // guards the fields below
	pass   chan struct{} // closed while bytes pass
	conns  []net.Conn
	refuse bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, pass: make(chan struct{})}
	close(p.pass)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.heal()
		p.hangUp()
		p.work.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		if p.refuse {
			near.Close()
			far.Close()
		}
		p.mu.Unlock()
		p.work.Go(func() { p.copy(near, far) })
		p.work.Go(func() { p.copy(far, near) })
	}
}

func (p *proxy) copy(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		pass := p.pass
		p.mu.Unlock()
		<-pass
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut holds back what is sent, and says so to nobody.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass = make(chan struct{})
}

// heal lets pass what was held back.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.pass:
	default:
		close(p.pass)
	}
	p.refuse = false
}

// hangUp ends all connections.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func TestTheNetworkBetweenWorkerAndServerIsCut(t *testing.T) {
	for _, tt := range []struct {
		name string
		cut  func(p *proxy, all []order)
		runs int  // calls that may run twice
		long bool // it is left out of a short run
	}{
		{"HangUp", func(p *proxy, _ []order) { p.hangUp() }, 12, true},
		{"Refuse", func(p *proxy, _ []order) {
			p.mu.Lock()
			p.refuse = true
			p.mu.Unlock()
			p.hangUp()
			time.Sleep(2 * time.Second)
			p.heal()
		}, 12, false},
		{"SilenceThatEnds", func(p *proxy, _ []order) { p.cut(); time.Sleep(12 * time.Second); p.heal() }, 20, false},
		{"SilenceAndHangUp", func(p *proxy, _ []order) { p.cut(); time.Sleep(12 * time.Second); p.hangUp(); p.heal() }, 20, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.long {
				needsTime(t)
			}
			t.Parallel()
			_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
			p := newProxy(t, strings.TrimPrefix(url, "nats://"))
			startWorker(t, p.url(), 2)
			startWorker(t, url, 1)
			all := orders(t, 100, 30)
			wait := submitAll(t, connectTo(t, url, "cut"), all)
			begun(t, all, 30)
			tt.cut(p, all)
			wait()
			checkRun(t, connection(t, url), "cut", all)
			_, total := executions(t, all)
			t.Logf("%d executions of %d calls", total, len(all))
			if total > len(all)+tt.runs {
				t.Errorf("%d executions of %d calls", total, len(all))
			}
		})
	}
}

func TestTheNetworkBetweenClientAndServerIsCut(t *testing.T) {
	for _, tt := range []struct {
		name string
		cut  func(p *proxy)
		long bool
	}{
		{"HangUp", func(p *proxy) { p.hangUp() }, true},
		{"Silence", func(p *proxy) { p.cut(); time.Sleep(8 * time.Second); p.heal() }, true},
		{"SilenceAndHangUp", func(p *proxy) { p.cut(); time.Sleep(8 * time.Second); p.hangUp(); p.heal() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.long {
				needsTime(t)
			}
			t.Parallel()
			_, url := startServer(t, t.TempDir(), "127.0.0.1:0", embedded.Fast)
			p := newProxy(t, strings.TrimPrefix(url, "nats://"))
			startWorker(t, url, 2)
			all := orders(t, 200, 10)
			c := connectTo(t, p.url(), "cut")
			wait := submitAll(t, c, all[:100])
			begun(t, all, 30)
			done := make(chan struct{})
			go func() { defer close(done); tt.cut(p) }()
			more := submitAll(t, c, all[100:])
			<-done
			wait()
			more()
			checkRun(t, connection(t, url), "cut", all)
			_, total := executions(t, all)
			t.Logf("%d executions of %d calls", total, len(all))
		})
	}
}
