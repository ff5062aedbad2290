package config

import (
	"fmt"
	"net/netip"
)

// proxyVersions are the values of proxy_protocol in [upstream].
var proxyVersions = map[string]int{"off": 0, "v1": 1, "v2": 2}

// maxNetworks is far more than anybody has.
const maxNetworks = 256

// readNetworks reads a list of addresses and networks.
func readNetworks(t *table, name string) []netip.Prefix {
	return readList(t, name, maxNetworks, readNetwork)
}

// readNetwork reads one of them, or says what is wrong with it.
func readNetwork(s string) (n netip.Prefix, fault string) {
	n, ok := parseNetwork(s)
	switch {
	case !ok:
		return n, fmt.Sprintf(`must be an IP address or a network, such as "10.0.0.0/8", not %q`, s)
	case n != n.Masked():
		return n, fmt.Sprintf("%q is an address in the network %s: write that", s, n.Masked())
	}
	return n, ""
}

// parseNetwork reads an address, which is a network of one, or a network.
func parseNetwork(s string) (netip.Prefix, bool) {
	if n, err := netip.ParsePrefix(s); err == nil {
		return n, !n.Addr().Is4In6()
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// checkProxyProtocol judges whom the listener at path believes.
func (d *document) checkProxyProtocol(path string, l *Listener) {
	mode, trusted := path+".proxy_protocol", path+".proxy_protocol_trusted"
	if d.faults[mode] || d.faultyBelow(trusted) {
		return
	}
	switch listed := len(l.ProxyTrusted) > 0; {
	case l.ProxyProtocol == ProxyOff && d.given[trusted]:
		d.fault(trusted, `has no use without proxy_protocol: write proxy_protocol = "required", or remove it`)
	case l.ProxyProtocol == ProxyOptional && !listed:
		d.fault(mode, `"optional" wants proxy_protocol_trusted: else any client could pretend another's address`)
	case l.ProxyProtocol == ProxyRequired && !listed:
		d.warn(mode, "whoever can connect here is believed about its address: name the load balancer in proxy_protocol_trusted")
	}
}
