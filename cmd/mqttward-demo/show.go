package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// show prints what runs, and what there is to try.
func (d *demo) show(w io.Writer) {
	fmt.Fprintf(w, `mqttward's demo: a broker, and mqttward before it. Ctrl-C ends it.

  %-15s  the broker, which lets everybody in (mochi-mqtt, in this process)
  %-15s  mqttward: MQTT
  %-15s  mqttward: MQTT over TLS; clients trust %s
  %-15s  a second mqttward, whose tokens are bound to their user name
%s
The configuration of the first, %s:

%s
The configuration of the second, %s:

%s
`,
		d.broker.address, d.address("plain"), d.address("tls"), d.caFile(), d.address("bound"), d.note(),
		d.open.file, indent(d.open.text), d.bound.file, indent(d.bound.text))
	fmt.Fprintf(w, `Lines to paste into another terminal, and what mosquitto 2.0 will say. (After a refusal
mosquitto_pub adds a line that begins with "Error:".) Without mosquitto:

  go run ./cmd/mqttward-demo try %s

`, d.dir)
	for i, l := range d.lines {
		fmt.Fprintf(w, "%2d. %s\n      %s\n      -> %s\n", i+1, l.Shows, l.command(), l.expectation())
	}
	fmt.Fprintf(w, `
And one to watch: this token expires at %s. The subscriber prints the welcome and what
the other lines publish until then; then mqttward ends its session, and it exits.

      %s

mqttward's log follows.

`, d.watch.Expires.Format(time.TimeOnly), d.watch.command())
}

// note tells of ports that are not the usual ones.
func (d *demo) note() string {
	if len(d.taken) == 0 {
		return ""
	}
	return fmt.Sprintf("\nOf the usual ports, these are taken by others, and free ones take their place: %s\n", strings.Trim(fmt.Sprint(d.taken), "[]"))
}

// address is where the listener called name is.
func (d *demo) address(name string) string {
	for _, w := range []*ward{d.open, d.bound} {
		if a := w.daemon.Addr(name); a != nil {
			return a.String()
		}
	}
	return ""
}

// expectation says how a line ends.
func (l line) expectation() string {
	text, exit := l.says()
	if text == "" {
		text = "prints nothing"
	} else {
		text = fmt.Sprintf("prints %q", text)
	}
	text = fmt.Sprintf("%s, exit code %d", text, exit)
	if l.Want.Reason != "" {
		text += "; in the log: reason=" + l.Want.Reason
	}
	return text
}

// indent sets a text off from what is around it.
func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
