package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"
)

// What a client has sent for TLS is computed with for a while, and until more is waited for: on a busy
// machine that is longer than a client may be silent.
func TestClientWhoseHandshakeIsComputedHasBegun(t *testing.T) {
	enough := errors.New("enough was seen")
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := &Server{handshakes: tableOf(1), observer: unobserved{}}
	c := &connection{srv: s, listener: &Listener{Name: "main", Secure: true}, socket: ours, conn: ours, hs: s.handshakes.begin(ours)}
	got := numClasses
	c.policy = &Policy{TLS: map[string]TLS{"main": {Config: &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			got = c.hs.class
			return nil, enough
		},
	}}}}
	// A small device's first message is read at once.
	small := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	go func() { _ = tls.Client(theirs, small).Handshake() }()
	if err := c.secure(); !errors.Is(err, enough) {
		t.Fatalf("the handshake ends with %v", err)
	}
	if got != begun {
		t.Errorf("its class is %d, want %d", got, begun)
	}
}

// A client whose CONNECT comes in one piece is not told of, and one whose comes in several once.
func TestClientHasBegunWhenMoreIsWaitedFor(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	told := 0
	g := &greeting{Conn: ours, head: []byte{0x10}, began: func() { told++ }}
	go func() {
		defer theirs.Close()
		for range 2 {
			_, _ = theirs.Write([]byte{0})
		}
	}()
	for read, want := range [...]int{0, 1, 1} {
		if _, err := g.Read(make([]byte, 8)); err != nil || told != want {
			t.Errorf("after read %d: told %d times, %v; want %d", read+1, told, err, want)
		}
	}
}
