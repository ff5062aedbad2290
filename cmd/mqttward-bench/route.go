package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	routeDirect    = "direct"   // no proxy at all
	routeMqttward  = "mqttward" // as it is shipped
	routeUring     = "mqttward-uring"
	routeEpoll     = "mqttward-epoll"
	routeGoroutine = "mqttward-goroutine"
	routeHAProxy   = "haproxy"
	routeSplice    = "haproxy-splice" // for streams alone
	routeNginx     = "nginx"
)

func routeNames() []string {
	return []string{
		routeDirect, routeMqttward, routeUring, routeEpoll, routeGoroutine,
		routeHAProxy, routeSplice, routeNginx,
	}
}

// usualRoutes are those that are measured where nobody asks for others.
func usualRoutes() []string {
	return []string{routeDirect, routeMqttward, routeHAProxy, routeSplice, routeNginx}
}

// isMqttward reports whether a route goes through mqttward, with whatever engine.
func isMqttward(name string) bool {
	return name == routeMqttward || strings.HasPrefix(name, routeMqttward+"-")
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

// missing says what a route needs that is not installed; empty where nothing is missing.
func missing(name string) string {
	program := map[string]string{routeHAProxy: "haproxy", routeSplice: "haproxy", routeNginx: "nginx"}[name]
	if program == "" {
		return ""
	}
	if _, err := exec.LookPath(program); err != nil {
		return program + " is not installed"
	}
	if program != "nginx" {
		return ""
	}
	built, err := exec.Command(program, "-V").CombinedOutput()
	if err != nil {
		return fmt.Sprintf("nginx -V: %v", err)
	}
	if _, err := os.Stat(streamModule); err != nil && !slices.Contains(strings.Fields(string(built)), "--with-stream") {
		return "nginx has no stream module (in Debian, libnginx-mod-stream)"
	}
	return ""
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
	return b.openAs(ctx, name, func(addresses map[door]string) plan {
		return b.plan(name, addresses)
	})
}

// openAs opens a route through a proxy that is started as configure says. The caller closes it.
func (b *bench) openAs(ctx context.Context, name string, configure func(addresses map[door]string) plan) (*route, error) {
	var errs error
	for range attempts {
		free, err := freeAddresses(len(allDoors()))
		if err != nil {
			return nil, err
		}
		addresses := map[door]string{}
		for i, d := range allDoors() {
			addresses[d] = free[i]
		}
		proxy, err := b.start(ctx, name, configure(addresses), free)
		if err == nil {
			return &route{name: name, addresses: addresses, proxy: proxy}, nil
		}
		if errs = err; ctx.Err() != nil {
			break
		}
	}
	return nil, errs
}

// start starts a proxy, and waits until it listens at addresses.
func (b *bench) start(ctx context.Context, name string, p plan, addresses []string) (*process, error) {
	b.started++
	file := filepath.Join(b.dir, fmt.Sprintf("%s-%d.conf", name, b.started))
	if err := os.WriteFile(file, []byte(p.config), 0o600); err != nil {
		return nil, err
	}
	proxy, err := startProcess(name, file+".log", exec.Command(p.program, append(p.args, file)...))
	if err != nil {
		return nil, err
	}
	if err := proxy.awaitListening(ctx, addresses); err != nil {
		proxy.kill()
		return nil, err
	}
	return proxy, nil
}

// plan returns how a proxy is started that listens at addresses.
func (b *bench) plan(name string, addresses map[door]string) plan {
	switch name {
	case routeHAProxy:
		return b.haproxyPlan(addresses, false)
	case routeSplice:
		return b.haproxyPlan(addresses, true)
	case routeNginx:
		return b.nginxPlan(addresses)
	}
	return b.wardPlan(ward{engine: b.engine(name), addresses: addresses, upstream: b.brokerDoors[doorAnonymous], auth: b.wardTokens()})
}
