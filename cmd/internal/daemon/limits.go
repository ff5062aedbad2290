package daemon

import (
	"slices"

	"mqttward/proxy"
	"mqttward/proxy/admin"
)

const (
	// reservedFiles are descriptors for what is no client: listeners, the log, the runtime's
	// poller, a key set's server, files that are read.
	reservedFiles = 64
	// filesPerSession is the client's and the broker's socket.
	filesPerSession = 2
	// fewSessions is what is warned of where it was not asked for.
	fewSessions = 1000
	// maxSessions is the limit where descriptors know none.
	maxSessions = 10_000_000
)

// limits are those of the configuration. max_connections comes from the limit of open files
// where it was left out, so that a full proxy answers "busy" rather than running out of them.
func (b *builder) limits() proxy.Limits {
	c := b.config.Limits
	l := proxy.Limits{
		ConnectTimeout:   c.ConnectTimeout,
		AuthTimeout:      c.AuthTimeout,
		ConnackTimeout:   c.ConnackTimeout,
		HalfCloseTimeout: c.HalfCloseTimeout,
		MaxConnectSize:   c.MaxConnectSize,
		MaxConnections:   c.MaxConnections,
		MaxHandshakes:    c.MaxHandshakes,

		MaxListenerConnections:   map[string]int{},
		MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
		ConnectRate:              c.ConnectRate,
		ConnectRatePerAddress:    c.ConnectRatePerAddress,
		Ban:                      proxy.BanLimits{Failures: c.Ban.Failures, Window: c.Ban.Window, Time: c.Ban.Time, Exempt: slices.Clone(c.Ban.Exempt)},
	}
	for _, listener := range b.config.Listeners {
		l.MaxListenerConnections[listener.Name] = listener.MaxConnections
		l.Ban.Exempt = append(l.Ban.Exempt, listener.ProxyTrusted...)
	}
	files, known := openFilesLimit()
	if !known {
		return l
	}
	if most := max(1, files/4); l.MaxHandshakes > most {
		b.warn("limits.max_handshakes", "%d would take more than a quarter of the %d files that may be open: %d are allowed; raise the limit of open files", l.MaxHandshakes, files, most)
		l.MaxHandshakes = most
	}
	// Refused clients linger for a moment, half as many as there are handshakes.
	reserved := reservedFiles + l.MaxHandshakes + l.MaxHandshakes/2
	if b.config.Admin.Bind != "" {
		reserved += admin.MaxConnections
	}
	room := max(1, (files-reserved)/filesPerSession)
	switch {
	case l.MaxConnections == 0:
		l.MaxConnections = min(room, maxSessions)
		if room < fewSessions {
			b.warn("limits.max_connections", "%d files may be open, enough for %d clients: raise the limit of open files", files, room)
		}
	case l.MaxConnections > room:
		b.warn("limits.max_connections", "%d clients want %d open files, and %d are allowed, enough for %d clients: raise the limit of open files",
			l.MaxConnections, l.MaxConnections*filesPerSession+reserved, files, room)
	}
	return l
}
