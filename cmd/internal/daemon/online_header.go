package daemon

import (
	"context"
	"errors"
	"os"

	"mqttward/config"
)

// proxyHeaders are the values of upstream.proxy_protocol, those first that a broker knows most often.
var proxyHeaders = [...]struct {
	version int
	name    string
	how     string // the broker is sent its CONNECT with it
}{
	{2, "v2", "behind a header of the PROXY protocol"},
	{1, "v1", "behind a header of the PROXY protocol"},
	{0, "off", "without a header of the PROXY protocol"},
}

// headerHint says how upstream.proxy_protocol should be, where the broker has failed with err as it
// is, and answers with another value; it is empty where that is not so. A broker that stays silent
// is not asked again: whoever wants another beginning says so by closing, and patience has an end.
func (p *probe) headerHint(ctx context.Context, err error) string {
	if isSilence(err) {
		return ""
	}
	for _, h := range proxyHeaders {
		if h.version == p.header {
			continue
		}
		other := *p
		other.header = h.version
		if other.answered(ctx) {
			return "; " + h.how + " it does: write proxy_protocol = \"" + h.name + "\" in [upstream]"
		}
	}
	return ""
}

// isSilence reports whether err says that nothing came in time.
func isSilence(err error) bool {
	return errors.Is(err, errSilent) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// answered reports whether the broker answers a CONNECT, whatever it says.
func (p *probe) answered(ctx context.Context) bool {
	conn, err := p.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	ack, _ := p.connect5(ctx, conn)
	return ack != nil || p.speaks311(ctx)
}

// withHeader is c with another upstream.proxy_protocol.
func withHeader(c config.Upstream, version int) config.Upstream {
	c.ProxyProtocol = version
	c.ProxyIdentity = c.ProxyIdentity && version == 2
	return c
}
