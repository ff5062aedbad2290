package proxy

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// nth is the n-th /64 of 2001:db8::/32, all of which one attacker may have.
func nth(n int) netip.Prefix {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint32(a[4:], uint32(n))
	return netip.PrefixFrom(netip.AddrFrom16(a), 64)
}

func TestAddressTableFindsWhatWasPlaced(t *testing.T) {
	table := newAddressTable[int](1000)
	addresses := []netip.Prefix{
		netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32"),
		netip.MustParsePrefix("2001:db8::/64"), netip.MustParsePrefix("2001:db8:0:1::/64"), {},
	}
	for i, a := range addresses {
		v, tag := table.find(a)
		if v != nil {
			t.Fatalf("%v is there before it was placed", a)
		}
		*table.place(tag, func(v *int) float64 { return float64(*v) }) = i + 1
	}
	for i, a := range addresses {
		if v, _ := table.find(a); v == nil || *v != i+1 {
			t.Errorf("%v: got %v, want %d", a, v, i+1)
		}
	}
	_, tag := table.find(addresses[2])
	table.delete(tag)
	if v, _ := table.find(addresses[2]); v != nil {
		t.Error("it is there after it was deleted")
	}
	seen := 0
	table.visit(0, len(table.sets), func(v *int) bool { seen += *v; return *v != 1 })
	if want := 1 + 2 + 4 + 5; seen != want {
		t.Errorf("saw values whose sum is %d, want %d", seen, want)
	}
	for i, kept := range []bool{false, true, false, true, true} {
		if v, _ := table.find(addresses[i]); (v != nil) != kept {
			t.Errorf("%v: it is there %v, want %v", addresses[i], v != nil, kept)
		}
	}
}

// Whatever comes, what is worth more than all that comes stays, and the table does not grow.
func TestAddressTableKeepsWhatIsWorthMost(t *testing.T) {
	table := newAddressTable[int](64)
	sets := len(table.sets)
	worth := func(v *int) float64 { return float64(*v) }
	kept := netip.MustParsePrefix("192.0.2.1/32")
	_, tag := table.find(kept)
	*table.place(tag, worth) = 2
	for n := range 10_000 {
		v, tag := table.find(nth(n))
		if v != nil {
			t.Fatalf("%v is known already", nth(n))
		}
		*table.place(tag, worth) = 1
		if v, _ := table.find(nth(n)); v == nil || *v != 1 {
			t.Fatalf("%v has no place", nth(n))
		}
	}
	if v, _ := table.find(kept); v == nil || *v != 2 {
		t.Error("what was worth most had to go")
	}
	n := 0
	table.visit(0, sets, func(*int) bool { n++; return true })
	if n != 64 || len(table.sets) != sets {
		t.Errorf("%d values in %d sets, want 64 in %d", n, len(table.sets), sets)
	}
}
