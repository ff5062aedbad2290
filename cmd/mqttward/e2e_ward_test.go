package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/cmd/internal/daemon"
	"mqttward/config"
	"mqttward/proxy/proxytest"
)

// The end-to-end tests run mqttward in this process, from a configuration's text on, between
// clients that people use and two brokers: one that is embedded, and mosquitto where it is
// installed. With MQTTWARD_E2E=mosquitto in the environment its absence, and haproxy's, is a failure; with
// MQTTWARD_E2E_LONG set, what takes minutes runs too.

// patience is more than any step takes on a machine that works.
const patience = 20 * time.Second

// ward is a mqttward that runs until its test ends.
type ward struct {
	t       testing.TB
	daemon  *daemon.Daemon
	signals chan os.Signal
	log     *journal
	over    chan struct{} // closed when Run has returned err
	err     error
}

// startWard runs the configuration that the parts make together, at the level debug.
func startWard(t testing.TB, parts ...string) *ward {
	t.Helper()
	text := strings.Join(parts, "\n")
	if !strings.Contains(text, "[log]") {
		text += "\n[log]\nlevel = \"debug\"\nformat = \"text\"\n"
	}
	c, err := config.Parse([]byte(text), "mqttward.toml", t.TempDir(), config.LoadOptions{
		LookupEnv: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	w := &ward{t: t, signals: make(chan os.Signal, 2), log: &journal{}, over: make(chan struct{})}
	w.daemon, err = daemon.New(c, daemon.Options{Log: daemon.NewLogger(c.Log, w.log)})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	t.Cleanup(w.stop)
	if err := w.daemon.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.over)
		w.err = w.daemon.Run(w.signals)
	}()
	return w
}

// addr is where the listener called name is.
func (w *ward) addr(name string) string {
	w.t.Helper()
	a := w.daemon.Addr(name)
	if a == nil {
		w.t.Fatalf("no listener %q", name)
	}
	return a.String()
}

// wait returns what Run does.
func (w *ward) wait() error {
	w.t.Helper()
	select {
	case <-w.over:
	case <-time.After(patience):
		w.t.Fatalf("mqttward did not end within %v; its log:\n%s", patience, w.log)
	}
	return w.err
}

// stop cuts whatever the test has left.
func (w *ward) stop() {
	for range cap(w.signals) {
		select {
		case w.signals <- syscall.SIGTERM:
		default:
		}
	}
	w.daemon.Close() // for a test that failed before Run
	if w.t.Failed() {
		w.t.Logf("mqttward's log:\n%s", w.log)
	}
}

// journal is a log that can be read while it is written.
type journal struct{ proxytest.Log }

// lines counts the lines that hold each of words.
func (j *journal) lines(words ...string) int { return countLines(j.String(), words...) }

func countLines(text string, words ...string) int {
	n := 0
next:
	for line := range strings.Lines(text) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue next
			}
		}
		n++
	}
	return n
}

// endOf is the end of a log that may be long.
func endOf(log string) string { return log[max(0, len(log)-64<<10):] }

// The parts of configurations.

const (
	plainListener = "[[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:0\"\n"
	// sampleTokens lets in whoever holds the sample token.
	sampleTokens = "[auth.jwt]\nsecret = \"" + authtest.SampleSecret + "\"\n"
)

// tlsListener is a listener called "tls", with more keys of its tls table.
func tlsListener(certFile, keyFile string, more ...string) string {
	return fmt.Sprintf("[[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\n[listener.tls]\ncert_file = %q\nkey_file = %q\n%s\n",
		certFile, keyFile, strings.Join(more, "\n"))
}

func upstreamAt(addresses ...string) string {
	quoted := make([]string, len(addresses))
	for i, a := range addresses {
		quoted[i] = fmt.Sprintf("%q", a)
	}
	return "[upstream]\naddresses = [" + strings.Join(quoted, ", ") + "]\n"
}

// writeFile writes a file of the test's own and returns its name.
func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	name = t.TempDir() + string(os.PathSeparator) + name
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
