// Mqttward-demo shows mqttward at work, on a machine that has Go and nothing else.
//
//	go run ./cmd/mqttward-demo
//
// It runs an embedded broker with mqttward before it, prints the configuration and lines of
// mosquitto_pub and mosquitto_sub to paste, with what each will say, and logs below them what
// mqttward makes of each. Where there is no mosquitto,
//
//	go run ./cmd/mqttward-demo try
//
// in a second terminal does the same with a client of its own.
//
// It listens on the loopback interface alone, and its secrets are no secrets. It exits as
// mqttward does: with 0 when every session ended in time, with 1 when something failed, and
// with 2 for a wrong command line.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `Usage: mqttward-demo [try [FOLDER]]

Without arguments: runs an embedded broker with mqttward before it, and prints lines to try.
try: connects to the demo that runs, and tries the same lines without mosquitto. FOLDER is
the demo's; without it the newest one is taken. Exits with 1 if any line does not behave as
the demo said.
`

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, signals))
}

// run is main without the process.
func run(args []string, stdout, stderr io.Writer, signals <-chan os.Signal) int {
	switch {
	case len(args) == 0:
		return serve(stdout, stderr, signals)
	case args[0] == "-h", args[0] == "-help", args[0] == "--help", args[0] == "help":
		fmt.Fprint(stdout, usage)
		return exitOK
	case args[0] == "try" && len(args) <= 2:
		return try(args[1:], stdout, stderr)
	}
	fmt.Fprintf(stderr, "mqttward-demo: unexpected arguments %q\n\n%s", args, usage)
	return exitUsage
}

// serve runs the demo until a signal ends it.
func serve(stdout, stderr io.Writer, signals <-chan os.Signal) int {
	d, err := start(options{
		PlainPort: 1883, TLSPort: 8883, BoundPort: 1885,
		TokenLife: time.Minute, Log: stderr,
	})
	if err != nil {
		fmt.Fprintln(stderr, "mqttward-demo:", err)
		return exitFailed
	}
	defer d.close()
	d.show(stdout)
	if err := d.run(signals); err != nil {
		fmt.Fprintln(stderr, "mqttward-demo:", err)
		return exitFailed
	}
	return exitOK
}
