package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxSources is the most source addresses: each gives thousands of connections to an address.
const maxSources = 64

// readSourceAddresses reads a list of this machine's addresses.
func readSourceAddresses(t *table, name string) []netip.Addr {
	return readList(t, name, maxSources, readSourceAddress)
}

// readSourceAddress reads one of them, or says what is wrong with it.
func readSourceAddress(s string) (a netip.Addr, fault string) {
	a, err := netip.ParseAddr(s)
	a = a.Unmap()
	if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		return a, fmt.Sprintf(`must be an IP address of this machine, such as "10.0.0.2", not %q`, s)
	}
	return a, ""
}

// checkSources judges whether the broker's addresses can be reached from the source addresses.
func (d *document) checkSources(u *Upstream) {
	const path = "upstream.source_addresses"
	if len(u.SourceAddresses) == 0 || d.faultyBelow(path) || d.faultyBelow("upstream.addresses") {
		return
	}
	mixed := slices.ContainsFunc(u.SourceAddresses, func(a netip.Addr) bool { return a.Is4() != u.SourceAddresses[0].Is4() })
	used := false
	for _, s := range u.Addresses {
		if strings.HasPrefix(s, "unix:") {
			continue
		}
		used = true
		a, _ := parseHostPort(s)
		switch {
		case !a.ip.IsValid() && mixed:
			d.fault(path, "must be all IPv4 or all IPv6, since %q is a name", s)
			return
		case a.ip.IsValid() && !slices.ContainsFunc(u.SourceAddresses, func(b netip.Addr) bool { return b.Is4() == a.ip.Is4() }):
			d.fault(path, "none is of the family of %q: add one, or remove that address", s)
			return
		}
	}
	if !used {
		d.fault(path, "has no use: no address of the broker is one of TCP")
	}
}
