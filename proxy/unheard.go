package proxy

import (
	"net/netip"
	"time"

	"mqttward/auth"
)

// Unheard is all that may be told of a connection that ended before its CONNECT was whole, and so was
// not refused as a client is. It holds no secret: what came from elsewhere is as auth.Display shows it.
type Unheard struct {
	// Time is when it ended.
	Time time.Time
	// Conn is the connection's number, as in the log.
	Conn     uint64
	Listener string
	Remote   netip.AddrPort
	// Reason is the word by which Observer.Closed is told of it: "tls_handshake" where that failed,
	// "proxy_header" where the header of the PROXY protocol is missing, bad or from the wrong address,
	// "no_connect" where the client went.
	Reason string
	// Handshake says how the TLS handshake ended, where that is the reason; HandshakeOK otherwise.
	Handshake HandshakeResult
	// CertSubject is the subject of the client's certificate, where that was refused; nothing is proven
	// of it.
	CertSubject string
	// Detail says more, as in the log.
	Detail string
}

// observeUnheard tells of the end of a connection whose CONNECT was not whole.
func (c *connection) observeUnheard(reason, detail string, err error) {
	if detail == "" && err != nil {
		detail = auth.Display([]byte(err.Error()))
	}
	c.srv.observer.Unheard(Unheard{
		Time: time.Now(), Conn: c.id, Listener: c.listener.Name, Remote: c.peer,
		Reason: reason, Handshake: c.shook, CertSubject: shownSubject(err), Detail: detail,
	})
}
