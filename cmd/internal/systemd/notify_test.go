package systemd

import (
	"os"
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
