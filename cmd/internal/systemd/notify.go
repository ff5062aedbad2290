// Package systemd tells the service manager how the process does, by the protocol of sd_notify(3):
// datagrams to the socket that NOTIFY_SOCKET names. Nothing is told where there is none.
package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Notifier tells the service manager. Nil tells nobody. It is safe for concurrent use.
type Notifier struct {
	mu       sync.Mutex // one message at a time
	conn     net.Conn
	watchdog time.Duration
}

// New returns what tells the manager that the environment names; nil where there is none.
// It must be closed.
func New() (*Notifier, error) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	// A path that begins with "@" is in the abstract namespace, for package net as well.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return &Notifier{conn: conn, watchdog: watchdog(os.Getenv)}, nil
}

// watchdog is how long the manager waits for a sign of life; 0: it does not. See
// sd_watchdog_enabled(3).
func watchdog(getenv func(string) string) time.Duration {
	if pid := getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 63)
	if err != nil || usec <= 0 || usec > int64(1<<62/time.Microsecond) {
		return 0
	}
	return time.Duration(usec) * time.Microsecond
}

const (
	// sendTimeout bounds how long a manager that does not read can hold us up. It may be busy for
	// some seconds, and must not miss that there is another main process.
	sendTimeout = 10 * time.Second
	// aliveTimeout is less: another sign of life follows.
	aliveTimeout = time.Second
)

// send sends one message, lines of NAME=VALUE. That the manager can't be reached is no reason to do
// anything else than before: an error is not told.
func (n *Notifier) send(lines ...string) { n.sendWithin(sendTimeout, lines...) }

func (n *Notifier) sendWithin(timeout time.Duration, lines ...string) {
	if n == nil {
		return
	}
	n.mu.Lock() // a deadline is the socket's, not a message's
	defer n.mu.Unlock()
	_ = n.conn.SetWriteDeadline(time.Now().Add(timeout))
	_, _ = n.conn.Write([]byte(strings.Join(lines, "\n")))
}

// Ready says that the process serves, by the configuration that it has by now. A status is one line
// for who looks at the service.
func (n *Notifier) Ready(status string) { n.send("READY=1", "STATUS="+status) }

// Reloading says that the configuration is read anew. Ready must follow.
func (n *Notifier) Reloading() {
	if usec, ok := monotonic(); ok {
		n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", usec))
	}
}

// Stopping says that the process ends, and how long that may take.
func (n *Notifier) Stopping(within time.Duration, status string) {
	n.send("STOPPING=1", fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", within.Microseconds()), "STATUS="+status)
}

// MainPID says that the process pid has taken over from this one, of which nothing is told any more.
// It is a sign of life too: the next is for pid to give, an [Notifier.Interval] from now at most.
func (n *Notifier) MainPID(pid int) { n.send(fmt.Sprintf("MAINPID=%d", pid), "WATCHDOG=1") }

// Interval is how often the manager wants a sign of life; 0 is never.
func (n *Notifier) Interval() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog / 2
}

// Alive is a sign of life.
func (n *Notifier) Alive(status string) { n.sendWithin(aliveTimeout, "WATCHDOG=1", "STATUS="+status) }

// Close closes the socket. What is told later is lost.
func (n *Notifier) Close() {
	if n != nil {
		_ = n.conn.Close()
	}
}
