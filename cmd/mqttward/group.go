package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// group runs the sub-command that args begin with. help says what there is, and shows an example.
func group(name, help string, subs []command, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, help)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, help)
		return exitOK
	}
	names := make([]string, len(subs))
	for i, s := range subs {
		if s.name == args[0] {
			return s.run(args[1:], stdout, stderr)
		}
		names[i] = fmt.Sprintf("%q", s.name)
	}
	fmt.Fprintf(stderr, "mqttward %s: unknown command %q: there are %s\n", name, args[0], strings.Join(names, ", "))
	return exitUsage
}

// parseWith parses the flags of a command that takes one argument for each name, before, between
// or behind its flags. A name that ends with "..." takes all that are left, one at least. Where
// done is true, the command ends with code.
func parseWith(f *flag.FlagSet, names []string, args []string, stdout, stderr io.Writer) (values []string, code int, done bool) {
	f.SetOutput(io.Discard) // what goes wrong is told once, below
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			f.SetOutput(stdout)
			f.Usage()
			return nil, exitOK, true
		}
		if err != nil {
			fmt.Fprintf(stderr, "mqttward %s: %v\n", f.Name(), flagFault(err))
			return nil, exitUsage, true
		}
		if f.NArg() == 0 {
			break
		}
		values, args = append(values, f.Arg(0)), f.Args()[1:]
	}
	last := len(names) - 1
	more := last >= 0 && strings.HasSuffix(names[last], "...")
	switch {
	case len(values) < len(names):
		fmt.Fprintf(stderr, "mqttward %s: %s is missing; \"mqttward %s -h\" shows an example\n", f.Name(), strings.TrimSuffix(names[len(values)], "..."), f.Name())
		return nil, exitUsage, true
	case len(values) > len(names) && !more:
		// What it is is not told: it may be a password, or a token.
		fmt.Fprintf(stderr, "mqttward %s: an argument too many; \"mqttward %s -h\" shows an example\n", f.Name(), f.Name())
		return nil, exitUsage, true
	}
	return values, exitOK, false
}

// misused tells what is wrong with a command line.
func misused(name string, stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "mqttward %s: %v\n", name, err)
	return exitUsage
}

// failed tells what a command could not do.
func failed(name string, stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "mqttward %s: %v\n", name, err)
	return exitFailed
}
