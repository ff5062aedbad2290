package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// A process may hold so many descriptors and no more, and two addresses so many connections:
// there is one for each port that Linux chooses by itself, about 28,000.
const (
	maxClients  = 15_000 // of one process of clients, which comes from an address of its own
	maxUpstream = 16_000 // of one broker, whose clients all come from one address
)

// fleet is several mqttwards at one address, with what they need. It must be closed.
type fleet struct {
	route   route // to all of them
	wards   []*process
	brokers []*helper
	clients []*helper
	prober  *helper
}

// newFleet starts everything.
func (b *bench) newFleet(ctx context.Context, s settings, name string) (f *fleet, err error) {
	f = &fleet{}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	var upstreams []string
	for range brokersFor(s.sessions, s.processes) {
		h, doors, err := b.startBroker()
		if err != nil {
			return f, err
		}
		f.brokers, upstreams = append(f.brokers, h), append(upstreams, doors[doorAnonymous])
	}
	for range (s.sessions + maxClients - 1) / maxClients {
		h, err := b.startClients()
		if err != nil {
			return f, err
		}
		f.clients = append(f.clients, h)
	}
	if f.prober, err = b.startClients(); err != nil {
		return f, err
	}
	return f, f.startWards(ctx, b, s, name, upstreams)
}

// brokersFor returns how many brokers so many sessions want. Each mqttward has one, and some have
// the same.
func brokersFor(sessions, processes int) int {
	n := 1
	for each := (sessions + processes - 1) / processes; n < processes && (processes+n-1)/n*each > maxUpstream; {
		n++
	}
	return n
}

// startWards starts the mqttwards. They share the address of plain clients and that of TLS, and
// each has one of its own, which tells when it listens.
func (f *fleet) startWards(ctx context.Context, b *bench, s settings, name string, upstreams []string) error {
	free, err := freeAddresses(2 + s.processes)
	if err != nil {
		return err
	}
	f.route = route{name: name, addresses: map[door]string{doorHS256: free[0], doorTLSECDSA: free[1]}}
	for i := range s.processes {
		w := ward{engine: b.engine(name), upstream: upstreams[i%len(upstreams)], auth: b.wardTokens(), limits: fleetLimits}
		w.addresses = map[door]string{doorHS256: free[0], doorTLSECDSA: free[1], doorES256: free[2+i]}
		if s.processes > 1 {
			w.shared = []door{doorHS256, doorTLSECDSA}
		}
		p, err := b.start(ctx, name, b.wardPlan(w), []string{free[2+i]})
		if err != nil {
			return err
		}
		f.wards = append(f.wards, p)
	}
	return nil
}

// fleetLimits leave more descriptors to sessions than the defaults do.
const fleetLimits = "max_handshakes = 512\n"

func (f *fleet) close() {
	for _, p := range f.wards {
		p.kill()
	}
	for _, h := range append(append(f.clients, f.brokers...), f.prober) {
		if h != nil {
			h.close()
		}
	}
}

// explain adds to what the clients saw what the first mqttward said last.
func (f *fleet) explain(err error) error {
	words := f.wards[0].lastWords()
	return fmt.Errorf("%w; the first log ends with: %s", err, words[strings.LastIndexByte(words, '\n')+1:])
}

// each has every process of clients carry out orders, one after the other, all processes at
// once. It returns the outcomes of the last orders.
func (f *fleet) each(ctx context.Context, orders func(i int) []order) ([]outcome, error) {
	results, errs := make([]outcome, len(f.clients)), make([]error, len(f.clients))
	var wait sync.WaitGroup
	for i, h := range f.clients {
		wait.Go(func() {
			for _, o := range orders(i) {
				if results[i], errs[i] = h.do(ctx, o); errs[i] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	return results, errors.Join(errs...)
}

// hold connects all sessions.
func (f *fleet) hold(ctx context.Context, b *bench, s settings) error {
	passwords, err := b.password()
	if err != nil {
		return err
	}
	_, err = f.each(ctx, func(i int) []order {
		n := part(s.sessions, len(f.clients), i)
		secure := n * s.share / 100
		plain, tls := b.order(doHold, &f.route, doorHS256), b.order(doHold, &f.route, doorTLSECDSA)
		plain.Count, tls.Count = n-secure, secure
		orders := []order{plain, tls}
		for j := range orders {
			// 127.0.0.1 is the prober's, and the mqttwards' own.
			orders[j].Source = fmt.Sprintf("127.0.%d.%d", (i+2)/250, (i+2)%250)
			orders[j].More, orders[j].Passwords = true, passwords
		}
		return orders
	})
	if err != nil {
		return f.explain(err)
	}
	return nil
}

// part is the share of the i-th of so many.
func part(n, of, i int) int { return n*(i+1)/of - n*i/of }

// keep has every session ping, and counts those that are lost. P99 is the worst of a process.
func (f *fleet) keep(ctx context.Context, s settings) (sum outcome, err error) {
	all, err := f.each(ctx, func(int) []order {
		return []order{{Do: doKeep, Every: s.keepAlive, Duration: s.hold}}
	})
	for _, out := range all {
		sum.Lost += out.Lost
		sum.Done += out.Done
		sum.P99 = max(sum.P99, out.P99)
	}
	return sum, err
}

// reading lets everything settle, and reads the memory of all mqttwards and of the kernel.
func (f *fleet) reading(ctx context.Context, s settings) (i idleState, err error) {
	if err := wait(ctx, s.settle); err != nil {
		return i, err
	}
	for _, p := range f.wards {
		bytes, err := memory(p.group())
		if err != nil {
			return i, err
		}
		i.memory += float64(bytes)
	}
	kernel, err := kernelMemory()
	i.kernel = float64(kernel)
	return i, err
}
