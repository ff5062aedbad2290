//go:build unix

package handover

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a program has started may keep the pipe open when the program itself is gone.
func TestWaitEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	// The shell waits for what it has started, which ends by itself soon after the test.
	if err := os.WriteFile(path, []byte("#!/bin/sh\nsleep 15 >/dev/null 2>&1\ntrue\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Start(Program{Path: path, Args: []string{path}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait(ctx) }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits on")
	}
}
