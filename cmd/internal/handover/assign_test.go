package handover

import (
	"os"
	"slices"
	"testing"
)

// sockets are named by name@bind.
func sockets(t *testing.T, all ...[2]string) []Socket {
	t.Helper()
	var made []Socket
	for _, s := range all {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		made = append(made, Socket{Name: s[0], Bind: s[1], File: f})
	}
	return made
}

func TestAssign(t *testing.T) {
	for name, c := range map[string]struct {
		upgrade      bool
		have, wanted [][2]string
		want         []int // of have; -1: none
	}{
		"upgrade, as before":         {true, [][2]string{{"a", ":1"}, {"b", ":2"}, {AdminName, ":3"}}, [][2]string{{"a", ":1"}, {"b", ":2"}, {AdminName, ":3"}}, []int{0, 1, 2}},
		"upgrade, another order":     {true, [][2]string{{"a", ":1"}, {"b", ":2"}}, [][2]string{{"b", ":2"}, {"a", ":1"}}, []int{1, 0}},
		"upgrade, renamed":           {true, [][2]string{{"a", ":1"}}, [][2]string{{"z", ":1"}}, []int{0}},
		"upgrade, moved":             {true, [][2]string{{"a", ":1"}}, [][2]string{{"a", ":9"}}, []int{-1}},
		"upgrade, one gone":          {true, [][2]string{{"a", ":1"}, {"b", ":2"}}, [][2]string{{"b", ":2"}}, []int{1}},
		"upgrade, one new":           {true, [][2]string{{"a", ":1"}}, [][2]string{{"a", ":1"}, {"b", ":2"}}, []int{0, -1}},
		"upgrade, port 0 by name":    {true, [][2]string{{"a", ":0"}, {"b", ":0"}}, [][2]string{{"b", ":0"}, {"z", ":0"}}, []int{1, -1}},
		"systemd, by name":           {false, [][2]string{{"b", ""}, {"a", ""}}, [][2]string{{"a", ":1"}, {"b", ":2"}}, []int{1, 0}},
		"systemd, in order":          {false, [][2]string{{"x", ""}, {"x", ""}}, [][2]string{{"a", ":1"}, {"b", ":2"}}, []int{0, 1}},
		"systemd, no admin in order": {false, [][2]string{{"x", ""}}, [][2]string{{"a", ":1"}, {AdminName, ":2"}}, []int{0, -1}},
	} {
		t.Run(name, func(t *testing.T) {
			i := &Inherited{sockets: sockets(t, c.have...)}
			if c.upgrade {
				i.ready = sockets(t, [2]string{})[0].File
			}
			var wanted []Socket
			for _, w := range c.wanted {
				wanted = append(wanted, Socket{Name: w[0], Bind: w[1]})
			}
			files, err := i.Assign(wanted)
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, f := range files {
				got = append(got, slices.IndexFunc(i.sockets, func(s Socket) bool { return s.File == f }))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// Somebody expects to be heard at each socket that systemd opens.
func TestAssignRefusesASocketForWhichThereIsNoListener(t *testing.T) {
	i := &Inherited{sockets: sockets(t, [2]string{"a"}, [2]string{"b"})}
	if _, err := i.Assign([]Socket{{Name: "a", Bind: ":1"}, {Name: AdminName, Bind: ":2"}}); err == nil {
		t.Error("got nil, want an error for the second socket")
	}
}

func TestNothingInherited(t *testing.T) {
	var i *Inherited
	files, err := i.Assign(make([]Socket, 2))
	if err != nil || len(files) != 2 || files[0] != nil || i.IsUpgrade() || i.Ready() != nil {
		t.Errorf("got %v, %v, upgrade %v", files, err, i.IsUpgrade())
	}
	i.CloseSockets()
}
