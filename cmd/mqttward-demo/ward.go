package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"mqttward/cmd/internal/daemon"
	"mqttward/config"
)

// ward is one mqttward, made from a configuration as "mqttward serve" makes it.
type ward struct {
	file   string // of its configuration, in the demo's folder
	text   string // of its configuration
	daemon *daemon.Daemon
	log    *daemon.Logger
}

// newWard writes the configuration text to dir, so that it can be looked at and checked, and
// opens the listeners.
func newWard(dir, name, text string, log io.Writer) (*ward, error) {
	w := &ward{file: filepath.Join(dir, name), text: text}
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c, err := config.Parse([]byte(text), name, dir, config.LoadOptions{LookupEnv: noEnvironment})
	if err != nil {
		return nil, err
	}
	w.log = daemon.NewLogger(c.Log, log)
	if w.daemon, err = daemon.New(c, daemon.Options{Log: w.log}); err != nil {
		return nil, err
	}
	if err := w.daemon.Listen(context.Background()); err != nil {
		w.daemon.Close()
		return nil, err
	}
	return w, nil
}

// noEnvironment keeps the variables of another mqttward from changing the demo.
func noEnvironment(string) (string, bool) { return "", false }

// run says what is doubtful in the configuration, and serves.
func (w *ward) run(signals <-chan os.Signal) error {
	for _, p := range w.daemon.Warnings() {
		w.log.Warn("configuration", "problem", p.String())
	}
	return w.daemon.Run(signals)
}

// freeAddresses returns a loopback address for each port: with that port, or, where it is
// zero or taken, with one that the system chooses. All are open at once, so that none comes
// twice.
func freeAddresses(ports ...int) ([]string, error) {
	addresses := make([]string, len(ports))
	for i, port := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil && port != 0 {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	return addresses, nil
}
