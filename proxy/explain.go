package proxy

import (
	"bytes"
	"context"
	"errors"
	"net/netip"

	"mqttward/auth"
	"mqttward/packets"
)

// Account is what a policy makes of a client, as told by [Policy.Explain].
type Account struct {
	// Connect is what the client sent, as far as it could be read. Its slices alias the packet.
	Connect packets.Connect
	// Reason is why the client would be refused; auth.None where it would be handed on.
	Reason auth.Reason
	// Detail says more, as in the log; it may be empty.
	Detail string
	// Explanation is the chain's; nil where the client did not get as far.
	Explanation *auth.Explanation
	// Upstream is the CONNECT that the broker would get: equal to Connect where its bytes go on as
	// they came. It is meaningful only where Reason is auth.None.
	Upstream packets.Connect
	// Rewritten says that Upstream differs from Connect.
	Rewritten bool
	// More is how many bytes the client sent behind its CONNECT.
	More int
}

// Explain judges the first bytes that a client sends, which has certName in its certificate, as a
// server with this policy would, and tells how. It knows no network: nothing is dialled, and limits, bans and the state of the upstream are
// not judged. A packet that ends early is what a client would be timed out for.
func (p *Policy) Explain(ctx context.Context, sent []byte, certName string) *Account {
	limits := p.Limits.withDefaults()
	a := &Account{}
	all, n, err := packets.ReadConnect(bytes.NewReader(sent), nil, limits.MaxConnectSize)
	if err == nil {
		a.More = len(sent) - n
		err = packets.ParseConnect(all[:n], &a.Connect)
	}
	var perr *packets.Error
	switch {
	case errors.As(err, &perr):
		a.Connect.Version = perr.Version
		a.refuse(unparsable(perr, &limits))
		return a
	case err != nil:
		a.refuse(&refusal{reason: auth.Timeout, detail: "the packet ends early: connect_timeout would end while the rest is waited for"})
		return a
	case a.Connect.HasAuthenticationMethod:
		a.refuse(&refusal{reason: auth.AuthMethod})
		return a
	}
	creds := credentialsOf(&a.Connect, certName, netip.Prefix{})
	ctx, cancel := context.WithTimeout(ctx, limits.AuthTimeout)
	defer cancel()
	a.Explanation = p.Chain.Explain(ctx, &creds)
	v := a.Explanation.Verdict
	if v.Decision != auth.Accept {
		a.refuse(&refusal{reason: v.Reason, detail: v.Detail})
		return a
	}
	out, r := p.Credentials.rewrite(&a.Connect, &creds, v)
	if r != nil {
		a.refuse(r)
		return a
	}
	a.Upstream, a.Rewritten = *out, out != &a.Connect
	return a
}

func (a *Account) refuse(r *refusal) {
	a.Reason, a.Detail = r.reason, r.detail
	if r.err != nil {
		a.Detail = r.err.Error()
		if r.detail != "" {
			a.Detail += ": " + r.detail
		}
	}
}
