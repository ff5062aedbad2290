package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// door is a kind of port that clients come to. Some servers have one port for several.
type door string

const (
	doorAnonymous door = "anonymous"
	doorHS256     door = "HS256"
	doorRS256     door = "RS256"
	doorES256     door = "ES256"
	doorTLSRSA    door = "TLS-RSA"   // clients with HS256 tokens
	doorTLSECDSA  door = "TLS-ECDSA" // clients with HS256 tokens
)

func plainDoors() []door { return []door{doorAnonymous, doorHS256, doorRS256, doorES256} }

func tlsDoors() []door { return []door{doorTLSRSA, doorTLSECDSA} }

func allDoors() []door { return slices.Concat(plainDoors(), tlsDoors()) }

// The routes from client to broker.
const (
	routeDirect   = "direct" // no proxy at all
	routeMqttward = "mqttward"
	routeHAProxy  = "haproxy"
	routeSplice   = "haproxy-splice" // for streams alone
	routeNginx    = "nginx"
)

func routeNames() []string {
	return []string{routeDirect, routeMqttward, routeHAProxy, routeSplice, routeNginx}
}

// route is a way from client to broker that is open.
type route struct {
	name      string
	addresses map[door]string
	proxy     *process // nil: no proxy at all
}

func (r *route) close() {
	if r.proxy != nil {
		r.proxy.kill()
	}
}

// installed reports whether a route can be opened here.
func installed(name string) bool {
	program := map[string]string{routeHAProxy: "haproxy", routeSplice: "haproxy", routeNginx: "nginx"}[name]
	if program == "" {
		return true
	}
	_, err := exec.LookPath(program)
	return err == nil
}

// plan is what starts a proxy.
type plan struct {
	program string
	args    []string // the configuration's file comes last
	config  string
}

// attempts is how often a proxy is started: a port that was free may be taken by the time
// that it listens.
const attempts = 3

// open opens a route. The caller closes it.
func (b *bench) open(ctx context.Context, name string) (*route, error) {
	if name == routeDirect {
		return &route{name: name, addresses: b.brokerDoors}, nil
	}
	var errs error
	for range attempts {
		r, err := b.start(ctx, name)
		if err == nil || ctx.Err() != nil {
			return r, err
		}
		errs = err
	}
	return nil, errs
}

// start starts a proxy at addresses that are free now.
func (b *bench) start(ctx context.Context, name string) (*route, error) {
	free, err := freeAddresses(len(allDoors()))
	if err != nil {
		return nil, err
	}
	addresses := map[door]string{}
	for i, d := range allDoors() {
		addresses[d] = free[i]
	}
	p := b.plan(name, addresses)
	b.started++
	file := filepath.Join(b.dir, fmt.Sprintf("%s-%d.conf", name, b.started))
	if err := os.WriteFile(file, []byte(p.config), 0o600); err != nil {
		return nil, err
	}
	proxy, err := startProcess(name, file+".log", exec.Command(p.program, append(p.args, file)...))
	if err != nil {
		return nil, err
	}
	if err := proxy.awaitListening(ctx, free); err != nil {
		proxy.kill()
		return nil, err
	}
	return &route{name: name, addresses: addresses, proxy: proxy}, nil
}

// plan returns how a proxy is started that listens at addresses.
func (b *bench) plan(name string, addresses map[door]string) plan {
	switch name {
	case routeMqttward:
		return b.mqttwardPlan(addresses)
	case routeHAProxy:
		return b.haproxyPlan(addresses, false)
	case routeSplice:
		return b.haproxyPlan(addresses, true)
	}
	return b.nginxPlan(addresses)
}
