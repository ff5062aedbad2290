package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// sampleCost is bcrypt's cost where only some devices come: its usual one today.
const sampleCost = 10

// stormKind is a kind of storm.
type stormKind struct {
	devices int
	token   bool // each device has its own token
	fresh   bool // nobody has seen the devices before
	// cost is that of bcrypt, and 0 where it is not used. All users share a password and its
	// hash, which is no matter to one who does not know that: their names differ.
	cost           int
	password, file string
	hash           time.Duration // what one hash takes
}

// What user names begin with.
const (
	deviceUsers = "device-"
	liveUsers   = "live-"
)

// stormKinds returns the storms of a round. It writes the files of users, and measures how long
// a hash takes.
func (b *bench) stormKinds(s settings) ([]stormKind, error) {
	users := func(devices, cost int) (list []stormKind, err error) {
		k := stormKind{devices: devices, cost: cost, password: rand.Text(), file: b.file(fmt.Sprintf("users-%d-%d", cost, devices))}
		if k.hash, err = k.writeUsers(s.live); err != nil {
			return nil, err
		}
		list = append(list, k)
		k.fresh = true
		return append(list, k), nil
	}
	hashed, err := users(s.devices, s.cost)
	if err != nil {
		return nil, err
	}
	kinds := append([]stormKind{{devices: s.devices}, {devices: s.devices, token: true}}, hashed...)
	if s.sample == 0 {
		return kinds, nil
	}
	if hashed, err = users(s.sample, sampleCost); err != nil {
		return nil, err
	}
	if s.sample != s.devices {
		kinds = append(kinds, stormKind{devices: s.sample})
	}
	return append(kinds, hashed...), nil
}

func (k stormKind) title() string {
	text := "auth off"
	switch {
	case k.token:
		text = "JWT, seen before"
	case k.cost > 0 && k.fresh:
		text = fmt.Sprintf("bcrypt %d, new", k.cost)
	case k.cost > 0:
		text = fmt.Sprintf("bcrypt %d, seen before", k.cost)
	}
	return fmt.Sprintf("%d, %s", k.devices, text)
}

func (k stormKind) anonymous() bool { return !k.token && k.cost == 0 }

// fits reports whether a route can judge such devices. Without a proxy there is nothing to
// measure.
func (k stormKind) fits(route string) bool {
	switch {
	case isMqttward(route):
		return true
	case route == routeHAProxy:
		return k.cost == 0
	}
	return route == routeNginx && k.anonymous()
}

// hashing is what the hashes of all devices take on all cores.
func (k stormKind) hashing() time.Duration {
	return k.hash * time.Duration(k.devices) / time.Duration(runtime.NumCPU())
}

// hashes is how many are measured.
const hashes = 5

// writeUsers writes the file of the devices and of so many live sessions, and returns the
// median of what a hash takes in one thread.
func (k stormKind) writeUsers(live int) (time.Duration, error) {
	var hash []byte
	took := make([]float64, hashes)
	for i := range took {
		start := time.Now()
		var err error
		if hash, err = bcrypt.GenerateFromPassword([]byte(k.password), k.cost); err != nil {
			return 0, err
		}
		took[i] = float64(time.Since(start))
	}
	var text strings.Builder
	for prefix, n := range map[string]int{deviceUsers: k.devices, liveUsers: live} {
		for i := range n {
			fmt.Fprintf(&text, "%s%d:%s\n", prefix, i, hash)
		}
	}
	return time.Duration(median(took)), os.WriteFile(k.file, []byte(text.String()), 0o600)
}

// openStorm opens a route that judges such devices.
func (b *bench) openStorm(ctx context.Context, k stormKind, name string) (*route, error) {
	if !isMqttward(name) {
		return b.open(ctx, name)
	}
	auth := wardAnybody
	switch {
	case k.token:
		auth = b.wardTokens()
	case k.cost > 0:
		auth = wardUsers(k.file)
	}
	return b.openAs(ctx, name, func(addresses map[door]string) plan {
		return b.wardPlan(ward{engine: b.engine(name), addresses: addresses, upstream: b.brokerDoors[doorAnonymous], auth: auth})
	})
}

// stormOrder returns an order for n of such devices, or live sessions, at a route. prefix is what
// their user names begin with, where they have their own.
func (b *bench) stormOrder(do string, k stormKind, r *route, n int, prefix string) (o order, err error) {
	d := doorAnonymous
	if k.token {
		d = doorHS256
	}
	o = b.order(do, r, d)
	o.Count, o.Same = n, true
	switch {
	case k.token:
		o.Passwords, err = b.freshTokens("HS256", n)
	case k.cost > 0:
		o.Users, o.Passwords = prefix, []string{k.password}
	}
	return o, err
}
