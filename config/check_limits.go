package config

// checkLimits judges the limits beside each other.
func (d *document) checkLimits(c *Config) {
	const table = "limits."
	l := c.Limits
	d.checkBan(table+"ban.", &l.Ban)
	d.warnUnreached(table+"max_connections_per_address", l.MaxConnectionsPerAddress, table+"max_connections", l.MaxConnections)
	d.warnUnreached(table+"connect_rate_per_address", l.ConnectRatePerAddress, table+"connect_rate", l.ConnectRate)
	for i, listener := range c.Listeners {
		d.warnUnreached(joinIndex("listener", i)+".max_connections", listener.MaxConnections, table+"max_connections", l.MaxConnections)
	}
}

// checkBan judges for what addresses are banned. Whoever writes failures = 0 may leave the rest as
// it is, to write another number again.
func (d *document) checkBan(table string, b *Ban) {
	if !d.given[table+"failures"] {
		for _, name := range [...]string{"window", "time", "exempt"} {
			if d.given[table+name] {
				d.fault(table+name, "has no use without failures: write failures = 10, or remove %s", name)
			}
		}
	}
	for i, n := range b.Exempt {
		if n.Bits() == 0 {
			d.warn(joinIndex(table+"exempt", i), "%s is every address of its kind: while it stands here none is banned", n)
		}
	}
}

// warnUnreached warns of a limit of some clients that can't be met before that of all is.
func (d *document) warnUnreached(path string, some int, pathOfAll string, all int) {
	if all > 0 && some > all {
		d.warn(path, "%d is never reached: %s is %d", some, pathOfAll, all)
	}
}
