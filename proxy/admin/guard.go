package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Settings are what can change while the admin listener is open.
type Settings struct {
	// Token is what must be shown for all but /healthz and /readyz; empty means that nothing
	// must. Whoever opens a listener off loopback sees to it that there is one.
	Token []byte
	// Hosts are the names by which we may be called, beside "localhost" and IP addresses,
	// without ports.
	Hosts []string
	// Pprof serves /debug/pprof/.
	Pprof bool
}

// gate is Settings as they are asked.
type gate struct {
	token [sha256.Size]byte
	guard bool // a token is wanted
	hosts map[string]bool
	pprof bool
}

func newGate(s Settings) *gate {
	g := &gate{token: sha256.Sum256(s.Token), guard: len(s.Token) > 0, hosts: map[string]bool{"localhost": true}, pprof: s.Pprof}
	for _, h := range s.Hosts {
		g.hosts[strings.ToLower(h)] = true
	}
	return g
}

// secure sets what keeps a browser from doing more with an answer than to show it.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// admit reports whether a request may be answered; otherwise it has been. open are the paths
// that want no token.
func (g *gate) admit(w http.ResponseWriter, r *http.Request, open bool) bool {
	secure(w.Header())
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "only GET is answered", http.StatusMethodNotAllowed)
	case !g.knows(r.Host):
		http.Error(w, "not called by a name of ours: see admin.hosts", http.StatusForbidden)
	case !open && g.guard && !g.shown(r):
		// A browser asks for a password; the user name does not matter.
		w.Header().Add("WWW-Authenticate", `Bearer realm="mqttward"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="mqttward", charset="UTF-8"`)
		http.Error(w, "the token is wanted", http.StatusUnauthorized)
	default:
		return true
	}
	return false
}

// knows reports whether host, with or without a port, is one that we are called by. An address is
// always one: a web page gets at us by a name alone, which its owner lets point here.
func (g *gate) knows(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return g.hosts[strings.ToLower(strings.TrimSuffix(host, "."))]
}

// shown reports whether the request shows the token. Nothing in the time that it takes tells how
// much of it was right.
func (g *gate) shown(r *http.Request) bool {
	token, bearer := bearerOf(r.Header.Get("Authorization"))
	if !bearer {
		_, token, _ = r.BasicAuth()
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// bearerOf returns the token of a header (RFC 6750 section 2.1); the scheme's case does not matter.
func bearerOf(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	return strings.TrimLeft(token, " "), ok && strings.EqualFold(scheme, "Bearer")
}
