package config

import "testing"

func TestReusePortWhereTheSystemHasNone(t *testing.T) {
	for _, c := range []struct {
		wanted, can bool
		want        string
	}{
		{true, false, ": listener[0].reuse_port: this system can't share a port between processes: remove it"},
		{true, true, ""}, {false, false, ""}, {false, true, ""},
	} {
		d := &document{faults: map[string]bool{}}
		d.checkReusePort("listener[0].reuse_port", c.wanted, c.can)
		got := ""
		if len(d.problems) == 1 {
			got = d.problems[0].String()
		}
		if got != c.want || len(d.problems) > 1 {
			t.Errorf("wanted %t, possible %t: got %v, want %q", c.wanted, c.can, d.problems, c.want)
		}
	}
}
