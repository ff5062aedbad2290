package admin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// Further connections wait until one is closed, however often that is done, where all are answered.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 2)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			c.(*placed).answered.Store(true)
			accepted <- c
		}
	}()
	for range 4 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third was accepted beside two")
	case <-time.After(100 * time.Millisecond):
	}
	first.Close()
	first.Close() // gives back one place only
	third := <-accepted
	select {
	case <-accepted:
		t.Fatal("a fourth was accepted beside two")
	case <-time.After(100 * time.Millisecond):
	}
	l.Close() // while Accept waits for a place
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: got %v, want %v", err, net.ErrClosed)
	}
	second.Close()
	third.Close()
}

// Whoever holds all connections, without a token, does not keep a probe from its answer.
func TestProbesAreAnsweredBesideIdleConnections(t *testing.T) {
	s := newServer(t, Settings{Token: []byte("secret")})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	for i := range MaxConnections + 10 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		request := "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
		if i%2 == 0 {
			request = request[:10] // and no more
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	client := &http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get("http://" + l.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	proxytest.CheckLeaks(t)
	s := newServer(t, Settings{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	idle, err := net.Dial("tcp", l.Addr().String()) // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: got %v after Close, want nil", err)
	}
	http.DefaultClient.CloseIdleConnections()
}
