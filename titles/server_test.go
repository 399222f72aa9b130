package titles

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fetcher is a Fetcher that leaves nothing behind.
func fetcher(t *testing.T, opts ...Option) *Fetcher {
	t.Helper()
	f := New(opts...)
	t.Cleanup(f.Close)
	return f
}

// serve runs a web server, and counts the connections to it.
func serve(t *testing.T, handler http.HandlerFunc) (address string, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

// serveRaw runs a server that does with each connection what answer says; the connection is closed behind it. The request has been
// read up to its first bytes.
func serveRaw(t *testing.T, answer func(net.Conn)) (address string) {
	t.Helper()
	return serveRawFrom(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			answer(conn)
		}
	})
}

// serveRawFrom is serveRaw without having read anything.
func serveRawFrom(t *testing.T, answer func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		handlers sync.WaitGroup
		mu       sync.Mutex // guards conns
		conns    []net.Conn
	)
	handlers.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			handlers.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(time.Minute))
				answer(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range conns { // a Fetcher may keep them for later pages
			conn.Close()
		}
		mu.Unlock()
		handlers.Wait()
	})
	return "http://" + listener.Addr().String()
}

// untilClosed waits until the other side has closed the connection.
func untilClosed(conn net.Conn) {
	for buf := make([]byte, 1024); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

// limit is a context for one test: nothing here takes long.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// unused is the address of a server that is gone.
func unused(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

// poll waits until done returns true.
func poll(t *testing.T, done func() bool) {
	t.Helper()
	for ctx := limit(t); !done(); runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatal("it did not come about")
		}
	}
}

// quiet is for servers whose errors are meant.
var quiet = log.New(io.Discard, "", 0)
