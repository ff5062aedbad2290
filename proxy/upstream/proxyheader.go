package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"
)

// ProxyProtocol says what of a client the broker is told before its CONNECT, by a header of the
// PROXY protocol. The zero value tells it nothing.
type ProxyProtocol struct {
	// Version is 1 or 2; 0 means that there is no header. Version 2 tells of the client's TLS and
	// of the server name that it asked for too.
	Version byte
	// Identity tells the proven identity in the place of the common name of the client's
	// certificate, with version 2 only; where nothing is proven, there is no name.
	Identity bool
}

// maxIdentity is the most bytes of an identity in a header, which should fit one segment.
const maxIdentity = 256

// ErrIdentity is wrapped by the error of [Pool.Dial] where the client's identity can't be told.
var ErrIdentity = errors.New("the identity can't be told to the upstream")

// header returns what goes before the CONNECT of a client; nil where nothing does.
func (o ProxyProtocol) header(c *Client) ([]byte, error) {
	if o.Version == 0 {
		return nil, nil
	}
	peer, local := c.Peer, c.Local
	if !local.IsValid() && c.Conn != nil {
		local = tcpAddrPort(c.Conn.LocalAddr())
	}
	if !peer.IsValid() || !local.IsValid() {
		peer, local = netip.AddrPort{}, netip.AddrPort{}
	}
	h := &proxyproto.Header{Version: o.Version, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	if peer.IsValid() {
		h = proxyproto.HeaderProxyFromAddrs(o.Version, net.TCPAddrFromAddrPort(peer), net.TCPAddrFromAddrPort(local))
	}
	if o.Version == 2 {
		tlvs, err := o.tlvs(c)
		if err != nil {
			return nil, err
		}
		if err := h.SetTLVs(tlvs); err != nil {
			return nil, fmt.Errorf("PROXY header: %w", err)
		}
	}
	return h.Format()
}

// tcpAddrPort is the zero value where a is no address of TCP's.
func tcpAddrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// tlvs are what version 2 tells beside the addresses.
func (o ProxyProtocol) tlvs(c *Client) ([]proxyproto.TLV, error) {
	var all []proxyproto.TLV
	secure, isTLS := c.Conn.(*tls.Conn)
	var state tls.ConnectionState
	if isTLS {
		state = secure.ConnectionState()
	}
	if tellableHost(state.ServerName) {
		all = append(all, proxyproto.TLV{Type: proxyproto.PP2_TYPE_AUTHORITY, Value: []byte(state.ServerName)})
	}
	name, err := o.commonName(c, &state)
	if err != nil || !isTLS && name == "" {
		return all, err
	}
	tlv, err := sslOf(&state, isTLS, name, o.Identity).Marshal()
	if err != nil {
		return nil, fmt.Errorf("PROXY header: %w", err)
	}
	return append(all, tlv), nil
}

// maxHost is the longest name in DNS, with a dot at its end.
const maxHost = 254

// tellableHost reports whether a client asked for what may be a server's name. It can write anything there,
// 64 KiB of it: more than a header takes, which is no failure of the broker's, or than a broker does.
func tellableHost(name string) bool {
	return name != "" && len(name) <= maxHost && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// commonName is the name that the broker is told: the identity, or what stands in a certificate
// that was verified.
func (o ProxyProtocol) commonName(c *Client, state *tls.ConnectionState) (string, error) {
	name := c.Identity
	if !o.Identity {
		if len(state.VerifiedChains) == 0 {
			return "", nil
		}
		name = state.PeerCertificates[0].Subject.CommonName
	}
	switch {
	case len(name) > maxIdentity:
		return "", fmt.Errorf("%w: it has %d bytes: %d are the most", ErrIdentity, len(name), maxIdentity)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("%w: it holds a control character, or no valid UTF-8", ErrIdentity)
	}
	return name, nil
}

// sslOf is what is told of a client's TLS, and its name. A certificate counts as verified where it
// was; an identity is proven.
func sslOf(state *tls.ConnectionState, isTLS bool, name string, identity bool) tlvparse.PP2SSL {
	ssl := tlvparse.PP2SSL{Verify: 1}
	add := func(t proxyproto.PP2Type, value string) {
		ssl.TLV = append(ssl.TLV, proxyproto.TLV{Type: t, Value: []byte(value)})
	}
	if isTLS {
		ssl.Client = tlvparse.PP2_BITFIELD_CLIENT_SSL
		add(proxyproto.PP2_SUBTYPE_SSL_VERSION, strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1))
		add(proxyproto.PP2_SUBTYPE_SSL_CIPHER, tls.CipherSuiteName(state.CipherSuite))
	}
	if len(state.PeerCertificates) > 0 {
		ssl.Client |= tlvparse.PP2_BITFIELD_CLIENT_CERT_SESS
		if !state.DidResume {
			ssl.Client |= tlvparse.PP2_BITFIELD_CLIENT_CERT_CONN
		}
	}
	if len(state.VerifiedChains) > 0 || identity && name != "" {
		ssl.Verify = 0
	}
	if name != "" {
		add(proxyproto.PP2_SUBTYPE_SSL_CN, name)
	}
	return ssl
}
