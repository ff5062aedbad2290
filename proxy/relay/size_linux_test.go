package relay

import (
	"testing"
	"unsafe"
)

// There may be a million circuits: what each takes is looked at here before it grows.
func TestCircuitsAreSmall(t *testing.T) {
	if size := unsafe.Sizeof(circuit{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 160 {
		t.Errorf("a circuit has %d bytes, want at most 160: the next size of the allocator's is 176", size)
	}
}
