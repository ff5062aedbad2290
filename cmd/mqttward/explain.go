package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"mqttward/cmd/internal/daemon"
	"mqttward/config"
)

const explainHelp = `Usage: mqttward explain [-c FILE] --client-id C [--username U] [--password-stdin]
       mqttward explain [-c FILE] --connect FILE
       mqttward explain --reason WORD

Tells what would become of a client: each stage, each key and claim, what was
expected and what was found, the reason's word as in the log, the CONNACK for
each version, and what the broker would get. Nothing is dialled, and limits and
bans are not judged. Passwords and signatures are never shown.

With --reason it tells what a word of the log means, and what to do: why a client
was refused, or how a session, a TLS handshake or a fetch of the key set ended.

Exits with 0 where the client is let in, with 1 where it is refused, and with 2
where that can't be told: a wrong command line or configuration, or a key set
that is neither on disk nor asked for with --online or --jwks.

  mqttward explain -c mqttward.toml --username alice --client-id dev-1 --password-stdin < token
  xxd -p connect.bin | mqttward explain --connect -
  mqttward explain --reason token_expired
`

// explainFlags are the flags of explain.
type explainFlags struct {
	set                            *flag.FlagSet
	config                         *string
	clientID, username, certName   string
	passwordStdin, usernameStdin   bool
	version, connect, reason, jwks string
	online, json                   bool
	now                            string
}

func newExplainFlags(stderr io.Writer) *explainFlags {
	f := &explainFlags{set: flags("explain", explainHelp, stderr)}
	f.config = configFlag(f.set)
	f.set.StringVar(&f.clientID, "client-id", "", "the client id that is sent")
	f.set.StringVar(&f.username, "username", "", "the user name that is sent; without it none is")
	f.set.StringVar(&f.certName, "cert-name", "", "the `NAME` in the client's certificate, by username_from; without it there is none")
	f.set.BoolVar(&f.passwordStdin, "password-stdin", false, "send the password or token that standard input holds; on a terminal it is asked for. Without it none is sent")
	f.set.BoolVar(&f.usernameStdin, "username-stdin", false, "the same for a token that is sent as the user name")
	f.set.StringVar(&f.version, "mqtt", "3.1.1", "the `VERSION` that the client speaks: 3.1, 3.1.1 or 5.0")
	f.set.StringVar(&f.connect, "connect", "", "take a whole CONNECT packet from `FILE`, as bytes or as the hex of xxd -p; - is standard input")
	f.set.StringVar(&f.jwks, "jwks", "", "take the key set from `FILE`")
	f.set.BoolVar(&f.online, "online", false, "fetch the key set from jwks_url")
	f.set.StringVar(&f.now, "now", "", "judge as at a `TIME`, such as 2026-01-31T12:00:00Z")
	f.set.StringVar(&f.reason, "reason", "", "tell what a `WORD` of the log means, whoever the client is")
	f.set.BoolVar(&f.json, "json", false, "print JSON")
	return f
}

// given reports whether a flag was written.
func (f *explainFlags) given(name string) bool {
	found := false
	f.set.Visit(func(g *flag.Flag) { found = found || g.Name == name })
	return found
}

// conflict is what is wrong with the flags together; nil where nothing is.
func (f *explainFlags) conflict() error {
	for _, c := range [...]struct {
		flag   string
		others []string
	}{
		{"connect", []string{"client-id", "username", "username-stdin", "password-stdin", "mqtt"}},
		{"username-stdin", []string{"username", "password-stdin"}},
		{"jwks", []string{"online"}},
		{"reason", []string{"c", "client-id", "username", "cert-name", "username-stdin", "password-stdin", "mqtt", "connect", "jwks", "online", "now"}},
	} {
		for _, other := range c.others {
			if f.given(c.flag) && f.given(other) {
				return fmt.Errorf("-%s and -%s can't be had together", c.flag, other)
			}
		}
	}
	if !f.given("connect") && !f.given("client-id") && !f.given("reason") {
		return errors.New("whom? write --client-id, and --username and --password-stdin; or --connect FILE; or --reason WORD")
	}
	return nil
}

func explain(args []string, stdout, stderr io.Writer) int {
	f := newExplainFlags(stderr)
	if code, done := parse(f.set, args, stdout, stderr); done {
		return code
	}
	fail := func(err error) int {
		fmt.Fprintf(stderr, "mqttward explain: %v\n", err)
		return exitUsage
	}
	if err := f.conflict(); err != nil {
		return fail(err)
	}
	if f.reason != "" {
		r, err := daemon.ExplainReason(f.reason)
		if err != nil {
			return fail(err)
		}
		if err := f.print(stdout, r); err != nil {
			return fail(err)
		}
		return exitOK
	}
	c, err := config.Load(*f.config, config.LoadOptions{})
	if err != nil {
		return badConfig(stderr, err)
	}
	o, err := f.options(os.Stdin, stderr)
	if err != nil {
		return fail(err)
	}
	r, err := daemon.Explain(context.Background(), c, o)
	var problems daemon.Problems
	switch {
	case errors.As(err, &problems):
		return badConfig(stderr, err)
	case err != nil:
		return fail(err)
	}
	if err := f.print(stdout, r); err != nil {
		return fail(err)
	}
	return explainExit[r.Verdict]
}

// explainExit are the exit codes by verdict.
var explainExit = map[string]int{"accept": exitOK, "deny": exitFailed, "unknown": exitUsage}

func (f *explainFlags) print(w io.Writer, r *daemon.Report) error {
	if !f.json {
		return printReport(w, r)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// options reads what the flags name.
func (f *explainFlags) options(stdin *os.File, stderr io.Writer) (o daemon.ExplainOptions, err error) {
	o.Log = daemon.NewLogger(config.Log{Level: slog.LevelWarn, Format: config.LogText}, stderr)
	o.Online, o.CertName = f.online, f.certName
	if f.now != "" {
		if o.Now, err = time.Parse(time.RFC3339, f.now); err != nil {
			return o, fmt.Errorf("--now %q is no time: write it as 2026-01-31T12:00:00Z", f.now)
		}
	}
	if f.jwks != "" {
		if o.KeySet, err = readInput(f.jwks, stdin, maxKeySetInput); err != nil {
			return o, err
		}
	}
	if f.connect != "" {
		b, err := readInput(f.connect, stdin, maxConnectInput)
		if err != nil {
			return o, err
		}
		o.Packet, err = parsePacket(b)
		return o, err
	}
	o.Client = daemon.ExplainClient{Version: f.version, ClientID: f.clientID}
	if f.given("username") {
		o.Client.UserName = &f.username
	}
	switch {
	case f.passwordStdin:
		o.Client.Password, err = readSecret("Password or token: ", stdin, stderr)
	case f.usernameStdin:
		o.Client.UserName, err = readSecret("Token: ", stdin, stderr)
	}
	return o, err
}
