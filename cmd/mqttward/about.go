package main

import (
	"fmt"
	"io"
	"runtime"

	"mqttward/cmd/internal/daemon"
)

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
