package titles

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// outcome is what a scheduler sees of a failure.
type outcome struct {
	kind             string
	retry, unreached bool
}

func outcomeOf(err error) outcome { return outcome{KindOf(err), Retryable(err), Unreached(err)} }

func TestNamesThatCannotBeLookedUp(t *testing.T) {
	names := withNames(t, func(name string, _ int) (dnsmessage.RCode, []string, bool) {
		switch name {
		case "unknown.test":
			return dnsmessage.RCodeNameError, nil, false
		case "broken.test":
			return dnsmessage.RCodeServerFailure, nil, false
		case "silent.test":
			return 0, nil, true
		}
		return 0, nil, false // known, without addresses
	})
	f := fetcher(t, names, ConnectTimeout(300*time.Millisecond))
	for host, want := range map[string]outcome{
		"unknown.test": {KindDNS, false, false},
		"empty.test":   {KindDNS, false, false},
		"broken.test":  {KindDNS, true, false},
		"silent.test":  {KindDNS, true, false},
	} {
		page, err := f.Fetch(limit(t), "http://"+host)
		if got := outcomeOf(err); got != want || page.URL != "http://"+host {
			t.Errorf("%s: %+v, %v: %+v, want %+v", host, page, err, got, want)
		}
	}
}

func TestServersThatCannotBeConnectedTo(t *testing.T) {
	silent := serveRaw(t, untilClosed)
	secure := func(address string) string { return strings.Replace(address, "http:", "https:", 1) }
	unaccepted := unacceptedListener(t)
	plain, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	tlsServer := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) }))
	tlsServer.Config.ErrorLog = quiet
	tlsServer.StartTLS()
	defer tlsServer.Close()
	for name, c := range map[string]struct {
		address string
		option  Option
		want    outcome
	}{
		"refused":                       {unused(t), nil, outcome{KindConnect, true, true}},
		"refused, TLS":                  {secure(unused(t)), nil, outcome{KindConnect, true, true}},
		"no such port":                  {"http://127.0.0.1:99999/", nil, outcome{KindIO, false, false}},
		"no handshake":                  {secure(silent), ConnectTimeout(100 * time.Millisecond), outcome{KindConnect, true, true}},
		"no handshake, page's time":     {secure(silent), Timeout(100 * time.Millisecond), outcome{KindTimeout, true, false}},
		"no accept":                     {unaccepted, Timeout(100 * time.Millisecond), outcome{KindTimeout, true, false}},
		"no answer":                     {silent, Timeout(100 * time.Millisecond), outcome{KindTimeout, true, false}},
		"closed in the handshake":       {secure(serveRaw(t, func(net.Conn) {})), nil, outcome{KindReset, true, false}},
		"reset in the handshake":        {secure(serveRaw(t, reset)), nil, outcome{KindReset, true, false}},
		"an alert":                      {secure(serveRaw(t, say("\x15\x03\x01\x00\x02\x02\x28"))), nil, outcome{KindTLS, false, false}},
		"garbage for a handshake":       {secure(serveRaw(t, say("SSH-2.0-x\r\n"))), nil, outcome{KindTLS, false, false}},
		"TLS with a plain server":       {secure(plain), nil, outcome{KindTLS, false, false}},
		"plain with a server of TLS":    {strings.Replace(tlsServer.URL, "https:", "http:", 1), nil, outcome{KindHTTP, false, false}},
		"plain, answered with an alert": {serveRaw(t, say("\x15\x03\x01\x00\x02\x02\x46")), nil, outcome{KindHTTP, false, false}},
		"unknown authority":             {tlsServer.URL, nil, outcome{KindTLS, false, false}},
		"unknown authority, insecure":   {tlsServer.URL, Insecure(), outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			var opts []Option
			if c.option != nil {
				opts = append(opts, c.option)
			}
			page, err := fetcher(t, opts...).Fetch(limit(t), c.address)
			if got := outcomeOf(err); got != c.want || page.Input != c.address {
				t.Errorf("%+v, %v: %+v, want %+v", page, err, got, c.want)
			}
		})
	}
}

// unacceptedListener is one that nobody serves: the system takes connections for it all the same.
func unacceptedListener(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return "http://" + listener.Addr().String()
}

func TestErrorsOfConnectionsAreShort(t *testing.T) {
	plain, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	for address, want := range map[string]string{
		strings.Replace(plain, "http:", "https:", 1):                          "potok: http: server gave HTTP response to HTTPS client",
		strings.Replace(serveRaw(t, untilClosed), "http:", "https:", 1):       "potok: connection timed out",
		serveRaw(t, say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html")): "potok: connection broke: unexpected EOF",
		serveRaw(t, say("nonsense\r\n\r\n")):                                  `potok: malformed HTTP response "nonsense"`,
		serveRaw(t, func(net.Conn) {}):                                        "potok: connection broke: EOF",
	} {
		if _, err := fetcher(t, ConnectTimeout(100*time.Millisecond)).Fetch(limit(t), address); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestManyHostsLeaveNothingBehind(t *testing.T) {
	var open atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.Start()
	defer s.Close()
	names := withNames(t, func(string, int) (dnsmessage.RCode, []string, bool) { return 0, []string{"127.0.0.1"}, false })
	f := fetcher(t, Workers(4), names)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	heapAfter := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			if page, err := f.Fetch(ctx, fmt.Sprintf("http://h%d.test%s", i, port(t, s.URL))); page.Title != "River" || err != nil {
				t.Fatalf("Fetch = %+v, %v", page, err)
			}
		}
		poll(t, func() bool { return open.Load() <= 8 }) // the server is in this heap, too
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	first := heapAfter(0, 500)
	second := heapAfter(500, 2000)
	if second > first+4<<20 { // 2,800 bytes a host; a connection has more in its buffers alone
		t.Errorf("%d bytes after 500 hosts, %d after 2,000", first, second)
	}
}

func TestConnectionGivenUpByItsPageIsClosed(t *testing.T) {
	for _, scheme := range []string{"http:", "https:"} { // the second one is still in its handshake
		closed := make(chan struct{})
		address := serveRaw(t, func(conn net.Conn) {
			untilClosed(conn)
			close(closed)
		})
		ctx, cancel := context.WithTimeout(limit(t), 50*time.Millisecond)
		defer cancel()
		fetcher(t, ConnectTimeout(time.Hour)).Fetch(ctx, strings.Replace(address, "http:", scheme, 1))
		select {
		case <-closed:
		case <-limit(t).Done():
			t.Error(scheme, "the connection is still open")
		}
	}
}
