package config

import (
	"net/netip"
	"time"
)

// Limits are the [limits] table.
type Limits struct {
	// ConnectTimeout is the time from accept to a whole CONNECT, TLS handshake included:
	// 100ms to 10m, default 15s.
	ConnectTimeout time.Duration
	// AuthTimeout is the time to judge a CONNECT: 100ms to 10m, default 10s.
	AuthTimeout time.Duration
	// DialTimeout is the time to reach the upstream, the sum over all addresses: 100ms to
	// 10m, default 5s.
	DialTimeout time.Duration
	// ConnackTimeout is how long the broker may take to answer: 100ms to 10m, default 30s.
	ConnackTimeout time.Duration
	// HalfCloseTimeout is how long one side may go on, without progress, after the other
	// has ended: 100ms to 10m, default 10s.
	HalfCloseTimeout time.Duration
	// MaxConnectSize is the largest CONNECT in bytes: 1KiB to 16MiB, default 64KiB.
	MaxConnectSize int
	// MaxConnections is how many clients may be connected at once: 0 to 10,000,000. 0, the
	// default, means what the limit of open files allows.
	MaxConnections int
	// MaxHandshakes is how many clients may be connected and not yet authenticated, apart from
	// those of MaxHashQueue: 1 to 1,000,000, default 1,024.
	MaxHandshakes int
	// MaxHashQueue is how many clients may wait until their password's slow hash is computed: 1
	// to 1,000,000, default 4,096.
	MaxHashQueue int
	// MaxConnectionsPerAddress is how many clients of one address, an IPv4 address or an IPv6
	// /64, may be connected at once: 0 to 10,000,000. 0, the default, means that there is no
	// limit.
	MaxConnectionsPerAddress int
	// ConnectRate is how many clients may be judged per second: 0 to 1,000,000. 0, the default,
	// means that there is no limit.
	ConnectRate int
	// ConnectRatePerAddress is how many of them may come from one address: 0 to 1,000,000. 0,
	// the default, means that there is no limit.
	ConnectRatePerAddress int
	// Ban says when an address is banned.
	Ban Ban
}

// Ban is the [limits.ban] table.
type Ban struct {
	// Failures is how many failed authentications within Window have an address banned: 0 to
	// 100. 0, the default, means that nobody is.
	Failures int
	// Window is within what time: 1s to 24h, default 1m.
	Window time.Duration
	// Time is for how long: 1s to 168h, default 5m.
	Time time.Duration
	// Exempt are networks that are never banned, up to 256, beside those of
	// [Listener.ProxyTrusted].
	Exempt []netip.Prefix
}
