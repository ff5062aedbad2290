//go:build linux

package main

import (
	"context"
	"errors"
	"maps"
	"os"
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
		low: 5, high: 20, echo: 16 << 10, connects: 20, clients: []int{1, 5},
		duration: 50 * time.Millisecond, sizes: []int{1000}, volume: 4,
	}
}

func newTestBench(t *testing.T) *bench {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	b, err := newBench(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return b
}

func TestEverySheetIsFilled(t *testing.T) {
	b := newTestBench(t)
	cases := map[string]int{sheetIdle: 2, sheetConnect: len(credentials()), sheetRefuse: 1, sheetRoundTrip: 2, sheetStream: 1}
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
					if got := s.values[c]; len(got) != 1 {
						t.Errorf("%v: got %v, want one figure", c, got)
					}
				}
			}
			for c, values := range maps.All(s.values) {
				if strings.HasSuffix(c.column, "/s") && values[0] <= 0 {
					t.Errorf("%v: got %v, want more than nothing", c, values)
				}
			}
		})
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
