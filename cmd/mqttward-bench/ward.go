package main

import (
	"fmt"
	"slices"
	"strings"
)

// ward is what mqttward is configured with. All else is as it is shipped, but for its end,
// which is quicker.
type ward struct {
	engine    engine
	addresses map[door]string
	shared    []door // those that other processes listen at too
	upstream  string
	auth      string // tables that say who is let in
	limits    string // lines of [limits]
}

// engine is what moves the bytes, by the keys of [relay]. Empty and 0 leave their key out.
type engine struct {
	name  string
	loops int
}

// engine returns that of a route.
func (b *bench) engine(route string) engine {
	return engine{name: strings.TrimPrefix(strings.TrimPrefix(route, routeMqttward), "-"), loops: b.loops}
}

func (e engine) text() string {
	if e == (engine{}) {
		return ""
	}
	text := "[relay]\n"
	if e.name != "" {
		text += fmt.Sprintf("engine = %q\n", e.name)
	}
	if e.loops > 0 {
		text += fmt.Sprintf("loops = %d\n", e.loops)
	}
	return text
}

// wardPlan returns how a mqttward is started.
func (b *bench) wardPlan(w ward) plan {
	var c strings.Builder
	for _, d := range allDoors() {
		if w.addresses[d] == "" {
			continue
		}
		fmt.Fprintf(&c, "[[listener]]\nname = %q\nbind = %q\n", d, w.addresses[d])
		if slices.Contains(w.shared, d) {
			c.WriteString("reuse_port = true\n")
		}
		if files, ok := b.certificates[d]; ok {
			fmt.Fprintf(&c, "[listener.tls]\ncert_file = %q\nkey_file = %q\n", files.cert, files.key)
		}
	}
	fmt.Fprintf(&c, "[upstream]\naddresses = [%q]\n%s[limits]\n%s%s", w.upstream, w.auth, w.limits, w.engine.text())
	c.WriteString("[log]\nlevel = \"info\"\nformat = \"json\"\n[shutdown]\ndrain_timeout = \"0s\"\n")
	return plan{program: b.binary, args: []string{"serve", "-c"}, config: c.String()}
}

// What [ward] may have as auth.

// wardTokens lets in those with a good token, and those with none.
func (b *bench) wardTokens() string {
	return fmt.Sprintf("[auth]\nallow_anonymous = true\n[auth.jwt]\nsecret = %q\npublic_key_file = %q\n[auth.jwt.claims]\nusername = \"%%u\"\n",
		b.secrets.hmac, b.publicKeys)
}

// wardAnybody judges nobody.
const wardAnybody = "[auth]\nallow_anonymous = true\n"

// wardUsers lets in the users of a file.
func wardUsers(file string) string { return fmt.Sprintf("[auth.builtin]\nusers_file = %q\n", file) }
