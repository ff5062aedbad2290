//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy_test

import (
	"errors"
	"syscall"
	"testing"

	"mqttward/proxy"
)

func TestAPortIsSharedOnlyByThoseThatAllWantTo(t *testing.T) {
	first, err := proxy.ListenShared(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	bind := first.Addr().String()
	second, err := proxy.ListenShared(t.Context(), bind)
	if err != nil {
		t.Fatalf("beside one that shares: %v", err)
	}
	defer second.Close()
	if third, err := proxy.Listen(t.Context(), bind); !errors.Is(err, syscall.EADDRINUSE) {
		if err == nil {
			third.Close()
		}
		t.Errorf("without sharing: got %v, want %v", err, syscall.EADDRINUSE)
	}
}
