package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"
)

// measure runs the sub-commands, and prints the sheet of each as soon as it is done.
func measure(ctx context.Context, s settings, stdout, stderr io.Writer) error {
	connections := s.mostConnections()
	// Two for a connection, and some for everything else.
	if err := checkDescriptors(2*connections + 2*spareConnections); err != nil {
		return err
	}
	s.routes = slices.DeleteFunc(s.routes, func(name string) bool {
		if installed(name) {
			return false
		}
		fmt.Fprintf(stderr, "%s is not installed: it is left out\n", name)
		return true
	})
	b, err := newBench(ctx, connections)
	if err != nil {
		return err
	}
	defer b.close()
	if _, err := fmt.Fprintf(stdout, "%s, %s/%s, %d cores, rounds: %d; medians (least-greatest), x: ratio to haproxy, or else to direct\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), s.rounds); err != nil {
		return err
	}
	for _, name := range s.sheets {
		fmt.Fprintf(stderr, "measuring %s\n", name)
		result, err := b.sheet(ctx, name, s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := result.write(stdout, s.markdown); err != nil {
			return err
		}
	}
	return nil
}

// mostConnections returns how many the settings want open at once.
func (s *settings) mostConnections() int {
	most := workers
	if slices.Contains(s.sheets, sheetIdle) {
		most = max(most, s.high)
	}
	if slices.Contains(s.sheets, sheetRoundTrip) {
		most = max(most, slices.Max(s.clients))
	}
	return most
}

func (b *bench) sheet(ctx context.Context, name string, s settings) (*sheet, error) {
	if name == sheetIdle {
		return b.idle(ctx, s) // which starts a proxy anew each time
	}
	var routes []*route
	defer func() {
		for _, r := range routes {
			r.close()
		}
	}()
	for _, routeName := range s.routes {
		if routeName == routeSplice && name != sheetStream {
			continue
		}
		r, err := b.open(ctx, routeName)
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	switch name {
	case sheetConnect:
		return b.connect(ctx, s, routes)
	case sheetRefuse:
		return b.refuse(ctx, s, routes)
	case sheetRoundTrip:
		return b.roundTrip(ctx, s, routes)
	}
	return b.stream(ctx, s, routes)
}

// calm is how long a proxy gets to finish what clients that have gone have left to it.
const calm = 200 * time.Millisecond

// wait waits, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spent has an order carried out, and returns the processor time that it took a route's
// proxy. Without a proxy, ok is false.
func (b *bench) spent(ctx context.Context, r *route, o order) (result outcome, seconds float64, ok bool, err error) {
	var before, after float64
	if r.proxy != nil {
		if before, err = processorTime(r.proxy.group()); err != nil {
			return outcome{}, 0, false, err
		}
	}
	if result, err = b.clients.do(ctx, o); err != nil {
		return outcome{}, 0, false, b.explain(r, err)
	}
	if err = wait(ctx, calm); err != nil || r.proxy == nil {
		return result, 0, false, err
	}
	after, err = processorTime(r.proxy.group())
	return result, after - before, true, err
}

// do has an order carried out that is not measured.
func (b *bench) do(ctx context.Context, r *route, o order) error {
	if _, err := b.clients.do(ctx, o); err != nil {
		return b.explain(r, err)
	}
	return nil
}

// explain adds the route, and what its proxy said last, to what the clients saw.
func (b *bench) explain(r *route, err error) error {
	if r.proxy == nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	words := r.proxy.lastWords()
	return fmt.Errorf("%s: %w; its log ends with: %s", r.name, err, words[strings.LastIndexByte(words, '\n')+1:])
}
