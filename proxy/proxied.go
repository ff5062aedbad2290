package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/pires/go-proxyproto"
)

// ProxyProtocol says whether the connections of a listener begin with a header of the PROXY
// protocol, version 1 or 2, by which a load balancer tells whose connection it passes on. The
// header comes before TLS, and shares connect_timeout with what follows. The zero value expects
// none: a header is then no MQTT.
type ProxyProtocol struct {
	// Mode says whether there is a header.
	Mode ProxyMode
	// Trusted are the networks of those who may send one. None means everybody, with ProxyRequired
	// only: whoever reaches the listener can then pretend any address.
	Trusted []netip.Prefix
}

// ProxyMode says whether there is a header.
type ProxyMode uint8

// The modes. With ProxyOptional an address that is trusted may send one, and from all others none
// is read; with ProxyRequired whoever sends none, or is not trusted, is closed.
const (
	ProxyOff ProxyMode = iota
	ProxyOptional
	ProxyRequired
)

// trusts reports whether a peer may send a header.
func (p *ProxyProtocol) trusts(peer netip.Addr) bool {
	if len(p.Trusted) == 0 {
		return p.Mode == ProxyRequired
	}
	peer = peer.Unmap().WithZone("")
	return slices.ContainsFunc(p.Trusted, func(n netip.Prefix) bool { return n.Contains(peer) })
}

// Why a connection is closed that has a header, or should.
var (
	errUntrustedProxy = errors.New("not from an address that is trusted to send a header")
	errNoProxyHeader  = errors.New("the connection does not begin with a header")
	errProxyHeader    = errors.New("not a header of a TCP connection")
)

// introduce reads the header of the PROXY protocol, where the listener has one, and takes the
// client's address from it.
func (c *connection) introduce() error {
	c.peer = peerOf(c.socket)
	p := c.policy.ProxyProtocol[c.listener.Name]
	if p.Mode == ProxyOff {
		return nil
	}
	if !p.trusts(c.peer.Addr()) {
		if p.Mode == ProxyRequired {
			return errUntrustedProxy
		}
		return nil
	}
	header, head, err := readProxyHeader(c.socket)
	switch {
	case err != nil:
		return err
	case header == nil && p.Mode == ProxyRequired:
		return errNoProxyHeader
	case header == nil:
		c.head = head
		return nil
	}
	return c.takeHeader(header)
}

// dismissed closes a connection that was not introduced.
func (c *connection) dismissed(err error) {
	reason := closedGaveWay
	if c.wanted() {
		c.logUnintroduced(err)
		c.observeUnheard(closedProxy, "", err)
		reason = closedProxy
	}
	c.socket.Close()
	c.srv.observer.Closed(c.listener.Name, reason)
}

// takeHeader takes the addresses of a header. A balancer's own connection, such as a check of
// health, and one whose client has no IP address, keep theirs.
func (c *connection) takeHeader(h *proxyproto.Header) error {
	if h.Command.IsLocal() || h.TransportProtocol == proxyproto.UnixStream {
		return nil
	}
	from, to, ok := h.TCPAddrs()
	if !ok {
		return errProxyHeader
	}
	c.peer, c.local = unmapped(from.AddrPort()), unmapped(to.AddrPort())
	c.srv.handshakes.introduce(c.hs, masked(c.peer))
	return nil
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

const (
	// proxyV1Least and proxyV1Most are the sizes of a header of version 1, from "PROXY UNKNOWN\r\n"
	// to that with the longest addresses.
	proxyV1Least, proxyV1Most = 15, 107
	// proxyV2Fixed is the part of a header of version 2 that says how long the rest is.
	proxyV2Fixed = 16
	// proxyV2Most bounds that rest. A header may hold the client's certificate.
	proxyV2Most = 4096
)

// readProxyHeader reads exactly a header. Where there is none, it is nil, and head is what was
// read: neither a CONNECT nor a TLS handshake begins as a header does.
func readProxyHeader(from io.Reader) (h *proxyproto.Header, head []byte, err error) {
	raw := make([]byte, 1, proxyV1Most)
	if _, err := io.ReadFull(from, raw); err != nil {
		return nil, nil, err
	}
	switch raw[0] {
	case proxyproto.SIGV1[0]:
		raw, err = readProxyV1(from, raw)
	case proxyproto.SIGV2[0]:
		raw, err = readProxyV2(from, raw)
	default:
		return nil, raw, nil
	}
	if err != nil {
		return nil, nil, err
	}
	h, err = proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(raw), len(raw)))
	return h, nil, err
}

// readProxyV1 reads what follows raw up to the end of the line: nothing behind it is ours.
func readProxyV1(from io.Reader, raw []byte) ([]byte, error) {
	raw, err := readMore(from, raw, proxyV1Least)
	for err == nil && raw[len(raw)-1] != '\n' && len(raw) < proxyV1Most {
		raw, err = readMore(from, raw, len(raw)+1)
	}
	return raw, err
}

func readProxyV2(from io.Reader, raw []byte) ([]byte, error) {
	raw, err := readMore(from, raw, proxyV2Fixed)
	if err != nil {
		return nil, err
	}
	rest := int(binary.BigEndian.Uint16(raw[proxyV2Fixed-2:]))
	if !bytes.HasPrefix(raw, proxyproto.SIGV2) {
		return nil, errNoProxyHeader
	}
	if rest > proxyV2Most {
		return nil, fmt.Errorf("a header of %d bytes: %d are the most", proxyV2Fixed+rest, proxyV2Fixed+proxyV2Most)
	}
	return readMore(from, raw, proxyV2Fixed+rest)
}

// readMore reads until raw has size bytes.
func readMore(from io.Reader, raw []byte, size int) ([]byte, error) {
	have := len(raw)
	raw = append(raw, make([]byte, size-have)...)
	if _, err := io.ReadFull(from, raw[have:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return raw, nil
}
