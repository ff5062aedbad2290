package config

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// full sets every key of this version to something else than its default.
const full = `
[[listener]]
name = "plain"
bind = ":1883"
reuse_port = true
proxy_protocol = "optional"
proxy_protocol_trusted = ["10.0.0.0/8", "::ffff:192.0.2.1", "fd00::/8"]
max_connections = 7
[[listener]]
name = "tls-1"
bind = "[::1]:8883"
[listener.tls]
cert_file = "server.crt"
key_file = "/etc/server.key"
min_version = "1.3"
client_auth = "require"
client_ca_file = "ca.crt"
crl_file = "ca.crl"
username_from = "san_uri"
session_ticket_keys_file = "tickets"
[[listener.tls.certificate]]
cert_file = "b.crt"
key_file = "b.key"
[[listener.tls.certificate]]
cert_file = "c.crt"
key_file = "c.key"
[upstream]
balance = "least_connections"
source_addresses = ["2001:db8::2", "2001:db8::3"]
proxy_protocol = "v2"
proxy_protocol_identity = true
addresses = ["broker_1:1883", "[2001:db8::1]:1883", "unix:/run/broker.sock"]
connect_rate = 500
connect_burst = 20
[upstream.tls]
ca_file = "broker-ca.crt"
cert_file = "me.crt"
key_file = "me.key"
server_name = "broker"
[upstream.credentials]
mode = "replace"
username = "${clientid}-%c"
password_file = "password"
[upstream.health]
interval = "1s"
timeout = "500ms"
rise = 1
fall = 5
username = "health"
password = "hunter2"
[auth]
allow_anonymous = true
refusal_codes = "uniform"
reason_strings = true
client_id_must = "%{claim:device}-*"
[auth.builtin]
identity = "client_id"
users_file = "users"
format = "emqx_csv"
strict = false
algorithm = "pbkdf2"
pbkdf2_mac = "sha512"
pbkdf2_iterations = 4096
pbkdf2_dk_length = 32
[[auth.builtin.user]]
name = "a"
password_hash = "$6$c2FsdA==$aGFzaA=="
[[auth.builtin.user]]
name = "b"
password_hash = "$2b$10$x"
[auth.jwt]
from = "username"
secret = "aHVudGVyMg=="
secret_base64 = true
public_key_file = "keys.pem"
leeway = "1m30s"
check_iat = false
require_exp = true
disconnect_after_expire = false
expire_jitter = "1m"
verify_claims = true
identity_claim = "sub"
token_cache = 5000
jwks_url = "https://id.example.org/keys?x=y"
jwks_refresh_interval = "10m"
jwks_min_refetch = "1m"
jwks_timeout = "1s"
jwks_max_stale = "24h"
jwks_cache_file = "cache/keys.json"
jwks_ca_file = "id.crt"
jwks_headers = { Authorization = "Bearer ${TOKEN}" }
[auth.jwt.claims]
zone = "${username}"
"https://example.org/a.b" = "%u"
aud = "mqtt"
[limits]
connect_timeout = "1s"
auth_timeout = "2s"
dial_timeout = "3s"
connack_timeout = "4s"
half_close_timeout = "500ms"
max_connect_size = "128 KiB"
max_connections = 10
max_handshakes = 20
max_hash_queue = 300
max_connections_per_address = 5
connect_rate = 1000
connect_rate_per_address = 30
[limits.ban]
failures = 12
window = "2m"
time = "1h"
exempt = ["192.0.2.7", "2001:db8::/48"]
[relay]
engine = "epoll"
loops = 3
[reload]
watch = true
revoke_live = true
[shutdown]
drain_delay = "1s"
drain_timeout = "1m"
drain_quiet = true
[log]
level = "debug"
format = "json"
`

// What can't stand beside replaced credentials, and so is not in full.
func TestModesArrive(t *testing.T) {
	got := mustParse(t, "[[listener]]\nname = \"a\"\nbind = \":1\"\nmode = \"observe\"\n[[listener]]\nname = \"b\"\nbind = \":2\"\nenforce_percent = 7\n"+base).Listeners
	if got[0].Mode != ModeObserve || got[1].Mode != ModeEnforce || got[1].EnforcePercent != 7 {
		t.Errorf("got %+v", got)
	}
}

func TestEveryKeyArrives(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("hunter2\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Parse([]byte(full), "c.toml", dir, environment("TOKEN=t0ken"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	want := &Config{
		Listeners: []Listener{
			{Name: "plain", Bind: ":1883", ReusePort: true, Mode: ModeEnforce, EnforcePercent: 100, MaxConnections: 7, ProxyProtocol: ProxyOptional, ProxyTrusted: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("fd00::/8"),
			}},
			{Name: "tls-1", Bind: "[::1]:8883", Mode: ModeEnforce, EnforcePercent: 100, ProxyProtocol: ProxyOff, TLS: &ListenerTLS{
				CertFile: at("server.crt"), KeyFile: "/etc/server.key", MinVersion: tls.VersionTLS13,
				ClientAuth: ClientAuthRequire, ClientCAFile: at("ca.crt"), CRLFile: at("ca.crl"), UserNameFrom: CertNameURI,
				Certificates:          []CertificateFiles{{at("b.crt"), at("b.key")}, {at("c.crt"), at("c.key")}},
				SessionTicketKeysFile: at("tickets"),
			}},
		},
		Upstream: Upstream{
			Addresses: []string{"broker_1:1883", "[2001:db8::1]:1883", "unix:/run/broker.sock"},
			Balance:   BalanceLeastConnections,

			SourceAddresses: []netip.Addr{netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::3")},
			ProxyProtocol:   2, ProxyIdentity: true,
			Health: &Health{
				Interval: time.Second, Timeout: 500 * time.Millisecond, Rise: 1, Fall: 5, UserName: "health", Password: NewSecret("hunter2"),
			},

			ConnectRate: 500, ConnectBurst: 20,
			TLS: &UpstreamTLS{
				CAFile: at("broker-ca.crt"), CertFile: at("me.crt"), KeyFile: at("me.key"), ServerName: "broker",
			},
			Credentials: Credentials{
				Mode: CredentialsReplace, UserName: "${clientid}-%c", Password: NewSecret("hunter2"),
			},
		},
		Auth: Auth{
			AllowAnonymous: true, RefusalCodes: RefusalUniform, ReasonStrings: true, ClientIDMust: "%{claim:device}-*",
			Builtin: &Builtin{
				Identity: ByClientID, UsersFile: at("users"), Format: FormatEMQXCSV, Strict: false,
				EMQX: EMQXHashes{
					Given: true, Algorithm: "pbkdf2", SaltPosition: "prefix",
					PBKDF2MAC: "sha512", PBKDF2Iterations: 4096, PBKDF2Length: 32,
				},
				Users: []User{{"a", NewSecret("$6$c2FsdA==$aGFzaA==")}, {"b", NewSecret("$2b$10$x")}},
			},
			JWT: &JWT{
				From: FromUserName, Secret: NewSecret("hunter2"), PublicKeyFile: at("keys.pem"),
				Leeway: 90 * time.Second, RequireExp: true, ExpireJitter: time.Minute, VerifyClaims: true,
				IdentityClaim: "sub",
				TokenCache:    5000,
				Claims:        []Claim{{"zone", "${username}"}, {"https://example.org/a.b", "%u"}, {"aud", "mqtt"}},
				JWKS: &JWKS{
					URL: "https://id.example.org/keys?x=y", RefreshInterval: 10 * time.Minute,
					MinRefetch: time.Minute, Timeout: time.Second, MaxStale: 24 * time.Hour,
					CacheFile: at("cache/keys.json"), CAFile: at("id.crt"),
					Headers: map[string]Secret{"Authorization": NewSecret("Bearer t0ken")},
				},
			},
		},
		Limits: Limits{
			ConnectTimeout: time.Second, AuthTimeout: 2 * time.Second, DialTimeout: 3 * time.Second,
			ConnackTimeout: 4 * time.Second, HalfCloseTimeout: 500 * time.Millisecond,
			MaxConnectSize: 128 << 10, MaxConnections: 10, MaxHandshakes: 20, MaxHashQueue: 300, MaxConnectionsPerAddress: 5,
			ConnectRate: 1000, ConnectRatePerAddress: 30,
			Ban: Ban{Failures: 12, Window: 2 * time.Minute, Time: time.Hour, Exempt: []netip.Prefix{
				netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:db8::/48")}},
		},
		Relay:    Relay{Engine: RelayEpoll, Loops: 3},
		Shutdown: Shutdown{DrainDelay: time.Second, DrainTimeout: time.Minute, DrainQuiet: true},
		Reload:   Reload{Watch: true, RevokeLive: true},
		Log:      Log{Level: slog.LevelDebug, Format: LogJSON},
	}
	comparePublic(t, got, want)
}

func TestDefaults(t *testing.T) {
	got := mustParse(t, base+"jwks_url = \"http://localhost/\"\n[auth.builtin]\nusers_file = \"/u\"\n[upstream.tls]\n")
	want := &Config{
		Listeners: []Listener{{Name: "mqtt", Bind: "0.0.0.0:1883", Mode: ModeEnforce, EnforcePercent: 100, ProxyProtocol: ProxyOff}},
		Upstream: Upstream{
			Addresses: []string{"127.0.0.1:1884"}, Balance: BalanceClientID, TLS: &UpstreamTLS{},
			Credentials: Credentials{Mode: CredentialsForward},
		},
		Auth: Auth{
			RefusalCodes: RefusalEMQX,
			Builtin: &Builtin{
				Identity: ByUserName, UsersFile: "/u", Format: FormatAuto, Strict: true,
				EMQX: EMQXHashes{Algorithm: "sha256", SaltPosition: "prefix", PBKDF2MAC: "sha256"},
			},
			JWT: &JWT{
				From: FromPassword, Secret: NewSecret("0123456789abcdef"), CheckIAT: true,
				DisconnectAfterExpire: true, VerifyClaims: true, TokenCache: 100_000,
				JWKS: &JWKS{
					URL: "http://localhost/", RefreshInterval: 5 * time.Minute, MinRefetch: 30 * time.Second,
					Timeout: 5 * time.Second, Headers: map[string]Secret{},
				},
			},
		},
		Limits: Limits{
			ConnectTimeout: 15 * time.Second, AuthTimeout: 10 * time.Second, DialTimeout: 5 * time.Second,
			ConnackTimeout: 30 * time.Second, HalfCloseTimeout: 10 * time.Second,
			MaxConnectSize: 64 << 10, MaxHandshakes: 1024, MaxHashQueue: 4096, Ban: Ban{Window: time.Minute, Time: 5 * time.Minute},
		},
		Relay:    Relay{Engine: RelayAuto},
		Shutdown: Shutdown{DrainTimeout: 30 * time.Second},
		Log:      Log{Level: slog.LevelInfo, Format: LogAuto},
	}
	comparePublic(t, got, want)
}

// comparePublic compares the exported fields of two configurations, part by part.
func comparePublic(t *testing.T, got, want *Config) {
	t.Helper()
	g, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range g.NumField() {
		f := g.Type().Field(i)
		if f.IsExported() && !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s:\n got %+v\nwant %+v", f.Name, g.Field(i).Interface(), w.Field(i).Interface())
		}
	}
	if g, w := got.Auth.JWT, want.Auth.JWT; g != nil && !reflect.DeepEqual(g, w) {
		t.Errorf("Auth.JWT:\n got %+v %+v\nwant %+v %+v", g, g.JWKS, w, w.JWKS)
	}
}

func TestTablesThatAreAbsentAreNil(t *testing.T) {
	c := mustParse(t, without("[auth", "secret")+"[auth]\nallow_anonymous = true\n")
	if c.Auth.JWT != nil || c.Auth.Builtin != nil || c.Upstream.TLS != nil || c.Listeners[0].TLS != nil {
		t.Errorf("got JWT %v, Builtin %v, upstream TLS %v, listener TLS %v; want nil all",
			c.Auth.JWT, c.Auth.Builtin, c.Upstream.TLS, c.Listeners[0].TLS)
	}
}

func TestInlineTablesMeanTheSame(t *testing.T) {
	got := mustParse(t, `listener = [{name = "mqtt", bind = "0.0.0.0:1883"}]
upstream = {addresses = ["127.0.0.1:1884"]}
auth = {jwt = {secret = "0123456789abcdef"}}
`)
	comparePublic(t, got, mustParse(t, base))
}

func TestUpstreamTLSSwitchedOff(t *testing.T) {
	c := mustParse(t, base+"[upstream.tls]\nenabled = false\n")
	if c.Upstream.TLS != nil {
		t.Errorf("got %+v, want nil", c.Upstream.TLS)
	}
}

func TestCipherSuitesByName(t *testing.T) {
	c := mustParse(t, base+`[[listener]]
name = "b"
bind = "0.0.0.0:0"
[listener.tls]
cert_file = "c"
key_file = "k"
cipher_suites = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"]
`)
	got := c.Listeners[1].TLS.CipherSuites
	want := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}
