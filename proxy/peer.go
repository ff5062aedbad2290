package proxy

import (
	"net"
	"net/netip"
)

// peerOf returns the address of a connection's peer; the zero value where that is none of IP's.
func peerOf(c net.Conn) netip.AddrPort {
	if known, ok := c.(interface{ AddrPort() netip.AddrPort }); ok {
		return known.AddrPort()
	}
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// shownPeer is how a peer's address stands in a log line.
func shownPeer(a netip.AddrPort) string {
	if !a.IsValid() {
		return "local"
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()
}
