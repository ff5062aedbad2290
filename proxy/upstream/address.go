package upstream

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// Address is one address of the broker, and what is known of it. It outlives the pools: a reload
// forgets neither who is down nor how many connections there are. It is safe for concurrent use.
type Address struct {
	// Name is as configured.
	Name string

	active atomic.Int64
	origin atomic.Uint64 // counts the source addresses that were taken
	warned atomic.Bool   // that the source ports near their end
	picked atomic.Uint64 // the pool's turn when it was last
	health health
}

// Release says that a connection that Dial returned is over. Each has to be released once.
func (a *Address) Release() { a.active.Add(-1) }

// target is one address, split once.
type target struct {
	*Address
	seed             uint64 // of its name
	network, address string
	numeric          netip.AddrPort // the same, where it needs no look-up
	tls              *tls.Config
	from             []netip.Addr // source addresses; none: the system chooses
	room             int64        // how many connections they allow; 0: not known
}

func newTarget(name string, conf *tls.Config) (target, error) {
	t := target{Address: &Address{Name: name}, seed: hash(name), network: "tcp", address: name}
	host := ""
	if path, ok := strings.CutPrefix(name, "unix:"); ok {
		t.network, t.address = "unix", path
		if path == "" {
			return t, fmt.Errorf("upstream address %q: no path", name)
		}
	} else {
		var err error
		if host, _, err = net.SplitHostPort(name); err != nil {
			return t, fmt.Errorf("upstream address %q: %w", name, err)
		}
		t.numeric, _ = netip.ParseAddrPort(name)
	}
	if conf == nil {
		return t, nil
	}
	t.tls = conf.Clone()
	if t.tls.ServerName == "" {
		if host == "" {
			return t, fmt.Errorf("upstream address %q: TLS wants a server name", name)
		}
		t.tls.ServerName = host
	}
	return t, nil
}

// failed notes that a try did not reach a, and its first failure in the log.
func (p *Pool) failed(a *Address, err error) {
	if a.health.failed(time.Now()) {
		p.log.Warn("the upstream address fails", "upstream", a.Name, "error", err)
	}
}

// reached notes that a try reached a, and in the log where that had failed before.
func (p *Pool) reached(a *Address) {
	if a.health.reached(p) {
		p.log.Info("the upstream address answers again", "upstream", a.Name)
	}
}
