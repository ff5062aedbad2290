package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mqttward/packets"
)

// try does every line of a demo that runs, with the client of this package.
func try(args []string, stdout, stderr io.Writer) int {
	dir, err := folder(args)
	if err == nil {
		var lines []line
		if lines, err = loadLines(dir); err == nil {
			return tryLines(lines, stdout)
		}
	}
	fmt.Fprintln(stderr, "mqttward-demo try:", err)
	return exitFailed
}

// tryLines prints for each line what was expected and what came.
func tryLines(lines []line, w io.Writer) int {
	differ := 0
	for i, l := range lines {
		code, err := attempt(l, fmt.Sprintf("demo-try-%d", i+1))
		verdict, got := "same", told(code)
		if err != nil {
			got = err.Error()
		}
		if err != nil || code != l.Want.Code {
			verdict = "DIFFERENT"
			differ++
		}
		fmt.Fprintf(w, "%2d. %s (MQTT %v%s)\n      expected: %s\n      got:      %s\n      %s\n",
			i+1, l.Shows, l.Version, l.overTLS(), told(l.Want.Code), got, verdict)
	}
	if differ > 0 {
		fmt.Fprintf(w, "\n%d of %d lines differ.\n", differ, len(lines))
		return exitFailed
	}
	fmt.Fprintf(w, "\nAll %d lines did as expected.\n", len(lines))
	return exitOK
}

func (l line) overTLS() string {
	if l.CAFile != "" {
		return " over TLS"
	}
	return ""
}

// told puts a CONNACK's code into words.
func told(code packets.ReasonCode) string {
	if code == packets.Success {
		return "let in"
	}
	return fmt.Sprintf("refused, 0x%02x: %v", byte(code), code)
}

// folder returns the folder of the demo to try: the one that is named, or the newest.
func folder(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	all, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern, linesFile))
	if err != nil {
		return "", err
	}
	newest, when := "", time.Time{}
	for _, file := range all {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(when) {
			newest, when = filepath.Dir(file), info.ModTime()
		}
	}
	if newest == "" {
		return "", errors.New("no demo runs; start one in another terminal: go run ./cmd/mqttward-demo")
	}
	return newest, nil
}
