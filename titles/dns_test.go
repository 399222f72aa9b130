package titles

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is what a test's name server answers: it is given a name without the last dot, and how often that was asked for before.
type names func(name string, asked int) (rcode dnsmessage.RCode, addrs []string, silent bool)

// withNames makes a Fetcher look names up at a server of the test's own.
func withNames(t *testing.T, answer names) Option {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		asked := map[string]int{}
		for buf := make([]byte, 1500); ; {
			n, client, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			name := strings.TrimSuffix(q.Name.String(), ".")
			var addrs []string
			var silent bool
			m.RCode, addrs, silent = answer(name, asked[name])
			if q.Type == dnsmessage.TypeA {
				asked[name]++
			}
			if silent {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			for _, a := range addrs {
				addr := netip.MustParseAddr(a)
				h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
				switch {
				case addr.Is4() && q.Type == dnsmessage.TypeA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}})
				case addr.Is6() && q.Type == dnsmessage.TypeAAAA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
				}
			}
			if packed, err := m.Pack(); err == nil {
				server.WriteTo(packed, client)
			}
		}
	})
	// A look-up goes on when its ctx has ended, for as long as package net is patient: unless its connections are closed.
	var clients struct {
		sync.Mutex
		conns  []net.Conn
		closed bool
	}
	t.Cleanup(func() {
		server.Close()
		done.Wait()
		clients.Lock()
		defer clients.Unlock()
		clients.closed = true
		for _, c := range clients.conns {
			c.Close()
		}
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		clients.Lock()
		defer clients.Unlock()
		if clients.closed {
			return nil, net.ErrClosed
		}
		c, err := net.Dial("udp", server.LocalAddr().String())
		clients.conns = append(clients.conns, c)
		if n := len(clients.conns) - 64; n > 0 { // long done with
			clients.conns = slices.Delete(clients.conns, 0, n)
		}
		return c, err
	}}
	return optionFunc(func(s *settings) { s.resolver = resolver })
}

// port is that of a test server's address.
func port(t *testing.T, address string) string {
	t.Helper()
	return address[strings.LastIndexByte(address, ':'):]
}
