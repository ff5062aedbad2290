package proxy

import (
	"testing"
	"unsafe"
)

// There may be a million sessions: what each keeps is looked at here before it grows.
func TestSessionsAreSmall(t *testing.T) {
	for _, c := range []struct {
		name      string
		size, max uintptr
	}{
		{"session", unsafe.Sizeof(session{}), 144},
		{"waits", unsafe.Sizeof(waits{}), 80},
	} {
		if unsafe.Sizeof(uintptr(0)) == 8 && c.size > c.max {
			t.Errorf("a %s has %d bytes, want at most %d: the next size of the allocator's is a good deal more", c.name, c.size, c.max)
		}
	}
}
