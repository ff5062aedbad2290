package config

import "slices"

// minAdminToken is more bytes than anybody guesses over a network.
const minAdminToken = 16

// maxAdminHosts is more names than a process has.
const maxAdminHosts = 64

// checkAdmin judges the admin listener beside the clients'.
func (d *document) checkAdmin(c *Config) {
	const table = "admin."
	a := c.Admin
	if a.Bind == "" {
		for _, name := range [...]string{"token", "token_file", "hosts", "pprof"} {
			if d.given[table+name] && !d.faults[table+"bind"] {
				d.fault(table+name, `has no use without bind: write bind = "127.0.0.1:9883", or remove %s`, name)
			}
		}
		return
	}
	d.checkBind(table+"bind", a.Bind, c.Listeners)
	d.checkAdminToken(table, a)
	if len(a.Hosts) > maxAdminHosts {
		d.fault(table+"hosts", "there are %d names: %d are the most", len(a.Hosts), maxAdminHosts)
		return
	}
	for i, host := range a.Hosts {
		switch path := joinIndex(table+"hosts", i); {
		case host == "": // it has a problem already
		case !isHostName(host):
			d.fault(path, `must be a host name without a port, such as "ward.example.org", not %q`, host)
		case slices.Contains(a.Hosts[:i], host):
			d.fault(path, "%q stands in the list already", host)
		}
	}
}

// checkAdminToken wants a token wherever somebody else could ask.
func (d *document) checkAdminToken(table string, a Admin) {
	token := a.Token.Reveal()
	path := table + "token"
	if d.given[path+"_file"] {
		path += "_file"
	}
	invisible := func(b byte) bool { return b <= ' ' || b >= 0x7f }
	switch {
	case d.faults[table+"token"] || d.faults[table+"token_file"]: // it is there, and can't be read
	case len(token) == 0:
		bind, fault := parseHostPort(a.Bind)
		if fault == "" && !bind.loopback().ip.IsLoopback() {
			d.fault(table+"bind", "%q can be reached from elsewhere: that wants a token_file, or bind to 127.0.0.1", a.Bind)
		}
	case len(token) < minAdminToken:
		d.fault(path, "must have at least %d bytes, such as openssl rand -hex 32 makes", minAdminToken)
	case slices.ContainsFunc(token, invisible):
		d.fault(path, "must be visible ASCII without blanks, as an HTTP header can carry it")
	}
}
