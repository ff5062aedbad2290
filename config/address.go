package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hostPort is an address, "host:port".
type hostPort struct {
	host string
	ip   netip.Addr // invalid where host is a name or empty
	port uint16
}

// parseHostPort reads "host:port", or says what is wrong with it.
func parseHostPort(s string) (a hostPort, fault string) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() {
			return a, "an IPv6 address needs brackets and a port"
		}
		return a, "the port is missing, or there is a colon too many"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strings.HasPrefix(port, "+") {
		return a, "the port must be a number of 0 to 65535"
	}
	a = hostPort{host: host, port: uint16(n)}
	if ip, err := netip.ParseAddr(host); err == nil {
		a.ip = ip.Unmap()
	} else if host != "" && !isHostName(host) {
		return a, "the host is neither a name nor an IP address"
	}
	return a, ""
}

// isHostName reports whether s can be a name in the DNS or in a hosts file. An underscore,
// which container names may hold, is allowed.
func isHostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	numeric := true
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isBareKey(label) || len(label) > 63 {
			return false
		}
		numeric = strings.Trim(label, "0123456789") == ""
	}
	return !numeric // 10.0.0.256 is a mistyped address
}

// bindKey returns the same text for addresses on which only one listener can listen.
func (a hostPort) bindKey() string {
	host := strings.ToLower(a.host)
	if a.ip.IsValid() {
		host = a.ip.String()
	}
	if host == "::" {
		host = ""
	}
	return net.JoinHostPort(host, strconv.Itoa(int(a.port)))
}

// listensOn reports whether a listener bound to a gets the connections to b, as far as that
// can be told without the DNS and the machine's own addresses.
func (a hostPort) listensOn(b hostPort) bool {
	if a.port != b.port || a.port == 0 {
		return false
	}
	a, b = a.loopback(), b.loopback()
	switch {
	case a.bindKey() == b.bindKey():
		return true
	case a.host == "" || a.ip == netip.IPv6Unspecified(): // IPv4 too
		return b.ip.IsLoopback() || b.ip.IsUnspecified()
	case a.ip.IsUnspecified():
		return b.ip.Is4() && b.ip.IsLoopback()
	}
	return b.ip.IsUnspecified() && a.ip.IsLoopback() && a.ip.Is4() == b.ip.Is4()
}

// clashes reports whether only one of two listeners, bound to a and b, can listen, as far as
// that can be told without the DNS: they are the same, or one takes every address.
func (a hostPort) clashes(b hostPort) bool {
	if a.port != b.port || a.port == 0 {
		return false
	}
	a, b = a.loopback(), b.loopback()
	return a.bindKey() == b.bindKey() || a.covers(b) || b.covers(a)
}

// covers reports whether a is every address of b's family.
func (a hostPort) covers(b hostPort) bool {
	if a.host == "" || a.ip == netip.IPv6Unspecified() { // IPv4 too
		return true
	}
	return a.ip.IsUnspecified() && b.ip.Is4()
}

// loopback returns a with the name localhost resolved.
func (a hostPort) loopback() hostPort {
	if strings.EqualFold(a.host, "localhost") {
		a.ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return a
}
