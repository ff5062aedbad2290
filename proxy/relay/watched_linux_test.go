package relay

import (
	"bytes"
	"io"
	"syscall"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/socket"
)

// nobody is an owner who does not listen.
type nobody struct{ ends chan Cause }

func (nobody) Connack(packets.ReasonCode, error) {}
func (n nobody) Ended(e End)                     { n.ends <- e.Cause }

// The loop may be at work on one side before the other is watched.
func TestSideThatIsNotWatchedYetIsWaitedFor(t *testing.T) {
	proxytest.CheckLeaks(t)
	l, err := newLoop(newEpoll)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	var near, far [2]int
	for k := range near {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		near[k], far[k] = fds[0], fds[1]
		defer syscall.Close(far[k])
	}
	owner := nobody{make(chan Cause, 1)}
	c := &circuit{loop: l, owner: owner, scanner: &packets.ConnackScanner{}, halfClose: 1000}
	for k := range c.sides {
		c.sides[k].fd = int32(near[k])
	}
	l.mu.Lock()
	l.circuits = append(l.circuits, c)
	tokens := [2]socket.Token{token(c.slot, client), token(c.slot, upstream)}
	poller := l.driver.(*epoll).poller
	l.mu.Unlock()
	// The broker takes nothing more when the first side is watched.
	full := 0
	for {
		n, errno := socket.Send(near[upstream], make([]byte, 4<<10))
		if full += n; errno != 0 {
			break
		}
	}
	message := bytes.Repeat([]byte("message"), 100)
	if _, errno := socket.Send(far[client], message); errno != 0 {
		t.Fatal(errno)
	}
	if err := poller.Watch(near[client], tokens[client], socket.ForInput); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "the loop has the message", func() bool { return c.Stats().BytesUp == uint64(len(message)) })
	if err := poller.Watch(near[upstream], tokens[upstream], socket.ForInput); err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(far[upstream], false); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, full+len(message))
	if _, err := io.ReadFull(descriptorReader(far[upstream]), got); err != nil || !bytes.Equal(got[full:], message) {
		t.Errorf("the broker got something else: %v", err)
	}
	c.Kill(Forced)
	if cause := <-owner.ends; cause != Forced {
		t.Errorf("cause: got %q, want %q", cause, Forced)
	}
}

// descriptorReader reads from a descriptor that blocks.
type descriptorReader int

func (fd descriptorReader) Read(p []byte) (int, error) {
	n, err := syscall.Read(int(fd), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
