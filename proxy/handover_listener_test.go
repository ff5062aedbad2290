//go:build unix

package proxy_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// Whoever was accepted is served here, and whoever comes later waits in the backlog of the socket
// that somebody else holds too.
func TestStopAccepting(t *testing.T) {
	for name, listen := range map[string]func() (net.Listener, error){
		"as Listen opens it": func() (net.Listener, error) { return proxy.Listen(t.Context(), "127.0.0.1:0") },
		"of package net":     func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			l, err := listen()
			if err != nil {
				t.Fatal(err)
			}
			other, err := proxy.Duplicate(l)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			served := make(chan error, 1)
			go func() { served <- r.server.Serve(proxy.Listener{Listener: l, Name: "second"}) }()
			r.addr = l.Addr().String()
			silent := r.dial()
			proxytest.Eventually(t, "it was accepted", func() bool { return r.server.Handshakes() == 1 })

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if err := r.server.StopAccepting(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with somebody on the way: got %v, want context.DeadlineExceeded", err)
			}
			late := r.send(frame(client(packets.V311, "u", "p")))
			if _, err := silent.Write(frame(client(packets.V311, "u", "p"))); err != nil {
				t.Fatal(err)
			}
			read(t, silent, accepting(packets.V311))
			if err := r.server.StopAccepting(t.Context()); err != nil {
				t.Errorf("with nobody on the way: %v", err)
			}
			if got := r.server.Accepted(); got != 1 {
				t.Errorf("accepted %d, want 1", got)
			}

			again, err := proxy.Inherit(other)
			if err != nil {
				t.Fatal(err)
			}
			r2 := newRig(t, nil)
			next := make(chan error, 1)
			go func() { next <- r2.server.Serve(proxy.Listener{Listener: again, Name: "second"}) }()
			read(t, late, accepting(packets.V311))
			r2.server.Close()
			r.server.Close()
			for _, c := range []chan error{served, next} {
				if err := <-c; !errors.Is(err, proxy.ErrServerClosed) {
					t.Errorf("Serve: got %v, want ErrServerClosed", err)
				}
			}
		})
	}
}

func TestInheritRefusesWhatDoesNotListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	connected, err := conn.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	unix, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	local, err := unix.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, f := range []*os.File{connected, local, null} {
		if l, err := proxy.Inherit(f); err == nil {
			l.Close()
			t.Errorf("%s: got nil, want an error", f.Name())
		}
	}
}
