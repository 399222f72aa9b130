package titles

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/net/idna"
)

// privateRanges are all networks that the public internet does not reach, and those of its addresses that mean no single machine.
var privateRanges = prefixes(
	"0.0.0.0/8",       // this host
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // behind a carrier's NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, with the metadata services of clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, and broadcast
	"::/128",          // unspecified
	"::1/128",         // loopback
	"64:ff9b:1::/48",  // NAT64 within a network
	"100::/64",        // discard
	"fc00::/7",        // unique-local
	"fe80::/10",       // link-local
	"fec0::/10",       // site-local, as it was
	"ff00::/8",        // multicast
	"2001:2::/48",     // benchmarks
	"2001:db8::/32",   // documentation
	"192.0.2.0/24",    // documentation
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// isPrivate looks through the ways in which an IPv6 address can stand for an IPv4 address.
func isPrivate(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	for _, p := range privateRanges {
		if p.Contains(a) {
			return true
		}
	}
	inner, ok := embedded(a)
	return ok && isPrivate(inner)
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
	compatible = netip.MustParsePrefix("::/96")
	teredo     = netip.MustParsePrefix("2001::/32")
)

// embedded is the IPv4 address to which packets for a go in the end.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	switch {
	case nat64.Contains(a), compatible.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case teredo.Contains(a): // written inverted
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	}
	return netip.Addr{}, false
}

// A privateError is the refusal to connect to an address.
type privateError struct{ addr netip.Addr }

func (e *privateError) Error() string { return fmt.Sprintf("%v is a private address", e.addr) }

// checkDialled is for net.Dialer.ControlContext: it sees every address right before it is connected to.
func checkDialled(ctx context.Context, _, address string, _ syscall.RawConn) error {
	if proxyOf(ctx) != nil {
		return nil
	}
	dialled, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if isPrivate(dialled.Addr()) {
		return &privateError{dialled.Addr()}
	}
	return nil
}

// checkName is for names that a proxy will look up, so all that this system knows of a name is looked at.
func (f *Fetcher) checkName(ctx context.Context, host string) error {
	if ascii, err := idna.Lookup.ToASCII(host); err == nil && ascii != "" { // of an address in numbers it makes an error
		host = ascii
	}
	addrs, err := f.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if isPrivate(a) {
			return &privateError{a.Unmap()}
		}
	}
	return nil
}
