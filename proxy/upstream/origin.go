package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// maxOrigins is the most source addresses: each gives thousands of connections to an address.
const maxOrigins = 64

// setOrigins gives t those of the source addresses from which it can be reached. The host of an
// address that is a name may be of either family.
func (t *target) setOrigins(all []netip.Addr, ports int) error {
	if t.network == "unix" {
		return nil
	}
	for _, a := range all {
		if !t.numeric.IsValid() || a.Is4() == t.numeric.Addr().Unmap().Is4() {
			t.from = append(t.from, a)
		}
	}
	if len(all) > 0 && len(t.from) == 0 {
		return fmt.Errorf("upstream address %q: no source address is of its family", t.Name)
	}
	t.room = int64(ports) * int64(t.origins())
	return nil
}

// origins is how many source addresses there are to try; the system's own choice is one.
func (t *target) origins() int { return max(1, len(t.from)) }

// origin is the next source address, in turn; the zero value leaves it to the system.
func (t *target) origin() netip.Addr {
	if len(t.from) == 0 {
		return netip.Addr{}
	}
	return t.from[t.Address.origin.Add(1)%uint64(len(t.from))]
}

// noPort reports whether the source address has no port left, or is not this machine's.
func noPort(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }

// ours reports whether an error says nothing about the address: we lack ports, files or memory.
func ours(err error) bool {
	return noPort(err) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// The parts of t's room at which its end is warned of, and from which it is warned of anew.
const roomWarnAt, roomForget = 0.8, 0.7

// watchRoom warns once as the source ports near their end.
func (p *Pool) watchRoom(t *target) {
	if t.room == 0 {
		return
	}
	used := float64(t.active.Load()) / float64(t.room)
	switch {
	case used >= roomWarnAt && !t.warned.Load() && t.warned.CompareAndSwap(false, true):
		p.log.Warn("the source ports near their end: add source_addresses", "upstream", t.Name,
			"connections", t.active.Load(), "ports", t.room)
	case used < roomForget && t.warned.Load():
		t.warned.Store(false)
	}
}
