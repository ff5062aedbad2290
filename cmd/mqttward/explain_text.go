package main

import (
	"fmt"
	"io"
	"strings"

	"mqttward/cmd/internal/daemon"
)

// marks are how a step's outcome looks.
var marks = map[string]string{"ok": "ok", "fails": "NO", "note": "--"}

// printReport prints a report for people.
func printReport(w io.Writer, r *daemon.Report) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-9s  %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Client != nil {
		line("client", "%s", clientLine(r.Client))
	}
	for _, s := range r.Stages {
		line(s.Stage, "%s", strings.TrimSpace(s.Verdict+" "+s.Reason))
		for _, step := range s.Steps {
			line("", "  %s  %s", marks[step.Outcome], step.Text)
		}
	}
	switch {
	case r.Client != nil:
		verdictLines(line, r)
	case r.Reason != "":
		line("reason", "%s", r.Reason)
	}
	if r.Means != "" {
		line("means", "%s", r.Means)
		line("do", "%s", r.Do)
	}
	for i, c := range r.Connack {
		name := ""
		if i == 0 {
			name = "connack"
		}
		line(name, "MQTT %-5s  %s", c.Version, strings.TrimSpace(c.Code+" "+c.Name))
	}
	if r.Upstream != "" {
		line("upstream", "%s", r.Upstream)
	}
	for _, text := range r.Observed {
		line("OBSERVED", "%s", text)
	}
	for _, word := range r.Words {
		line("word", "%s: %s", word.Word, word.Of)
		line("means", "%s", word.Means)
		line("do", "%s", word.Do)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdictLines tell the verdict.
func verdictLines(line func(name, format string, args ...any), r *daemon.Report) {
	detail := ""
	if r.Detail != "" {
		detail = ": " + r.Detail
	}
	switch r.Verdict {
	case "unknown":
		line("verdict", "can't be told: %s", r.Unknown)
		line("", "as things are, REFUSED %s%s", r.Reason, detail)
	case "deny":
		line("verdict", "REFUSED %s%s", r.Reason, detail)
	default:
		who := "without a proven name"
		if r.Identity != "" {
			who = `as "` + r.Identity + `"`
		}
		line("verdict", "let in %s%s", who, untilLine(r))
	}
}

// untilLine tells when the proof ends.
func untilLine(r *daemon.Report) string {
	switch {
	case r.Expires == nil:
		return ""
	case r.Ends:
		return fmt.Sprintf(", until %s, when its session ends", r.Expires.Format("2006-01-02T15:04:05Z"))
	}
	return fmt.Sprintf(", until %s, but a session goes on (disconnect_after_expire = false)", r.Expires.Format("2006-01-02T15:04:05Z"))
}

// clientLine tells what the client sends.
func clientLine(c *daemon.ReportClient) string {
	if c.Version == "" {
		return "its CONNECT could not be read"
	}
	name := "no user name"
	if c.UserName != nil {
		name = `user name "` + *c.UserName + `"`
	}
	password := map[string]string{
		"none": "no password", "empty": "an empty password", "token": "a token as the password", "password": "a password",
	}[c.Password]
	text := fmt.Sprintf("MQTT %s, client id \"%s\", %s, %s", c.Version, c.ClientID, name, password)
	if c.CertName != "" {
		text += `, certificate name "` + c.CertName + `"`
	}
	return text
}
