package auth

import "testing"

func TestMarksAreEqualForTheSameAlone(t *testing.T) {
	m := NewMarker()
	name, stored := []byte("ab"), []byte("c")
	first := m.User(0, name, stored)
	if first == 0 || first != m.User(0, []byte("ab"), []byte("c")) || first.Origin() != OfUser {
		t.Errorf("got %x, %d the same again", first, first.Origin())
	}
	for what, other := range map[string]Mark{
		"another name": m.User(0, []byte("ac"), stored), "another hash": m.User(0, name, []byte("d")),
		"split elsewhere": m.User(0, []byte("a"), []byte("bc")), "found otherwise": m.User(1, name, stored),
		"a key": m.Key(0, []byte("abc")).From(OfUser), "another marker": NewMarker().User(0, name, stored),
	} {
		if other == first {
			t.Errorf("%s: the same mark", what)
		}
	}
	long := make([]byte, 65535)
	if m.User(0, long, nil) == m.User(0, long[:65534], long[:1]) {
		t.Error("a long name and a shorter one have the same mark")
	}
}

func TestMarkOfAKeyHasTwoOrigins(t *testing.T) {
	m := NewMarker()
	k := m.Key(1, []byte("material"))
	if f := k.From(OfFetchedKey); k.Origin() != OfKey || f.Origin() != OfFetchedKey || f == k || f.From(OfKey) != k {
		t.Errorf("got %x and %x", k, f)
	}
}

func TestWithoutAMarkerThereAreNoMarks(t *testing.T) {
	var m *Marker
	if u, k := m.User(0, []byte("a"), []byte("b")), m.Key(0, []byte("c")).From(OfFetchedKey); u != 0 || k != 0 || u.Origin() != OfNothing {
		t.Errorf("got %x and %x, want 0", u, k)
	}
}

func TestMarkOfAUserAllocatesNothing(t *testing.T) {
	m, name, stored := NewMarker(), []byte("device-0123456789"), make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() { m.User(0, name, stored) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func BenchmarkMarkOfAUser(b *testing.B) {
	m, name, stored := NewMarker(), []byte("device-0123456789"), make([]byte, 100)
	for b.Loop() {
		m.User(0, name, stored)
	}
}
