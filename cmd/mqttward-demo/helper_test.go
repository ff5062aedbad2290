package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// logBuffer is a log that is read while it grows.
type logBuffer struct{ proxytest.Log }

// mark returns a function that tells what was logged since.
func (b *logBuffer) mark() func() string {
	before := len(b.String())
	return func() string { return b.String()[before:] }
}

// startDemo runs a demo on free ports until the test ends, and then wants it to end well and
// to leave nothing behind.
func startDemo(t *testing.T, o options) (*demo, *logBuffer) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	proxytest.CheckLeaks(t)
	log := &logBuffer{}
	o.Log = log
	d, err := start(o)
	if err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	ended := make(chan error, 1)
	go func() { ended <- d.run(signals) }()
	t.Cleanup(func() {
		signals <- os.Interrupt
		if err := <-ended; err != nil {
			t.Errorf("run: got %v, want nil", err)
		}
		d.close()
		if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
			t.Errorf("the demo's folder is still there: %v", err)
		}
		if t.Failed() {
			t.Logf("the log:\n%s", log)
		}
	})
	return d, log
}

// longLife is a token's in tests that do not wait for its end.
const longLife = time.Hour

// needMosquitto skips the test where mosquitto's clients are not installed, unless they must
// be.
func needMosquitto(t *testing.T) {
	t.Helper()
	for _, program := range []act{publish, subscribe} {
		if _, err := exec.LookPath(string(program)); err != nil {
			if os.Getenv("MQTTWARD_E2E") == "mosquitto" {
				t.Fatalf("MQTTWARD_E2E=mosquitto, and: %v", err)
			}
			t.Skip(err)
		}
	}
}
