package config

import (
	"log/slog"
	"time"
)

// readConfig asks for every key there is. The names that it and the functions below ask for
// are the file's format.
func readConfig(t *table) *Config {
	return &Config{
		Listeners: readTables(t, "listener", readListener),
		Upstream:  readUpstream(t.table("upstream")),
		Auth:      readAuth(t.table("auth")),
		Limits:    readLimits(t.table("limits")),
		Relay:     readRelay(t.table("relay")),
		Shutdown:  readShutdown(t.table("shutdown")),
		Reload:    readReload(t.table("reload")),
		Log:       readLog(t.table("log")),
		Admin:     readAdmin(t.table("admin")),
	}
}

func readListener(t *table) Listener {
	return Listener{
		Name:           t.string("name"),
		Bind:           t.string("bind"),
		ReusePort:      t.bool("reuse_port", false),
		Mode:           enum(t, "mode", ModeEnforce, ModeEnforce, ModeObserve),
		EnforcePercent: t.int("enforce_percent", 100, 1, 100),
		MaxConnections: t.int("max_connections", 0, 0, maxClients),

		ProxyProtocol: enum(t, "proxy_protocol", ProxyOff, ProxyOff, ProxyOptional, ProxyRequired),
		ProxyTrusted:  readNetworks(t, "proxy_protocol_trusted"),

		TLS: readListenerTLS(t.table("tls")),
	}
}

// maxConnectRate is more than any broker takes, and maxClients than a process has room for.
const (
	maxConnectRate = 1_000_000
	maxClients     = 10_000_000
)

func readUpstream(t *table) Upstream {
	return Upstream{
		Addresses: t.strings("addresses"),
		Balance:   enum(t, "balance", BalanceClientID, BalanceClientID, BalanceRoundRobin, BalanceLeastConnections),

		SourceAddresses: readSourceAddresses(t, "source_addresses"),

		ProxyProtocol: proxyVersions[enum(t, "proxy_protocol", "off", "off", "v1", "v2")],
		ProxyIdentity: t.bool("proxy_protocol_identity", false),

		ConnectRate:  t.int("connect_rate", 0, 0, maxConnectRate),
		ConnectBurst: t.int("connect_burst", 0, 0, maxConnectRate),
		TLS:          readUpstreamTLS(t.table("tls")),
		Credentials:  readCredentials(t.table("credentials")),
		Health:       readHealth(t.table("health")),
	}
}

func readUpstreamTLS(t *table) *UpstreamTLS {
	enabled := t.bool("enabled", true)
	u := &UpstreamTLS{
		CAFile:     t.file("ca_file"),
		CertFile:   t.file("cert_file"),
		KeyFile:    t.file("key_file"),
		ServerName: t.string("server_name"),
	}
	if !t.present || !enabled {
		return nil
	}
	return u
}

func readCredentials(t *table) Credentials {
	return Credentials{
		Mode:     enum(t, "mode", CredentialsForward, CredentialsForward, CredentialsStrip, CredentialsReplace),
		UserName: t.template("username"),
		Password: t.secret("password"),
	}
}

func readHealth(t *table) *Health {
	h := &Health{
		Interval: t.duration("interval", 5*time.Second, 100*time.Millisecond, time.Hour),
		Timeout:  t.duration("timeout", 2*time.Second, 50*time.Millisecond, time.Minute),
		Rise:     t.int("rise", 2, 1, 100),
		Fall:     t.int("fall", 3, 1, 100),
		UserName: t.string("username"),
		Password: t.secret("password"),
	}
	if !t.present {
		return nil
	}
	if h.Password.IsSet() && h.UserName == "" {
		t.fault("username", "is missing: a password without a user name is no CONNECT that every broker takes")
	}
	return h
}

func readLimits(t *table) Limits {
	const least, most = 100 * time.Millisecond, 10 * time.Minute
	return Limits{
		ConnectTimeout:   t.duration("connect_timeout", 15*time.Second, least, most),
		AuthTimeout:      t.duration("auth_timeout", 10*time.Second, least, most),
		DialTimeout:      t.duration("dial_timeout", 5*time.Second, least, most),
		ConnackTimeout:   t.duration("connack_timeout", 30*time.Second, least, most),
		HalfCloseTimeout: t.duration("half_close_timeout", 10*time.Second, least, most),
		MaxConnectSize:   t.size("max_connect_size", 64<<10, 1<<10, 16<<20),
		MaxConnections:   t.int("max_connections", 0, 0, maxClients),
		MaxHandshakes:    t.int("max_handshakes", 1024, 1, 1_000_000),
		MaxHashQueue:     t.int("max_hash_queue", 4096, 1, 1_000_000),

		MaxConnectionsPerAddress: t.int("max_connections_per_address", 0, 0, maxClients),
		ConnectRate:              t.int("connect_rate", 0, 0, maxConnectRate),
		ConnectRatePerAddress:    t.int("connect_rate_per_address", 0, 0, maxConnectRate),
		Ban:                      readBan(t.table("ban")),
	}
}

func readBan(t *table) Ban {
	return Ban{
		Failures: t.int("failures", 0, 0, 100),
		Window:   t.duration("window", time.Minute, time.Second, 24*time.Hour),
		Time:     t.duration("time", 5*time.Minute, time.Second, 7*24*time.Hour),
		Exempt:   readNetworks(t, "exempt"),
	}
}

func readRelay(t *table) Relay {
	r := Relay{
		Engine: enum(t, "engine", RelayAuto, RelayAuto, RelayUring, RelayEpoll, RelayGoroutine),
		Loops:  t.int("loops", 0, 0, 64),
	}
	if r.Engine == RelayGoroutine && r.Loops != 0 {
		t.fault("loops", `there are none where engine = "goroutine": leave it out`)
	}
	return r
}

func readShutdown(t *table) Shutdown {
	return Shutdown{
		DrainDelay:   t.duration("drain_delay", 0, 0, 10*time.Minute),
		DrainTimeout: t.duration("drain_timeout", 30*time.Second, 0, 24*time.Hour),
		DrainQuiet:   t.bool("drain_quiet", false),
	}
}

// logLevels are the values of log.level.
var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

func readLog(t *table) Log {
	return Log{
		Level:  logLevels[enum(t, "level", "info", "debug", "info", "warn", "error")],
		Format: enumOrNone(t, "format", LogText, LogJSON),
	}
}

func readAdmin(t *table) Admin {
	return Admin{
		Bind:  t.string("bind"),
		Token: t.secret("token"),
		Hosts: t.strings("hosts"),
		Pprof: t.bool("pprof", false),
	}
}

func readReload(t *table) Reload {
	return Reload{Watch: t.bool("watch", false), RevokeLive: t.bool("revoke_live", false)}
}
