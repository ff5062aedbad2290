package mosquitto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Import reads a mosquitto.conf and what it includes, and returns a configuration for mqttward in
// TOML, and notes on what was not taken over or has to be done. Neither holds a secret.
func Import(path string) (toml string, notes []string, err error) {
	var r reader
	if err := r.read(path, 0); err != nil {
		return "", nil, err
	}
	c, err := interpret(r.all)
	if err != nil {
		return "", nil, err
	}
	w := writer{conf: c, path: path}
	if err := w.write(); err != nil {
		return "", nil, err
	}
	return w.out.String(), c.notes, nil
}

// writer prints a configuration.
type writer struct {
	*conf
	path string
	out  strings.Builder
	port int // where the broker has to listen
}

func (w *writer) write() error {
	taken := w.taken()
	if len(taken) == 0 {
		return errors.New("there is no listener that mqttward could take over")
	}
	w.port = freePort(w.listeners)
	w.line("# Made by \"mqttward config import mosquitto %s\".", w.path)
	w.line("# \"mqttward config example\" explains every key, \"mqttward check\" says whether this is good.\n#")
	w.line("# mosquitto.conf then needs, instead of its own listeners and password_file:\n#")
	w.line("#   listener %d 127.0.0.1\n#   allow_anonymous true\n", w.port)
	w.names(taken)
	w.line("[upstream]\naddresses = [\"127.0.0.1:%d\"]\n", w.port)
	if err := w.auth(taken); err != nil {
		return err
	}
	w.limits(taken)
	return nil
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

// taken are the listeners that mqttward can take over; the others are noted.
func (w *writer) taken() (taken []*listener) {
	for _, l := range w.listeners {
		if l.skip != "" {
			w.note(l.from, "not taken over: %s", l.skip)
			continue
		}
		taken = append(taken, l)
	}
	return taken
}

// freePort is the first port from mosquitto's usual one on that no listener has.
func freePort(listeners []*listener) int {
	port := 1884
	for slices.ContainsFunc(listeners, func(l *listener) bool { return l.port == port }) {
		port++
	}
	return port
}

// names prints the listeners, each with a name of its own.
func (w *writer) names(taken []*listener) {
	seen := map[string]int{}
	for _, l := range taken {
		name := fmt.Sprintf("mqtt-%d", l.port)
		if l.certFile != "" || l.keyFile != "" {
			name = fmt.Sprintf("mqtts-%d", l.port)
		}
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s-%d", name, seen[name])
		}
		w.line("[[listener]]\nname = %s\nbind = %s", quote(name), quote(l.bind()))
		w.tls(l)
		w.line("")
	}
}

func (w *writer) tls(l *listener) {
	if l.identity.name != "" {
		w.identity(l)
	}
	if l.certFile == "" && l.keyFile == "" {
		return
	}
	w.line("[listener.tls]\ncert_file = %s\nkey_file = %s", quote(l.certFile), quote(l.keyFile))
	if l.tlsVersion != "" {
		w.line("min_version = %s", quote(l.tlsVersion))
	}
	if !l.requireCertificate {
		return
	}
	w.line("client_auth = \"require\"")
	w.line("client_ca_file = %s", quote(l.caFile))
	if l.crlFile != "" {
		w.line("crl_file = %s", quote(l.crlFile))
	}
	if l.identity.name != "" {
		w.line("username_from = \"cn\"")
	}
}

// identity notes what becomes of the names in certificates.
func (w *writer) identity(l *listener) {
	if l.certFile == "" && l.keyFile == "" || !l.requireCertificate {
		w.note(l.identity, "not taken over: the listener asks no client for a certificate, which require_certificate does")
		return
	}
	w.note(l.identity, "username_from makes the name in a certificate the %%n of templates, and lets nobody in by itself: such clients need a user or a token")
}

// auth prints who may connect.
func (w *writer) auth(taken []*listener) error {
	file, anonymous := w.rights(taken[0])
	for _, l := range taken[1:] {
		other, also := w.rights(l)
		if other != file {
			return fmt.Errorf("%s: the listeners have different password files (%q and %q), and mqttward has one for all: put the users into one, or run a mqttward for each", l.from.place(), file, other)
		}
		if also != anonymous {
			w.note(l.from, "clients without a user are let in by some listeners and not by others: mqttward has one rule for all, and refuses them; write allow_anonymous = true below [auth] to let them in everywhere, or run a mqttward for each")
			anonymous = false
		}
	}
	if anonymous {
		w.line("[auth]\nallow_anonymous = true\n")
	}
	if anonymous && file != "" {
		w.notes = append(w.notes, w.path+": allow_anonymous: mosquitto refuses user names that are not in password_file, and mqttward lets them in as anonymous, under the name that they write. Let no ACL of the broker trust a name; or write allow_anonymous = false below [auth], and only the users of users_file come in")
	}
	if file != "" {
		w.line("[auth.builtin]\nusers_file = %s\n", quote(file))
	}
	if file == "" && !anonymous {
		w.notes = append(w.notes, w.path+": nobody could connect by this: write [auth.jwt] or [auth.builtin], or, to let everybody in, allow_anonymous = true below [auth]; \"mqttward config example\" shows how")
		w.line("# [auth.jwt]\n# secret = \"${MQTT_JWT_SECRET}\"\n# [auth.jwt.claims]\n# username = \"%%u\"\n")
	}
	return nil
}

// rights are the password file of a listener, and whether it lets in clients without a user.
func (w *writer) rights(l *listener) (file string, anonymous bool) {
	if !w.perListener {
		l = &w.general
	}
	return l.passwordFile, l.allowAnonymous != nil && *l.allowAnonymous
}

// limits prints what limits one listener as that of all, where it is the only one.
func (w *writer) limits(taken []*listener) {
	for _, l := range taken {
		switch n := l.maxConnections; {
		case n <= 0: // no limit
		case len(taken) == 1:
			w.line("[limits]\nmax_connections = %d", n)
		default:
			w.note(l.from, "max_connections of one listener is not taken over: see limits.max_connections, which is for all")
		}
	}
}

// quote is a text as a TOML string, in which nothing stands for an environment variable.
func quote(s string) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ReplaceAll(s, "${", "$${")) // a string can be encoded
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\x7f", `\u007f`)
}
