package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is a checked configuration. It must not be changed: several parts of the program
// share it. It prints no secret, by whatever verb or encoder.
type Config struct {
	// Listeners are where clients connect: 1 to 256. Their names are unique, and so
	// are their binds, but for those with port 0.
	Listeners []Listener
	// Upstream is the broker.
	Upstream Upstream
	// Auth says who may connect.
	Auth Auth
	// Limits bound what a client may take.
	Limits Limits
	// Relay says what carries the sessions' bytes.
	Relay Relay
	// Shutdown says how the process ends.
	Shutdown Shutdown
	// Reload says when the configuration is read anew.
	Reload Reload
	// Log says what is logged, and how.
	Log Log
	// Admin is where the process can be looked at.
	Admin Admin

	source   source
	warnings []Problem
	files    []File
}

// Listener is an address that clients connect to, a [[listener]] table.
type Listener struct {
	// Name stands for the listener in logs: 1 to 64 letters, digits, '-', '_'
	// and '.'.
	Name string
	// Bind is the address, "host:port". An empty host means every address, port 0 one that
	// the system chooses.
	Bind string
	// ReusePort says that other processes of the same user may listen at Bind too, each with
	// this key set, and share its clients (SO_REUSEPORT). Never set where the system has none.
	ReusePort bool
	// Mode says whether clients that may not come in are refused; the default is ModeEnforce.
	Mode ListenerMode
	// EnforcePercent is the share of client ids for which they are, 1 to 100, the default. It has
	// no meaning where Mode is ModeObserve, which refuses none.
	EnforcePercent int
	// ProxyProtocol says whether its connections begin with a header of the PROXY protocol; the
	// default is ProxyOff.
	ProxyProtocol ProxyProtocol
	// ProxyTrusted are the networks of those who may send one: up to 256. Empty where
	// ProxyProtocol is ProxyOff; with ProxyRequired it may be, which means everybody, and gives a
	// warning.
	ProxyTrusted []netip.Prefix
	// MaxConnections is how many clients of this listener may be connected at once: 0 to
	// 10,000,000. 0, the default, means that it has no limit of its own.
	MaxConnections int
	// TLS is nil where the listener speaks plain TCP.
	TLS *ListenerTLS
}

// ListenerMode says whether clients that may not come in are refused.
type ListenerMode string

// The values of mode. ModeObserve lets through whom the stages would refuse, and tells of it.
const (
	ModeEnforce ListenerMode = "enforce"
	ModeObserve ListenerMode = "observe"
)

// ProxyProtocol says whether the connections of a listener begin with a header of the PROXY
// protocol.
type ProxyProtocol string

// The values of proxy_protocol in a listener.
const (
	ProxyOff      ProxyProtocol = "off"
	ProxyOptional ProxyProtocol = "optional"
	ProxyRequired ProxyProtocol = "required"
)

// ListenerTLS is a [listener.tls] table.
type ListenerTLS struct {
	// CertFile and KeyFile are the absolute paths of the certificate chain and its key, in
	// PEM. Both are set.
	CertFile, KeyFile string
	// Certificates are shown to clients that ask for one of their names (SNI), instead of that
	// in CertFile: at most 255. Nil where there are none.
	Certificates []CertificateFiles
	// MinVersion is the lowest protocol version that is accepted, a crypto/tls constant.
	// The default is TLS 1.2; below it there is a warning.
	MinVersion uint16
	// ClientAuth says whether clients show a certificate.
	ClientAuth ClientAuth
	// ClientCAFile is the absolute path of the PEM file with the authorities of client
	// certificates. It is set exactly where ClientAuth is not ClientAuthNone.
	ClientCAFile string
	// CRLFile is the absolute path of the file with the lists of revoked client certificates.
	// Empty means that none is revoked; it is empty where ClientAuth is ClientAuthNone.
	CRLFile string
	// UserNameFrom says what of a client's certificate is the name that templates know as %n.
	// CertNameNone is the default, and always holds where ClientAuth is ClientAuthNone.
	UserNameFrom CertName
	// SessionTicketKeysFile is the absolute path of the file with the keys of session tickets.
	// Empty means that the process makes its own.
	SessionTicketKeysFile string
	// CipherSuites are the suites allowed for TLS 1.2 and below, as crypto/tls numbers
	// them. Nil means crypto/tls's own choice. Weak ones give a warning.
	CipherSuites []uint16
}

// ClientAuth says whether the clients of a TLS listener show a certificate.
type ClientAuth string

// The values of client_auth. A certificate that is shown must be valid in all cases.
const (
	ClientAuthNone    ClientAuth = "none"
	ClientAuthRequest ClientAuth = "request"
	ClientAuthRequire ClientAuth = "require"
)

// CertificateFiles are a [[listener.tls.certificate]] table: the absolute paths of a certificate
// chain and its key, in PEM. Both are set.
type CertificateFiles struct {
	CertFile, KeyFile string
}

// CertName says what of a client's certificate is its name.
type CertName string

// The values of username_from. Without the key no certificate has a name.
const (
	CertNameNone  CertName = ""
	CertNameCN    CertName = "cn"
	CertNameURI   CertName = "san_uri"
	CertNameDNS   CertName = "san_dns"
	CertNameEmail CertName = "san_email"
)

// Upstream is the [upstream] table.
type Upstream struct {
	// Addresses are those of the broker, or of a cluster's nodes: "host:port" or
	// "unix:/path". 1 to 256, none twice.
	Addresses []string
	// Balance says which of them a client is sent to; the default is BalanceClientID.
	Balance Balance
	// SourceAddresses are those of this machine that connections to the broker come from, in turn:
	// up to 64, none twice. Each address that is an IP address has one of its family; where one is
	// a name, all are of one. None leaves the choice to the system.
	SourceAddresses []netip.Addr
	// ProxyProtocol is the version of the PROXY protocol by which the broker is told who a client
	// is: 0, the default, for none, 1 or 2.
	ProxyProtocol int
	// ProxyIdentity tells the proven identity there as the common name of a certificate. Only with
	// ProxyProtocol 2.
	ProxyIdentity bool
	// ConnectRate is how many clients may be handed to the broker per second: 0 to 1,000,000.
	// 0, the default, means that there is no bound.
	ConnectRate int
	// ConnectBurst is how many of them may go at once: 0 to 1,000,000. 0, the default, means a
	// tenth of ConnectRate, and at least 1. It is 0 where ConnectRate is.
	ConnectBurst int
	// TLS is nil where the broker is spoken to in plain TCP: the table is absent, or says
	// enabled = false.
	TLS *UpstreamTLS
	// Credentials say what the broker sees of the client's.
	Credentials Credentials
	// Health is nil where the addresses are not checked: the table is absent.
	Health *Health
}

// Health is the [upstream.health] table.
type Health struct {
	// Interval is the time between two checks of an address: 100ms to 1h, default 5s.
	Interval time.Duration
	// Timeout bounds one check: 50ms to 1m, default 2s.
	Timeout time.Duration
	// Rise and Fall are how many checks in a row must succeed, or fail: 1 to 100, default 2 and 3.
	Rise, Fall int
	// UserName and Password are those of an MQTT CONNECT that is then made. Where both are empty,
	// a TCP connection is enough. At most 65,535 bytes each.
	UserName string
	Password Secret
}

// Balance says which of the broker's addresses a client is sent to.
type Balance string

// The values of balance: the same for the same client id; one after the other; that with fewest
// connections.
const (
	BalanceClientID         Balance = "client_id"
	BalanceRoundRobin       Balance = "round_robin"
	BalanceLeastConnections Balance = "least_connections"
)

// UpstreamTLS is an [upstream.tls] table.
type UpstreamTLS struct {
	// CAFile is the absolute path of the PEM file with the authorities of the broker's
	// certificate. Empty means those of the system.
	CAFile string
	// CertFile and KeyFile are the absolute paths of our own certificate and key. Both are
	// set or both are empty: none is shown.
	CertFile, KeyFile string
	// ServerName is the name in the broker's certificate. Empty means the address's host;
	// it is not empty where an address is a Unix socket.
	ServerName string
}

// Credentials are the [upstream.credentials] table.
type Credentials struct {
	// Mode says what becomes of the client's user name and password.
	Mode CredentialsMode
	// UserName is the source of a template, with the placeholders of the declarations and
	// %{claim:NAME}. It is set exactly where Mode is CredentialsReplace.
	UserName string
	// Password is at most 65,535 bytes, the limit of MQTT. Not set means that the broker
	// gets none. Only with CredentialsReplace.
	Password Secret
}

// CredentialsMode says what the broker sees of a client's user name and password.
type CredentialsMode string

// The values of mode: the CONNECT goes on byte for byte; what carried the credential is
// removed; both are replaced by UserName and Password, the latter of which may be none.
const (
	CredentialsForward CredentialsMode = "forward"
	CredentialsStrip   CredentialsMode = "strip"
	CredentialsReplace CredentialsMode = "replace"
)

// Relay is the [relay] table.
type Relay struct {
	// Engine is what serves the sessions; the default is RelayAuto.
	Engine RelayEngine
	// Loops is the number of event loops: 0 to 64. 0, the default, means that it follows the
	// sessions, up to one for each processor. It must be 0 where Engine is RelayGoroutine.
	Loops int
}

// RelayEngine is what serves the sessions.
type RelayEngine string

// The values of engine: the best that there is; event loops over io_uring, which want Linux 6.1 and
// to be allowed it; event loops over epoll, which want Linux; two goroutines a session.
const (
	RelayAuto      RelayEngine = "auto"
	RelayUring     RelayEngine = "uring"
	RelayEpoll     RelayEngine = "epoll"
	RelayGoroutine RelayEngine = "goroutine"
)

// Shutdown is the [shutdown] table.
type Shutdown struct {
	// DrainDelay is the time from the signal to the closing of the listeners, for load
	// balancers to notice: 0s to 10m, default 0s.
	DrainDelay time.Duration
	// DrainTimeout is the time in which live sessions end, evenly: 0s, which cuts them at
	// once, to 24h, default 30s.
	DrainTimeout time.Duration
	// DrainQuiet ends them towards the broker with an MQTT DISCONNECT, so that wills are not
	// published, but for those of sessions that have to be cut; default false.
	DrainQuiet bool
}

// Reload is the [reload] table.
type Reload struct {
	// Watch has the configuration read anew when it, or a file that it names, has changed.
	Watch bool
	// RevokeLive ends the sessions whose user, password or key is gone, or whose client's certificate is
	// on a list of revoked ones.
	RevokeLive bool
}

// Log is the [log] table.
type Log struct {
	// Level is the lowest level that is logged; the default is slog.LevelInfo.
	Level slog.Level
	// Format is how lines look.
	Format LogFormat
}

// LogFormat is how log lines look.
type LogFormat string

// The values of format. LogAuto, the default, which can't be written in the file, is text
// on a terminal and JSON elsewhere.
const (
	LogAuto LogFormat = ""
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Admin is the [admin] table.
type Admin struct {
	// Bind is the address, "host:port", of the admin listener. Empty means that there is none:
	// then nothing else here is set.
	Bind string
	// Token is what whoever asks must show, /healthz and /readyz aside: at least 16 bytes of
	// visible ASCII. Not set means that nobody must; it is set where Bind is not on loopback.
	Token Secret
	// Hosts are further names by which the admin listener may be called, without ports.
	Hosts []string
	// Pprof serves the profiles of net/http/pprof.
	Pprof bool
}
