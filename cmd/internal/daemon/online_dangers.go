package daemon

import (
	"net"
	"net/netip"
	"strings"
)

// publishedSecrets are those of documentation and examples: whoever looks for a way in tries them
// first.
var publishedSecrets = []string{
	"your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "a-string-secret-at-least-256-bits-long",
	"secret", "mysecret", "my-secret", "jwt-secret", "jwtsecret", "supersecret", "super-secret", "secretkey", "secret-key",
	"your-secret", "your_secret", "your_jwt_secret", "your-secret-key", "changeme", "change-me", "emqxsecret", "public", "password",
	"keyboard cat", "shhhhh", "0123456789abcdef", "0123456789abcdef0123456789abcdef",
}

// examineDangers tells of what works and should not be let on a network.
func (g *generation) examineDangers() (found findings) {
	a := g.config.Auth
	for _, address := range g.config.Upstream.Addresses {
		if g.config.Upstream.TLS != nil || isLocal(address) || !g.forwards() {
			continue
		}
		switch {
		case a.JWT != nil:
			found.say(Doubtful, "broker %s: tokens are forwarded there in clear: write [upstream.tls], or [upstream.credentials] mode = \"strip\"", address)
		case a.Builtin != nil:
			found.say(Doubtful, "broker %s: passwords are forwarded there in clear: write [upstream.tls], or [upstream.credentials] mode = \"strip\"", address)
		}
	}
	if a.JWT != nil {
		for _, s := range publishedSecrets {
			if string(a.JWT.Secret.Reveal()) == s {
				found.say(Bad, "auth.jwt.secret: it is printed in public documentation, so that anybody can make tokens: make another one, for example with openssl rand -hex 32")
			}
		}
	}
	if a.AllowAnonymous {
		found.say(Doubtful, "auth.allow_anonymous: whoever has no user name that is known, and no token, is let in")
	}
	if bind := g.config.Admin.Bind; bind != "" && !isLocal(bind) {
		found.say(Doubtful, "admin.bind: %s can be reached from other machines, and its token goes there in clear: bind it to 127.0.0.1", bind)
	}
	return found
}

// isLocal reports whether an address stays on this machine, judged without a look-up.
func isLocal(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
