//go:build linux

package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain is the broker or the clients, where the program under test runs itself again.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == helperBroker || os.Args[1] == helperClients) {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// tiny measures next to nothing, without what may not be installed.
func tiny() settings {
	return settings{
		rounds: 1, routes: []string{routeDirect, routeMqttward}, sheets: allSheets(),
		low: 5, high: 20, echoes: []int{1000, 16 << 10}, connects: 20, clients: []int{1, 5},
		duration: 50 * time.Millisecond, sizes: []int{1000}, streams: []int{1, 3}, volume: 4,
		settle: 50 * time.Millisecond, devices: 20, sample: 3, cost: 4, live: 2, gap: time.Millisecond,
		sessions: 20, processes: 2, share: 50, hold: 200 * time.Millisecond, keepAlive: 100 * time.Millisecond, probes: 20 * time.Millisecond,
	}
}

func newTestBench(t *testing.T) *bench {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	b, err := newBench(t.Context(), 20, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

// everyColumn has the columns that only some cases have a figure in, of which at least one must.
var everyColumn = map[string]bool{columnAdded: true, columnOfHashing: true, columnBusyP99: true, columnOfHS256: true}

func TestEverySheetIsFilled(t *testing.T) {
	b := newTestBench(t)
	cases := map[string]int{
		sheetIdle: 6, sheetConnect: len(credentials()), sheetRefuse: 1, sheetRoundTrip: 2, sheetStream: 2, sheetStorm: 7, sheetScale: 1,
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := b.sheet(t.Context(), name, tiny())
			if err != nil {
				t.Fatal(err)
			}
			if len(s.cases) != want {
				t.Errorf("got cases %q, want %d", s.cases, want)
			}
			for _, of := range s.cases {
				for _, column := range s.column {
					c := cell{of, routeMqttward, column}
					if got := s.values[c]; len(got) != 1 && !everyColumn[column] {
						t.Errorf("%v: got %v, want one figure", c, got)
					}
				}
			}
			for c, values := range maps.All(s.values) {
				if strings.HasSuffix(c.column, "/s") && values[0] <= 0 {
					t.Errorf("%v: got %v, want more than nothing", c, values)
				}
			}
			for _, column := range s.chart {
				if !slices.Contains(s.column, column) {
					t.Errorf("the chart's column %q is none of the sheet's", column)
				}
			}
		})
	}
}

// value returns the only figure of a cell.
func value(t *testing.T, s *sheet, of, column string) float64 {
	t.Helper()
	got := s.values[cell{of, routeMqttward, column}]
	if len(got) != 1 {
		t.Fatalf("%s, %s: got %v, want one figure", of, column, got)
	}
	return got[0]
}

func TestStormIsComparedWithAuthOff(t *testing.T) {
	s, err := newTestBench(t).storm(t.Context(), tiny())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"20, ", "3, "} {
		if got := value(t, s, n+"auth off", columnOfAuthOff); got != 1 {
			t.Errorf("%sauth off by itself: got %v, want 1", n, got)
		}
	}
	off, on := value(t, s, "20, auth off", columnProcessor), value(t, s, "20, JWT, seen before", columnProcessor)
	if got := value(t, s, "20, JWT, seen before", columnOfAuthOff); got != on/off {
		t.Errorf("JWT, of auth off: got %v, want %v / %v", got, on, off)
	}
	// Three hashes of cost 10 take some milliseconds on any machine, and nobody is in before.
	const slow = "3, bcrypt 10, new"
	if got := value(t, s, slow, columnAllIn); got < 0.01 {
		t.Errorf("%s: all in after %v s, want some time", slow, got)
	}
	for _, column := range []string{columnOfHashing, columnCalmP99, columnLiveP99} {
		if got := value(t, s, slow, column); got <= 0 {
			t.Errorf("%s, %s: got %v, want more than nothing", slow, column, got)
		}
	}
}

func TestScaleLosesNone(t *testing.T) {
	s, err := newTestBench(t).scale(t.Context(), tiny())
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]bool{columnLost: false, columnPing: true, columnHeld: true, columnUsual: true, columnMillion: true} {
		if got := value(t, s, "20 sessions, processes: 2", column); (got > 0) != want {
			t.Errorf("%s: got %v, want more than nothing: %t", column, got, want)
		}
	}
}

func TestScaleNoticesLostSessions(t *testing.T) {
	b := newTestBench(t)
	f, err := b.newFleet(t.Context(), tiny(), routeMqttward)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := f.hold(t.Context(), b, tiny()); err != nil {
		t.Fatal(err)
	}
	f.wards[0].kill()
	f.wards[1].kill()
	out, err := f.keep(t.Context(), tiny())
	if want := tiny().sessions; out.Lost != want || err != nil {
		t.Errorf("after the end of all proxies: got %d lost, %v; want %d", out.Lost, err, want)
	}
}

func TestRefusedClientsAreTold(t *testing.T) {
	b := newTestBench(t)
	s, err := b.sheet(t.Context(), sheetRefuse, tiny())
	if err != nil {
		t.Fatal(err)
	}
	c := cell{"bad signature", routeMqttward, columnAnswered}
	if got := s.values[c]; len(got) != 1 || got[0] != 1 {
		t.Errorf("%v: got %v, want 1", c, got)
	}
}

func TestClientsThatAreWronglyLetInAreAnError(t *testing.T) {
	b := newTestBench(t)
	r, err := b.open(t.Context(), routeDirect)
	if err != nil {
		t.Fatal(err)
	}
	o := b.order(doConnect, r, doorHS256)
	o.Count, o.Refused = 3, true
	if _, err := b.clients.do(t.Context(), o); err == nil || !strings.Contains(err.Error(), "let in") {
		t.Errorf("an accepting server that should refuse: got %v, want an error that says so", err)
	}
}

func TestInterruptEndsEverything(t *testing.T) {
	b := newTestBench(t)
	r, err := b.open(t.Context(), routeMqttward)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	groups := []int{r.proxy.group(), b.broker.group(), b.clients.group()}
	for _, g := range groups {
		if _, err := members(g); err != nil {
			t.Fatalf("before: %v", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := tiny()
	s.duration = time.Minute
	if _, err := b.roundTrip(ctx, s, []*route{r}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an interrupted measurement: got %v, want %v", err, context.DeadlineExceeded)
	}
	r.close()
	b.close()
	for _, g := range groups {
		if all, err := members(g); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("group %d: got %v, %v; want %v", g, all, err, os.ErrProcessDone)
		}
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder: got %v, want %v", err, os.ErrNotExist)
	}
}
