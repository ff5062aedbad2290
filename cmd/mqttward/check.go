package main

import (
	"context"
	"fmt"
	"io"

	"mqttward/cmd/internal/daemon"
)

const checkHelp = `Usage: mqttward check [-c FILE] [-online]

Checks a configuration and every file that it names, without a network: each
fault is one line with its place and what to write instead. Exits with 0 where
the configuration is good, warnings aside, and with 2 where it is not. Lists
of revoked certificates that are too old, so that no client's certificate is
accepted, are a fault here; serve starts with them, and says so in the log.

With -online it also connects to the broker with MQTT, fetches the key set,
tells how long certificates last and whether open files and source ports are
enough, and warns of what is dangerous. Then it exits with 1 where something
does not work.

  mqttward check -c mqttward.toml
  mqttward check -c mqttward.toml --online
`

func check(args []string, stdout, stderr io.Writer) int {
	f := flags("check", checkHelp, stderr)
	online := f.Bool("online", false, "ask the broker and the key set's server too")
	b, code, err := build(f, args, stdout, stderr, io.Discard, daemon.Options{})
	switch {
	case err != nil:
		return badConfig(stderr, err)
	case b == nil:
		return code
	}
	defer b.daemon.Close()
	for _, w := range b.daemon.Warnings() {
		fmt.Fprintf(stderr, "warning: %s\n", w)
	}
	if lapsed := b.daemon.Lapsed(); len(lapsed) > 0 {
		return badConfig(stderr, daemon.Problems(lapsed))
	}
	fmt.Fprintf(stdout, "%s is good\n", b.file)
	if !*online {
		return exitOK
	}
	return tell(b.daemon.Examine(context.Background()), stdout, stderr)
}

// tell writes findings: what is good on standard output, all else on standard error.
func tell(found []daemon.Finding, stdout, stderr io.Writer) int {
	code := exitOK
	for _, f := range found {
		switch f.Severity {
		case daemon.Good:
			fmt.Fprintln(stdout, f.Text)
		case daemon.Doubtful:
			fmt.Fprintf(stderr, "warning: %s\n", f.Text)
		case daemon.Bad:
			fmt.Fprintf(stderr, "error: %s\n", f.Text)
			code = exitFailed
		}
	}
	return code
}
