package mosquitto

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// listener is one of mosquitto's, with what was written about it.
type listener struct {
	from directive
	port int
	host string

	certFile, keyFile, caFile, crlFile string
	tlsVersion                         string
	requireCertificate                 bool
	identity                           directive // use_identity_as_username, where it is true
	maxConnections                     int

	// Of its own only with per_listener_settings.
	passwordFile   string
	allowAnonymous *bool

	// skip is why it is not taken over; empty where it is.
	skip string
}

// conf is a configuration while it is read.
type conf struct {
	listeners   []*listener
	general     listener // what is not said of one listener
	perListener bool
	notes       []string
	current     *listener // whom the next line is about
}

func (c *conf) note(d directive, format string, args ...any) {
	c.notes = append(c.notes, d.place()+": "+d.name+": "+fmt.Sprintf(format, args...))
}

// interpret takes all directives in.
func interpret(all []directive) (*conf, error) {
	c := &conf{}
	for _, d := range all { // it counts wherever it stands
		if d.name == "per_listener_settings" {
			c.perListener = d.value == "true"
		}
	}
	bridge := false
	for _, d := range all {
		switch {
		case d.name == "connection":
			bridge = true // what follows is about it, until the next listener
			c.note(d, "bridges stay with the broker")
		case bridge && d.name != "listener" && !ofBroker[d.name]:
		default:
			bridge = bridge && ofBroker[d.name]
			if err := c.take(d); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", d.place(), d.name, err)
			}
		}
	}
	c.addDefault()
	return c, nil
}

// ofBroker are what says who may connect, and where. mosquitto takes it as the broker's also where it
// stands behind a bridge.
var ofBroker = map[string]bool{"password_file": true, "allow_anonymous": true, "port": true, "bind_address": true, "plugin": true, "auth_plugin": true, "acl_file": true}

// addDefault adds the listener that port and bind_address make, or the one that mosquitto has when
// nothing is said at all.
func (c *conf) addDefault() {
	g := &c.general
	switch {
	case g.port != 0:
		first := *g
		c.listeners = append([]*listener{&first}, c.listeners...)
	case len(c.listeners) == 0:
		anonymous := true // what mosquitto does where nothing is said, on this machine alone
		first := *g
		first.port, first.host = 1883, "127.0.0.1"
		if first.allowAnonymous == nil {
			g.allowAnonymous = &anonymous
		}
		c.listeners = append(c.listeners, &first)
	}
}

// take takes one directive in.
func (c *conf) take(d directive) error {
	l := c.current
	if l == nil {
		l = &c.general
	}
	rights := &c.general
	if c.perListener {
		rights = l
	}
	var err error
	switch d.name {
	case "listener":
		return c.begin(d)
	case "port":
		c.general.from = d
		c.general.port, err = strconv.Atoi(firstWord(d.value))
	case "bind_address":
		c.general.host = d.value
	case "certfile":
		l.certFile = fromFolder(d.file, d.value)
	case "keyfile":
		l.keyFile = fromFolder(d.file, d.value)
	case "cafile":
		l.caFile = fromFolder(d.file, d.value)
	case "crlfile":
		l.crlFile = fromFolder(d.file, d.value)
	case "tls_version":
		l.tlsVersion, err = tlsVersion(d.value)
	case "require_certificate":
		l.requireCertificate, err = parseBool(d.value)
	case "use_identity_as_username":
		l.identity = directive{}
		var named bool
		if named, err = parseBool(d.value); named {
			l.identity = d
		}
	case "max_connections":
		l.maxConnections, err = strconv.Atoi(firstWord(d.value))
	case "psk_hint":
		l.skip = "its TLS is by pre-shared keys, which mqttward has not"
	case "protocol":
		if d.value == "websockets" {
			l.skip = "it speaks WebSocket, and mqttward does not"
		}
	case "password_file":
		rights.passwordFile = fromFolder(d.file, d.value)
	case "allow_anonymous":
		var allow bool
		allow, err = parseBool(d.value)
		rights.allowAnonymous = &allow
	default:
		c.other(d)
	}
	return err
}

// begin begins a listener.
func (c *conf) begin(d directive) error {
	port, rest, _ := strings.Cut(d.value, " ")
	host := firstWord(strings.TrimSpace(rest))
	if strings.HasPrefix(host, "#") {
		host = ""
	}
	l := &listener{from: d, host: host}
	var err error
	if l.port, err = strconv.Atoi(port); err != nil || l.port < 0 || l.port > 65535 {
		return fmt.Errorf("%q is not a port", port)
	}
	if l.port == 0 {
		l.skip = "it is a Unix socket, and mqttward listens on TCP"
	}
	c.listeners = append(c.listeners, l)
	c.current = l
	return nil
}

// bind is the listener's address as mqttward has it.
func (l *listener) bind() string {
	return net.JoinHostPort(strings.Trim(l.host, "[]"), strconv.Itoa(l.port))
}

// parseBool reads a word as mosquitto does, which reads no further.
func parseBool(s string) (bool, error) {
	switch word := firstWord(s); word {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	default:
		return false, fmt.Errorf("%q is neither true nor false", word)
	}
}

// firstWord is what mosquitto reads of a value that is no text; some write a comment behind it.
func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// tlsVersion is mosquitto's word for the lowest version as mqttward has it.
func tlsVersion(s string) (string, error) {
	switch v := strings.TrimPrefix(s, "tlsv"); v {
	case "1.1", "1.2", "1.3":
		return v, nil
	case "1":
		return "1.0", nil
	}
	return "", fmt.Errorf("%q is unknown", s)
}
