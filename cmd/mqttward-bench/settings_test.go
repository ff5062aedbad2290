package main

import (
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestSettingsHaveBounds(t *testing.T) {
	for _, line := range []string{
		"storm -devices 0", "storm -cost 3", "storm -sample -1", "storm -live 0", "storm -gap 6m", "scale -tls 101",
		"scale -processes 0", "scale -sessions 0", "scale -duration 1ms", "scale -keepalive 1ms", "scale -probes 1us",
		"-loops -1", "connect -credentials RS999", "refuse -credentials RS256", "idle -echo 5,0", "stream -streams 0", "scale -connects 5", "nothing", "idle more", "-rounds 0", "-rounds 101", "-routes direct,envoy", "-routes nginx,nginx", "-low 5", "idle -low 10 -high 10",
		"idle -echo 1048577", "idle -settle 6m", "connect -connects 0", "roundtrip -clients 1,0",
		"roundtrip -clients 1,x", "roundtrip -duration 1ms", "stream -sizes 16777217", "stream -volume 0",
	} {
		if _, err := parseSettings(strings.Fields(line), &strings.Builder{}); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: got %v, want an error", line, err)
		}
	}
}

func TestSettingsAreRead(t *testing.T) {
	s, err := parseSettings(strings.Fields("roundtrip -clients 3,40 -rounds 2 -routes direct,nginx -markdown"), &strings.Builder{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.sheets, []string{sheetRoundTrip}) || !slices.Equal(s.clients, []int{3, 40}) ||
		s.rounds != 2 || !slices.Equal(s.routes, []string{"direct", "nginx"}) || !s.markdown {
		t.Errorf("got %+v", s)
	}
	if s, err = parseSettings(strings.Fields("scale -tls 0 -processes 8"), &strings.Builder{}); err != nil || s.rounds != 1 || s.share != 0 || s.processes != 8 {
		t.Errorf("scale: got %+v, %v; want one round, no TLS, 8 processes", s, err)
	}
	if s, err = parseSettings(strings.Fields("stream -streams 1,2 -loops 2 -svg x"), &strings.Builder{}); err != nil ||
		!slices.Equal(s.streams, []int{1, 2}) || s.loops != 2 || s.svg != "x" {
		t.Errorf("stream: got %+v, %v", s, err)
	}
	if s, err = parseSettings(nil, &strings.Builder{}); err != nil || !slices.Equal(s.sheets, allSheets()) || s.rounds != 5 {
		t.Errorf("without arguments: got %+v, %v; want all sheets, 5 rounds", s, err)
	}
}

func TestHelpHasExampleAndFlags(t *testing.T) {
	for _, c := range []struct{ line, flag string }{{"-h", "-rounds"}, {"idle -h", "-high"}, {"stream -h", "-volume"}, {"storm -h", "-sample"}, {"scale -h", "-keepalive"}} {
		var out strings.Builder
		if _, err := parseSettings(strings.Fields(c.line), &out); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: got %v, want flag.ErrHelp", c.line, err)
		}
		for _, want := range []string{"go run ./cmd/mqttward-bench", c.flag} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q: %q is not in\n%s", c.line, want, out.String())
			}
		}
	}
}
