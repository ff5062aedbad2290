package config

import (
	"slices"
	"strings"
)

// Bounds of what there may be many of: far more than anybody has, and few enough to compare
// each with each.
const (
	maxListeners = 256
	maxAddresses = 256
)

// check notes what does not fit together in c. It takes the paths of the keys as the file
// has them. A value whose key has a problem already is the default, or empty, here.
func (d *document) check(c *Config) {
	d.checkListeners(c)
	d.checkUpstream(c)
	d.checkCredentials(c)
	d.checkAuth(c)
	d.checkLimits(c)
	d.checkAdmin(c)
	listed := slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.TLS != nil && l.TLS.CRLFile != "" })
	if c.Reload.RevokeLive && c.Auth.Builtin == nil && c.Auth.JWT == nil && !listed {
		d.warn("reload.revoke_live", "ends nobody's session: who is let in without [auth.builtin] and [auth.jwt] has no user and no key that could be gone, and no listener has a crl_file")
	}
}

func (d *document) checkListeners(c *Config) {
	listeners := c.Listeners
	if len(listeners) == 0 && !d.faultyBelow("listener") {
		d.fault("listener", `nowhere to listen: write [[listener]], name = "mqtt", bind = "0.0.0.0:1883", each on its own line`)
	}
	if len(listeners) > maxListeners {
		d.fault("listener", "there are %d listeners: %d are the most", len(listeners), maxListeners)
		return
	}
	names := map[string]string{}
	for i, l := range listeners {
		path := joinIndex("listener", i)
		d.checkName(path+".name", l.Name, names)
		d.checkBind(path+".bind", l.Bind, listeners[:i])
		d.checkReusePort(path+".reuse_port", l.ReusePort, canReusePort)
		d.checkMode(path, &l, c.Upstream.Credentials.Mode)
		d.checkProxyProtocol(path, &l)
		if l.TLS != nil {
			d.checkListenerTLS(path+".tls", l.TLS)
		}
	}
}

// checkName judges a listener's name; seen holds the paths of those before it.
func (d *document) checkName(path, name string, seen map[string]string) {
	isOther := func(r rune) bool { return r >= 0x80 || r != '.' && !isBareByte(byte(r)) }
	switch {
	case name == "":
		d.fault(path, `is missing: write a word for the log, such as name = "mqtt"`)
	case len(name) > 64 || strings.ContainsFunc(name, isOther):
		d.fault(path, `must be 1 to 64 letters, digits, "-", "_" and ".", not %q`, name)
	case seen[name] != "":
		d.fault(path, "%q is the name of %s too: every listener needs its own", name, seen[name])
	default:
		seen[name] = parentKey(path)
	}
}

// checkBind judges a listener's address beside those of the listeners before it.
func (d *document) checkBind(path, bind string, before []Listener) {
	if bind == "" {
		d.fault(path, `is missing: write bind = "0.0.0.0:1883" for every IPv4 address, or "[::]:1883" for all`)
		return
	}
	a, fault := parseHostPort(bind)
	if fault != "" {
		d.fault(path, `must be "host:port", such as "0.0.0.0:1883", not %q: %s`, bind, fault)
		return
	}
	for i, l := range before {
		if b, fault := parseHostPort(l.Bind); l.Bind != "" && fault == "" && a.clashes(b) {
			d.fault(path, "%q can't be listened on beside %q of listener[%d]", bind, l.Bind, i)
			return
		}
	}
}

// checkReusePort judges whether a port may be shared with other processes on a system that can
// do that, or can't.
func (d *document) checkReusePort(path string, wanted, can bool) {
	if wanted && !can {
		d.fault(path, "this system can't share a port between processes: remove it")
	}
}

func (d *document) checkUpstream(c *Config) {
	d.checkAddresses(c)
	d.checkSources(&c.Upstream)
	u := c.Upstream
	if u.ConnectRate == 0 && u.ConnectBurst > 0 && !d.faults["upstream.connect_rate"] {
		d.fault("upstream.connect_burst", "has no use without connect_rate: write connect_rate, or remove connect_burst")
	}
	if u.ProxyIdentity && u.ProxyProtocol != 2 && !d.faults["upstream.proxy_protocol"] {
		d.fault("upstream.proxy_protocol_identity", `wants proxy_protocol = "v2": the other version has no place for a name`)
	}
	switch {
	case u.TLS == nil:
		for _, name := range [...]string{"ca_file", "cert_file", "key_file", "server_name"} {
			if path := "upstream.tls." + name; d.given[path] {
				d.warn(path, "is not used while enabled = false: the broker is spoken to in plain TCP")
			}
		}
	case u.TLS.CertFile == "" && u.TLS.KeyFile != "":
		d.fault("upstream.tls.cert_file", "is missing: key_file has no use without it")
	case u.TLS.CertFile != "" && u.TLS.KeyFile == "":
		d.fault("upstream.tls.key_file", "is missing: cert_file has no use without it")
	}
}

func (d *document) checkAddresses(c *Config) {
	const path = "upstream.addresses"
	all := c.Upstream.Addresses
	switch {
	case len(all) == 0:
		d.fault(path, `is missing: write the broker's address, such as addresses = ["127.0.0.1:1884"]`)
	case len(all) > maxAddresses:
		d.fault(path, "there are %d addresses: %d are the most", len(all), maxAddresses)
		return
	}
	for i, s := range all {
		switch element := joinIndex(path, i); {
		case s == "": // it has a problem already
		case slices.Contains(all[:i], s):
			d.fault(element, "%q stands in the list already", s)
		default:
			d.checkAddress(element, s, c)
		}
	}
}

// maxSocketPath is what fits the system's address of a socket, with the NUL behind it.
const maxSocketPath = 107

// checkAddress judges one address of the broker.
func (d *document) checkAddress(path, s string, c *Config) {
	if socket, ok := strings.CutPrefix(s, "unix:"); ok {
		switch {
		case !strings.HasPrefix(socket, "/") || strings.ContainsRune(socket, 0):
			d.fault(path, `must be "unix:" with an absolute path, such as "unix:/run/mosquitto.sock", not %q`, s)
		case len(socket) > maxSocketPath:
			d.fault(path, "the path has %d bytes: a socket's has %d at most", len(socket), maxSocketPath)
		case c.Upstream.TLS != nil && c.Upstream.TLS.ServerName == "":
			d.fault("upstream.tls.server_name", "is missing: the socket %q has no host that could be the name in the broker's certificate", s)
		}
		return
	}
	a, fault := parseHostPort(s)
	scheme, _, isURL := strings.Cut(s, "://")
	switch {
	case isURL:
		d.fault(path, "leave out %q: an address is \"host:port\"; TLS to the broker is the table [upstream.tls]", scheme+"://")
		return
	case fault != "":
		d.fault(path, `must be "host:port", "[IPv6]:port" or "unix:/path", not %q: %s`, s, fault)
		return
	case a.host == "" || a.port == 0:
		d.fault(path, `must be "host:port" with a host and a port of 1 to 65535, not %q`, s)
		return
	}
	for i, l := range c.Listeners {
		if bind, fault := parseHostPort(l.Bind); fault == "" && bind.listensOn(a) {
			d.fault(path, "%q is where listener[%d] listens: mqttward would connect to itself; the broker needs another port", s, i)
		}
	}
}

func (d *document) checkCredentials(c *Config) {
	const table = "upstream.credentials."
	cr := c.Upstream.Credentials
	if cr.Mode != CredentialsReplace {
		for _, name := range [...]string{"username", "password", "password_file"} {
			if d.given[table+name] && !d.faults[table+"mode"] {
				d.fault(table+name, `has no use with mode = %q: write mode = "replace", or remove %s`, cr.Mode, name)
			}
		}
		return
	}
	if cr.UserName == "" && !d.faults[table+"username"] {
		// In 3.x a password without a user name is not allowed either. [MQTT311 3.1.2-22]
		d.fault(table+"mode", `"replace" needs a username; to send no credentials write mode = "strip"`)
	}
	if len(cr.Password.Reveal()) > 65535 {
		path := table + "password"
		if d.given[path+"_file"] {
			path += "_file"
		}
		d.fault(path, "must be at most 65535 bytes, the limit of MQTT")
	}
}
