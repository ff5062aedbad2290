// Mqttward is an authenticating reverse proxy for MQTT.
//
//	mqttward serve -c mqttward.toml
//
// It exits with 0 when it was stopped and every session ended in time, with 1 when something
// failed or sessions had to be cut, and with 2 for a wrong command line or configuration.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// command is one sub-command: it gets the arguments after its name, and returns an exit code.
type command struct {
	name    string
	summary string
	run     func(args []string, stdout, stderr io.Writer) int
}

func commands() []command {
	return []command{
		{"serve", "run the proxy", serve},
		{"check", "check a configuration without starting anything", check},
		{"explain", "tell what would become of a client, and why", explain},
		{"users", "make, change and read files of users", users},
		{"token", "make keys and tokens for testing, and look into tokens", token},
		{"config", "print an example of a configuration, or make one of a mosquitto.conf", configure},
		{"version", "print the version", version},
	}
}

// run is main without the process.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(stdout)
		return exitOK
	case "-v", "-version", "--version":
		return version(args[1:], stdout, stderr)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "mqttward: unknown command %q\n\n", args[0])
	usage(stderr)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "mqttward stands in front of an MQTT broker and lets in only those that may.\n\nUsage:\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  mqttward %-8s  %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n\"mqttward COMMAND -h\" tells more. The shortest way to begin:\n\n"+
		"  mqttward config example > mqttward.toml\n"+
		"  mqttward check -c mqttward.toml\n"+
		"  mqttward serve -c mqttward.toml\n")
}

// flags returns the flag set of a sub-command. text says what it does, and shows an example.
func flags(name, text string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "%s\n", text)
		f.PrintDefaults()
	}
	return f
}

// parse parses the flags of a command that takes no other arguments. Where done is true, the
// command ends with code.
func parse(f *flag.FlagSet, args []string, stdout, stderr io.Writer) (code int, done bool) {
	f.SetOutput(io.Discard) // what goes wrong is told once, below
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(stdout)
		f.Usage()
		return exitOK, true
	case err != nil:
		fmt.Fprintf(stderr, "mqttward %s: %v\n", f.Name(), flagFault(err))
		return exitUsage, true
	case f.NArg() > 0:
		hint := ""
		if f.Lookup("c") != nil {
			hint = "; for a configuration write -c FILE"
		}
		fmt.Fprintf(stderr, "mqttward %s: takes flags alone, and there is an argument behind them%s\n", f.Name(), hint)
		return exitUsage, true
	}
	return exitOK, false
}

// flagFault is what is wrong with a flag, without the value that was given to one that takes none:
// it may be a password, as with --password-stdin=PASSWORD.
func flagFault(err error) error {
	text := err.Error()
	if !strings.HasPrefix(text, "invalid boolean value ") {
		return err
	}
	_, name, _ := strings.Cut(text[strings.LastIndex(text, " for -"):], "-")
	name, _, _ = strings.Cut(name, ":")
	return fmt.Errorf("-%s takes no value", name)
}
