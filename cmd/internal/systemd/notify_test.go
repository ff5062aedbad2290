package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestWatchdog(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"", "", 0},
		{"2000000", "", 2 * time.Second},
		{"2000000", own, 2 * time.Second},
		{"2000000", "1" + own, 0}, // is another process's
		{"0", own, 0},
		{"-5", own, 0},
		{"soon", own, 0},
		{"9223372036854775807", own, 0},
	} {
		got := watchdog(func(name string) string {
			return map[string]string{"WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}[name]
		})
		if got != c.want {
			t.Errorf("WATCHDOG_USEC=%q WATCHDOG_PID=%q: got %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
}

func TestWithoutAManagerNobodyIsTold(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n, err := New()
	if n != nil || err != nil {
		t.Fatalf("got %v, %v, want nil", n, err)
	}
	n.Ready("well")
	n.Stopping(time.Second, "ending")
	n.Close()
	if n.Interval() != 0 {
		t.Errorf("a sign of life is wanted every %v", n.Interval())
	}
}

func TestAManagerThatIsNotThere(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", t.TempDir()+"/absent")
	if n, err := New(); err == nil {
		n.Close()
		t.Error("got nil, want an error")
	}
}

// A manager that is busy for a while misses signs of life, and nothing else.
func TestABusyManagerMissesNoMessage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip(err) // a path that is too long, or no such sockets
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	_ = n.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	for err = nil; err == nil; { // until there is no room
		_, err = n.conn.Write([]byte("WATCHDOG=1"))
	}
	told := make(chan struct{})
	go func() { n.Alive("well"); n.MainPID(7); close(told) }()
	select {
	case <-told:
		t.Fatal("there was room")
	case <-time.After(aliveTimeout + 500*time.Millisecond):
	}
	buf := make([]byte, 100)
	manager.SetReadDeadline(time.Now().Add(10 * time.Second))
	for got := ""; got != "MAINPID=7\nWATCHDOG=1"; {
		k, err := manager.Read(buf)
		if err != nil {
			t.Fatal("the message was lost: ", err)
		}
		got = string(buf[:k])
	}
	<-told
}
