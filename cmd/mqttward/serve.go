package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"mqttward/cmd/internal/daemon"
	"mqttward/config"
)

const serveHelp = `Usage: mqttward serve [-c FILE]

Runs the proxy in the foreground and logs to standard error.
SIGTERM and SIGINT end it in order, a second one at once.

  mqttward serve -c /etc/mqttward/mqttward.toml
`

func serve(args []string, stdout, stderr io.Writer) int {
	f := flags("serve", serveHelp, stderr)
	file := configFlag(f)
	if code, done := parse(f, args, stdout, stderr); done {
		return code
	}
	c, err := config.Load(*file, config.LoadOptions{})
	if err != nil {
		return badConfig(stderr, err)
	}
	log := daemon.NewLogger(c.Log, stderr)
	d, err := daemon.New(c, daemon.Options{Log: log})
	if err != nil {
		return badConfig(stderr, err)
	}
	defer d.Close()
	for _, w := range d.Warnings() {
		log.Warn("configuration", "problem", w.String())
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := d.Listen(context.Background()); err != nil {
		log.Error("listen", "error", err)
		return exitFailed
	}
	if err := d.Run(signals); err != nil {
		if !errors.Is(err, daemon.ErrForced) {
			log.Error("serve", "error", err)
		}
		return exitFailed
	}
	return exitOK
}

const checkHelp = `Usage: mqttward check [-c FILE]

Checks a configuration and every file that it names, without a network: each
fault is one line with its place and what to write instead. Exits with 0 where
the configuration is good, warnings aside, and with 2 where it is not.

  mqttward check -c mqttward.toml
`

func check(args []string, stdout, stderr io.Writer) int {
	f := flags("check", checkHelp, stderr)
	file := configFlag(f)
	if code, done := parse(f, args, stdout, stderr); done {
		return code
	}
	c, err := config.Load(*file, config.LoadOptions{})
	if err != nil {
		return badConfig(stderr, err)
	}
	d, err := daemon.New(c, daemon.Options{Log: daemon.NewLogger(c.Log, io.Discard)})
	if err != nil {
		return badConfig(stderr, err)
	}
	defer d.Close()
	for _, w := range d.Warnings() {
		fmt.Fprintf(stderr, "warning: %s\n", w)
	}
	fmt.Fprintf(stdout, "%s is good\n", *file)
	return exitOK
}

// configFlag adds -c, with the default that the environment or the folder has.
func configFlag(f *flag.FlagSet) *string {
	file := os.Getenv("MQTTWARD_CONFIG")
	if file == "" {
		file = "mqttward.toml"
	}
	return f.String("c", file, "the configuration `FILE`; by default $MQTTWARD_CONFIG, then ./mqttward.toml")
}

// badConfig tells what is wrong with a configuration, a line each.
func badConfig(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, err)
	return exitUsage
}
