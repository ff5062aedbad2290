package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
		what := missing(name)
		if what != "" {
			fmt.Fprintf(stderr, "%s: %s: it is left out\n", name, what)
		}
		return what != ""
	})
	if s.svg != "" && !slices.Contains(s.routes, routeHAProxy) {
		return errors.New("-svg: the chart is of ratios to haproxy, which is not measured")
	}
	b, err := newBench(ctx, connections, s.loops)
	if err != nil {
		return err
	}
	defer b.close()
	if _, err := fmt.Fprintf(stdout, "%s, %s/%s, %d cores, rounds: %d; medians (least-greatest), x: ratio to haproxy, or else to direct\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), s.rounds); err != nil {
		return err
	}
	var results []*sheet
	for _, name := range s.sheets {
		fmt.Fprintf(stderr, "measuring %s\n", name)
		result, err := b.sheet(ctx, name, s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := result.write(stdout, s.markdown); err != nil {
			return err
		}
		results = append(results, result)
	}
	if s.svg == "" {
		return nil
	}
	picture, err := drawChart(results)
	if err != nil {
		return fmt.Errorf("-svg: %w", err)
	}
	return os.WriteFile(s.svg, picture, 0o644)
}

// mostConnections returns how many the settings want open at once in one process.
func (s *settings) mostConnections() int {
	most := workers
	for _, name := range s.sheets {
		switch name {
		case sheetIdle:
			most = max(most, s.high)
		case sheetRoundTrip:
			most = max(most, slices.Max(s.clients))
		case sheetStorm:
			most = max(most, max(s.devices, s.sample)+s.live)
		case sheetScale:
			most = max(most, (s.sessions+s.processes-1)/s.processes)
		}
	}
	return most
}

func (b *bench) sheet(ctx context.Context, name string, s settings) (*sheet, error) {
	switch name { // those that start proxies anew each time
	case sheetIdle:
		return b.idle(ctx, s)
	case sheetStorm:
		return b.storm(ctx, s)
	case sheetScale:
		return b.scale(ctx, s)
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

// do has an order carried out whose outcome does not matter.
func (b *bench) do(ctx context.Context, r *route, o order) error {
	_, err := b.ask(ctx, b.clients, r, o)
	return err
}

// ask has an order carried out by clients that may not be the usual ones.
func (b *bench) ask(ctx context.Context, clients *helper, r *route, o order) (outcome, error) {
	result, err := clients.do(ctx, o)
	if err != nil {
		return outcome{}, b.explain(r, err)
	}
	return result, nil
}

// explain adds the route, and what its proxy said last, to what the clients saw.
func (b *bench) explain(r *route, err error) error {
	if r.proxy == nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	words := r.proxy.lastWords()
	return fmt.Errorf("%s: %w; its log ends with: %s", r.name, err, words[strings.LastIndexByte(words, '\n')+1:])
}
