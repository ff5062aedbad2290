package daemon

import (
	"crypto/tls"

	"mqttward/auth"
	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// balances are the values of upstream.balance.
var balances = map[config.Balance]upstream.Balance{
	config.BalanceClientID:         upstream.ByClientID,
	config.BalanceRoundRobin:       upstream.RoundRobin,
	config.BalanceLeastConnections: upstream.LeastConnections,
}

// upstream makes what reaches the broker, with conf where that is not in clear, in the place of the
// pool before, where there was one; nil where it can't.
func (b *builder) upstream(conf *tls.Config, before *upstream.Pool) *upstream.Pool {
	pool, err := upstream.New(upstream.Options{
		Addresses:       b.config.Upstream.Addresses,
		Balance:         balances[b.config.Upstream.Balance],
		Before:          before,
		TLS:             conf,
		SourceAddresses: b.config.Upstream.SourceAddresses,
		SourcePorts:     sourcePorts(),
		Checks:          b.checks(),
		ProxyProtocol: upstream.ProxyProtocol{
			Version: byte(b.config.Upstream.ProxyProtocol), Identity: b.config.Upstream.ProxyIdentity,
		},
		DialTimeout: b.config.Limits.DialTimeout,
		KeepAlive:   proxy.KeepAlive(),
		Observer:    b.upstreamObserver(),
		Log:         b.log.Logger,
	})
	if err != nil {
		b.fault("upstream.addresses", "%v", err)
		return nil
	}
	return pool
}

// credentials says what the broker sees of a client's credentials.
func (b *builder) credentials() proxy.CredentialPolicy {
	c := b.config.Upstream.Credentials
	p := proxy.CredentialPolicy{
		TokenInUserName: b.config.Auth.JWT != nil && b.config.Auth.JWT.From == config.FromUserName,
	}
	switch c.Mode {
	case config.CredentialsStrip:
		p.Mode = proxy.Strip
	case config.CredentialsReplace:
		p.Mode = proxy.Replace
		p.Password = c.Password.Reveal()
		name, err := auth.ParseClaimTemplate(c.UserName)
		if err != nil {
			b.fault("upstream.credentials.username", "%v", err)
			break
		}
		p.UserName = name
		b.checkReplacement(name, p.TokenInUserName)
	}
	return p
}

// checkReplacement judges a user name's template by what the clients will have.
func (b *builder) checkReplacement(name *auth.Template, tokenInUserName bool) {
	const key = "upstream.credentials.username"
	if tokenInUserName && name.UsesUserName() {
		b.fault(key, `%%u is the token itself where auth.jwt.from = "username": name a claim, such as %%{claim:sub}, or %%c`)
	}
	if name.UsesCertName() {
		b.checkCertName(key)
	}
	switch claims := name.Claims(); {
	case len(claims) == 0:
	case b.config.Auth.JWT == nil:
		b.fault(key, "%%{claim:%s} wants an [auth.jwt]: nobody else has claims", claims[0])
	case b.config.Auth.Builtin != nil || b.config.Auth.AllowAnonymous:
		b.warn(key, "%%{claim:%s}: clients that are let in without a token are refused, since they have no claims", claims[0])
	}
}
