package titles

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPrivateAddressesAreKnown(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1",
		"::", "::1", "fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::",
		"2002:a9fe:a9fe::1", "2001:0:1:2:3:4:80ff:fffe",
	} {
		if !isPrivate(netip.MustParseAddr(text)) {
			t.Errorf("%s is not private", text)
		}
	}
	for _, text := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.0.1",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:0:1:2:3:4:f7f7:f7f7",
	} {
		if isPrivate(netip.MustParseAddr(text)) {
			t.Errorf("%s is private", text)
		}
	}
}

func TestPrivateAddressesAreNotDialled(t *testing.T) {
	address, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	names := withNames(t, func(string, int) (dnsmessage.RCode, []string, bool) { return 0, []string{"127.0.0.1", "::1"}, false })
	at := port(t, address)
	f := fetcher(t, DenyPrivate(), names)
	for _, host := range []string{"127.0.0.1", "private.test", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "2130706433.test", "[::ffff:7f00:1]"} {
		for _, scheme := range []string{"http://", "https://"} {
			page, err := f.Fetch(limit(t), scheme+host+at)
			if got := outcomeOf(err); got != (outcome{KindPrivate, false, false}) || !strings.HasSuffix(err.Error(), "is a private address") {
				t.Errorf("%s%s: %+v, %v: %+v", scheme, host, page, err, got)
			}
		}
	}
	if n := connections.Load(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

// publicFor makes f take one private address for a public one, so that a server of the test can be the public internet.
func publicFor(t *testing.T, f *Fetcher, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	check := f.dialer.ControlContext
	f.dialer.ControlContext = nil
	dial := f.transport.DialContext
	checked := *f
	checked.dialer.ControlContext = check
	f.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == u.Host {
			return dial(ctx, network, addr)
		}
		return checked.dial(ctx, network, addr)
	}
}

func TestRedirectToAPrivateAddressIsNotFollowed(t *testing.T) {
	inside, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, river) })
	outside, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", inside)
		w.WriteHeader(http.StatusFound)
	})
	f := fetcher(t, DenyPrivate())
	publicFor(t, f, outside)
	page, err := f.Fetch(limit(t), outside)
	if KindOf(err) != KindPrivate || page.URL != inside || connections.Load() != 0 {
		t.Errorf("Fetch = %+v, %v; %d connections", page, err, connections.Load())
	}
}

func TestNamesBehindAProxyAreChecked(t *testing.T) {
	proxy, asked := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "<title>%s</title>", r.Host) })
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	names := withNames(t, func(name string, _ int) (dnsmessage.RCode, []string, bool) {
		switch name {
		case "public.test":
			return 0, []string{"1.1.1.1"}, false
		case "private.test":
			return 0, []string{"10.0.0.1"}, false
		case "both.test":
			return 0, []string{"1.1.1.1", "10.0.0.1"}, false
		}
		return dnsmessage.RCodeNameError, nil, false
	})
	f := fetcher(t, DenyPrivate(), names, good(t)(Proxy(u)))
	for host, kind := range map[string]string{
		"private.test": KindPrivate, "both.test": KindPrivate, "127.0.0.1": KindPrivate, "[::1]": KindPrivate, "unknown.test": KindDNS,
	} {
		if page, err := f.Fetch(limit(t), "http://"+host); KindOf(err) != kind {
			t.Errorf("%s: %+v, %v of kind %q", host, page, err, KindOf(err))
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the proxy had %d connections", n)
	}
	if page, err := f.Fetch(limit(t), "http://public.test/"); page.Title != "public.test" || err != nil { // the proxy may be private
		t.Errorf("Fetch = %+v, %v", page, err)
	}
}
