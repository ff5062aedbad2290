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
SIGTERM and SIGINT end it in order, a second one at once. SIGHUP reads the
configuration and the files that it names anew; a faulty one changes nothing.
SIGUSR2 starts this program anew, from the same path, with the same arguments
and the listening sockets: when it serves, the old process drains and ends.
Sockets are taken from systemd too, by the listeners' names or in their order.

  mqttward serve -c /etc/mqttward/mqttward.toml
`

func serve(args []string, stdout, stderr io.Writer) int {
	// First of all: a signal that comes while a large users file is read must not end us.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, daemon.Signals()...)
	defer signal.Stop(signals)
	var o daemon.Options
	if err := o.FromProcess(); err != nil {
		fmt.Fprintf(stderr, "mqttward serve: %v\n", err)
		return exitFailed
	}
	spool := daemon.NewSpool(stderr)
	defer spool.Close()
	b, code, err := build(flags("serve", serveHelp, stderr), args, stdout, stderr, spool, o)
	switch {
	case err != nil && b != nil:
		b.log.Faults(err)
		return code
	case err != nil:
		return badConfig(stderr, err)
	case b == nil:
		return code
	}
	defer func() {
		b.daemon.Close()
		if n := spool.Dropped(); n > 0 {
			b.log.Warn("log lines were dropped: nobody read them in time", "lines", n)
		}
	}()
	for _, w := range b.daemon.Warnings() {
		b.log.Warn("configuration", "problem", w.String())
	}
	b.log.Faults(daemon.Problems(b.daemon.Lapsed()))
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := b.daemon.Listen(context.Background()); err != nil {
		b.log.Error("listen", "error", err)
		return exitFailed
	}
	if err := b.daemon.Run(signals); err != nil {
		if !errors.Is(err, daemon.ErrForced) {
			b.log.Error("serve", "error", err)
		}
		return exitFailed
	}
	return exitOK
}

// built is a daemon with what it was built from.
type built struct {
	daemon *daemon.Daemon
	file   string
	log    *daemon.Logger
}

// build parses the flags of a command, to which it adds -c, and builds the daemon of the
// configuration that they name, which logs to logTo, with what else is in o. Where the command ends
// with code, b is nil; or the configuration is faulty, which err tells of: then b has the log, and no
// daemon, if the settings of the log were not among the faults.
func build(f *flag.FlagSet, args []string, stdout, stderr, logTo io.Writer, o daemon.Options) (b *built, code int, err error) {
	file := configFlag(f)
	if code, done := parse(f, args, stdout, stderr); done {
		return nil, code, nil
	}
	load := func() (*config.Config, error) { return config.Load(*file, config.LoadOptions{}) }
	c, err := load()
	if err != nil {
		var faulty *config.Errors
		if errors.As(err, &faulty) {
			if log, ok := faulty.Log(); ok {
				b = &built{log: daemon.NewLogger(log, logTo)}
			}
		}
		return b, exitUsage, err
	}
	b = &built{file: *file, log: daemon.NewLogger(c.Log, logTo)}
	o.Log, o.Load = b.log, load
	b.daemon, err = daemon.New(c, o)
	if err != nil {
		return b, exitUsage, err
	}
	return b, exitOK, nil
}

// configFlag adds -c, with the default that the environment or the folder has.
func configFlag(f *flag.FlagSet) *string {
	file := os.Getenv("MQTTWARD_CONFIG")
	if file == "" {
		file = "mqttward.toml"
	}
	return f.String("c", file, "the configuration `FILE`; by default $MQTTWARD_CONFIG, then ./mqttward.toml")
}

// badConfig tells people what is wrong with a configuration, a line each.
func badConfig(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, err)
	return exitUsage
}
