// Mqttward-bench measures what mqttward costs on the machine that it runs on, side by side
// with no proxy at all and with haproxy and nginx where they are installed.
//
//	go run ./cmd/mqttward-bench
//
// It builds mqttward from this module and starts every proxy as a process of its own, and so
// the clients and the broker, which are this program again. What a figure of a proxy counts
// is what the kernel says of that proxy's processes alone: processor time from
// /proc/PID/stat, memory (Pss) from /proc/PID/smaps_rollup, descriptors from /proc/PID/fd.
// What the kernel does in interrupts goes to whomever it interrupts, as everywhere.
//
// Each figure is the median of several rounds, and in a round all take their turn, so that a
// disturbance of some seconds hits all of them. Clients, proxy and broker share the machine's
// cores: read the ratios.
//
// All of them see the same clients: MQTT 3.1.1, a user name, and a token as the password.
// mqttward judges the token and its claims and logs at info to a file; haproxy, with two
// threads, judges the packet and the token's signature (mqtt_is_valid, mqtt_field_value,
// jwt_verify); nginx, with two workers, and the broker judge nothing.
//
// It uses the loopback interface alone, with ports that the system chooses, and ends with 0
// when all was measured, with 1 when something failed, and with 2 for a wrong command line.
// Measuring needs Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `Usage: mqttward-bench [idle | connect | refuse | roundtrip | stream] [flags]

Measures mqttward beside no proxy at all, haproxy and nginx, and prints tables.

  idle       memory and descriptors per connection that only stays open
  connect    connects per second, and processor time per connect, by credential
  refuse     processor time per client that is refused
  roundtrip  processor time and delay of small messages there and back
  stream     throughput of messages in one direction, and processor time per GB

Without a sub-command: all of them, each with less of everything.
"mqttward-bench SUB-COMMAND -h" tells the flags. For example:

  go run ./cmd/mqttward-bench
  go run ./cmd/mqttward-bench roundtrip -clients 1,50,500 -duration 5s -markdown
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == helperBroker {
		return helperExit(serveBroker(stdin, stdout), stderr)
	}
	if len(args) == 1 && args[0] == helperClients {
		return helperExit(serveClients(stdin, stdout), stderr)
	}
	s, err := parseSettings(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "mqttward-bench:", err)
		return exitUsage
	case runtime.GOOS != "linux":
		fmt.Fprintf(stderr, "mqttward-bench: measuring needs Linux and its /proc, and this is %s\n", runtime.GOOS)
		return exitFailed
	}
	if err := measure(ctx, s, stdout, stderr); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted: everything that was started has been ended")
		}
		fmt.Fprintln(stderr, "mqttward-bench:", err)
		return exitFailed
	}
	return exitOK
}

func helperExit(err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}
