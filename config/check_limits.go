package config

// checkLimits judges the limits beside each other.
func (d *document) checkLimits(c *Config) {
	const table = "limits."
	l := c.Limits
	if l.Ban.Failures == 0 && !d.faults[table+"ban.failures"] {
		for _, name := range [...]string{"window", "time"} {
			if d.given[table+"ban."+name] {
				d.fault(table+"ban."+name, "has no use without failures: write failures = 10, or remove %s", name)
			}
		}
	}
	d.warnUnreached(table+"max_connections_per_address", l.MaxConnectionsPerAddress, table+"max_connections", l.MaxConnections)
	d.warnUnreached(table+"connect_rate_per_address", l.ConnectRatePerAddress, table+"connect_rate", l.ConnectRate)
	for i, listener := range c.Listeners {
		d.warnUnreached(joinIndex("listener", i)+".max_connections", listener.MaxConnections, table+"max_connections", l.MaxConnections)
	}
}

// warnUnreached warns of a limit of some clients that can't be met before that of all is.
func (d *document) warnUnreached(path string, some int, pathOfAll string, all int) {
	if all > 0 && some > all {
		d.warn(path, "%d is never reached: %s is %d", some, pathOfAll, all)
	}
}
