package main

import (
	"fmt"
	"io"
	"runtime"

	"mqttward/cmd/internal/daemon"
	"mqttward/config"
)

const exampleHelp = `Usage: mqttward config example

Prints a configuration that works, with every key, its default and its meaning.

  mqttward config example > mqttward.toml
`

func printExample(args []string, stdout, stderr io.Writer) int {
	f := flags("config example", exampleHelp, stderr)
	if len(args) > 0 && args[0] == "example" {
		args = args[1:]
	} else if len(args) == 0 || args[0] != "-h" && args[0] != "-help" && args[0] != "--help" {
		fmt.Fprint(stderr, "mqttward config: the one thing to be had is \"mqttward config example\"\n")
		return exitUsage
	}
	if code, done := parse(f, args, stdout, stderr); done {
		return code
	}
	fmt.Fprint(stdout, config.Example())
	return exitOK
}

const versionHelp = `Usage: mqttward version

Prints the version of mqttward and of the Go that built it.
`

func version(args []string, stdout, stderr io.Writer) int {
	f := flags("version", versionHelp, stderr)
	if code, done := parse(f, args, stdout, stderr); done {
		return code
	}
	fmt.Fprintf(stdout, "mqttward %s %s %s/%s\n", daemon.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
