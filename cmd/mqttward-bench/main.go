// Mqttward-bench measures what mqttward costs on the machine that it runs on, side by side
// with no proxy at all and with haproxy and nginx where they are installed.
//
//	go run ./cmd/mqttward-bench
//
// It builds mqttward from this module and starts every proxy as a process of its own, and so
// the clients and the broker, which are this program again. What a figure of a proxy counts
// is what the kernel says of that proxy's processes alone: processor time from their processor
// clocks, memory (Pss) from /proc/PID/smaps_rollup, descriptors from /proc/PID/fd. What the
// kernel does in interrupts goes to whomever it interrupts, as everywhere. Kernel memory is
// known of the whole machine alone, and told as what a proxy adds to the same clients without
// one: it wants a machine that does nothing else.
//
// Each figure is the median of several rounds, and in a round all take their turn, so that a
// disturbance of some seconds hits all of them. Clients, proxy and broker share the machine's
// cores: read the ratios. The clients of round trips are one thread that serves all sockets, and
// so is the broker, since each microsecond of theirs is missed by the proxy.
//
// All of them see the same clients: MQTT 3.1.1, a user name, and a token as the password.
// mqttward judges the token and its claims and logs at info to a file; haproxy, with two
// threads, judges the packet and the token's signature (mqtt_is_valid, mqtt_field_value,
// jwt_verify); nginx, with two workers, and the broker judge nothing. The routes
// mqttward-uring, mqttward-epoll and mqttward-goroutine are mqttward with one engine of its
// relay, and are measured only where -routes names them.
//
// A storm is measured beside the same storm at a mqttward that judges nobody, and beside haproxy
// where it can judge such devices. Users have passwords by bcrypt, all of them one hash, for a
// short start: mqttward takes them for different users all the same.
//
// At scale, sessions come from several processes and addresses of 127.0.0.0/8 and go to several
// brokers: a process may hold 20,000 descriptors on many machines, and two addresses have some
// 28,000 ports between them.
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

const usage = `Usage: mqttward-bench [idle | connect | refuse | roundtrip | stream | storm | scale] [flags]

Measures mqttward beside no proxy at all, haproxy and nginx, and prints tables.

  idle       memory and descriptors per connection that only stays open
  connect    connects per second, and processor time per connect, by credential
  refuse     processor time per client that is refused
  roundtrip  processor time and delay of small messages there and back
  stream     throughput of messages in one direction, and processor time per GB
  storm      what it takes until all devices are in again that were lost at once
  scale      very many sessions for long, in one mqttward or several that share a port

Without a sub-command: all of them, each with less of everything.
"mqttward-bench SUB-COMMAND -h" tells the flags. For example:

  go run ./cmd/mqttward-bench
  go run ./cmd/mqttward-bench -svg chart.svg
  go run ./cmd/mqttward-bench roundtrip -clients 1,50,500 -duration 5s -markdown
  go run ./cmd/mqttward-bench scale -processes 8 -sessions 60000
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
