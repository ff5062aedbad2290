package upstream

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// nodes returns a pool of n addresses, which nobody dials.
func nodes(t *testing.T, b Balance, n int) *Pool {
	t.Helper()
	o := Options{Balance: b}
	for i := range n {
		o.Addresses = append(o.Addresses, fmt.Sprintf("10.0.0.%d:1883", i+1))
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// first returns the address that a client is sent to first.
func (p *Pool) first(id string) *target {
	c := p.choose([]byte(id))
	return c.next(time.Second)
}

// homes returns where devices are sent to, and how many each address has.
func homes(p *Pool, devices int) (by map[string]string, count map[string]int) {
	by, count = map[string]string{}, map[string]int{}
	for i := range devices {
		id := fmt.Sprintf("device-%d", i)
		t := p.first(id)
		by[id] = t.Name
		count[t.Name]++
	}
	return by, count
}

func TestADeviceHasItsNode(t *testing.T) {
	const devices = 6000
	p := nodes(t, ByClientID, 3)
	before, count := homes(p, devices)
	for _, n := range p.targets {
		if got := count[n.Name]; got < devices/3*9/10 || got > devices/3*11/10 {
			t.Errorf("%s: got %d of %d devices, want a third", n.Name, got, devices)
		}
	}
	// Another process, with the addresses in another order and one more, agrees but for the
	// devices that the new one takes.
	o := Options{Addresses: []string{"10.0.0.4:1883", "10.0.0.3:1883", "10.0.0.1:1883", "10.0.0.2:1883"}}
	other, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0
	for id, home := range before {
		switch now := other.first(id).Name; {
		case now == "10.0.0.4:1883":
			moved++
		case now != home:
			t.Fatalf("%s went from %s to %s", id, home, now)
		}
	}
	if moved < devices/4*9/10 || moved > devices/4*11/10 {
		t.Errorf("got %d of %d devices at the new address, want a quarter", moved, devices)
	}
}

// Without an id there is nothing to come back to, and the hash of nothing is no address for all.
func TestClientsWithoutAnIDGoRound(t *testing.T) {
	p := nodes(t, ByClientID, 3)
	count := map[string]int{}
	for range 300 {
		count[p.first("").Name]++
	}
	for name, n := range count {
		if n != 100 {
			t.Errorf("%s: got %d, want 100", name, n)
		}
	}
}

func TestRoundRobin(t *testing.T) {
	p := nodes(t, RoundRobin, 3)
	var got string
	for range 6 {
		got += p.first("the same").Name[7:8]
	}
	if got != "123123" {
		t.Errorf("got %s, want 123123", got)
	}
}

func TestLeastConnections(t *testing.T) {
	p := nodes(t, LeastConnections, 3)
	for i, n := range []int64{5, 2, 3} {
		p.targets[i].active.Store(n)
	}
	count := map[string]int{}
	for range 5 {
		n := p.first("a")
		n.active.Add(1)
		count[n.Name]++
	}
	if count["10.0.0.1:1883"] != 0 || count["10.0.0.2:1883"] != 3 || count["10.0.0.3:1883"] != 2 {
		t.Errorf("got %v, want 3 at the second and 2 at the third", count)
	}
	p.targets[0].Release()
	p.targets[0].Release()
	if got := p.first("a").Name; got != "10.0.0.1:1883" {
		t.Errorf("after two have gone: got %s", got)
	}
}

// Each address is tried once, those that rest last.
func TestEveryAddressHasItsTry(t *testing.T) {
	for _, b := range []Balance{ByClientID, RoundRobin, LeastConnections} {
		p := nodes(t, b, maxAddresses)
		for i := range p.targets {
			if i%2 == 0 {
				p.targets[i].health.failed(time.Now())
			}
		}
		seen := map[string]bool{}
		c := p.choose([]byte("device"))
		for n := c.next(time.Second); n != nil; n = c.next(time.Second) {
			if rests := n.health.state.Load() != nil; seen[n.Name] || rests != (len(seen) >= maxAddresses/2) {
				t.Fatalf("balance %d, try %d: %s, which rests: %v, tried before: %v", b, len(seen), n.Name, rests, seen[n.Name])
			}
			seen[n.Name] = true
		}
		if len(seen) != maxAddresses {
			t.Errorf("balance %d: got %d tries, want %d", b, len(seen), maxAddresses)
		}
	}
}

// While an address rests the others share its clients and keep their own; once it is back, it gets
// them back, step by step.
func TestDevicesOfADeadNode(t *testing.T) {
	for _, b := range []Balance{ByClientID, RoundRobin, LeastConnections} {
		synctest.Test(t, func(t *testing.T) {
			const devices = 3000
			p := nodes(t, b, 3)
			before, _ := homes(p, devices)
			dead := &p.targets[1]
			for down := time.Duration(0); down < time.Minute; down += time.Second { // with each rest's trial
				dead.health.failed(time.Now())
				time.Sleep(time.Second)
			}
			dead.health.failed(time.Now())
			during, count := homes(p, devices)
			if count[dead.Name] != 0 || count["10.0.0.1:1883"] < devices*2/5 {
				t.Errorf("balance %d: while it rests: got %v", b, count)
			}
			dead.health.reached(p)
			last := 0
			for range 5 {
				_, count = homes(p, devices)
				if got := count[dead.Name]; got < last-devices/20 || got > devices/3+devices/20 {
					t.Errorf("balance %d: got %d devices after %d", b, got, last)
				}
				last = count[dead.Name]
				time.Sleep(easeTime / 5)
			}
			if last < devices/6 {
				t.Errorf("balance %d: got %d of %d devices shortly before the end", b, last, devices)
			}
			after, count := homes(p, devices)
			if count[dead.Name] < devices*3/10 {
				t.Errorf("balance %d: in the end: got %v", b, count)
			}
			if b != ByClientID {
				return
			}
			for id, home := range before {
				if after[id] != home || home != dead.Name && during[id] != home {
					t.Fatalf("%s: at %s, then %s, then %s", id, home, during[id], after[id])
				}
			}
		})
	}
}

func BenchmarkChoose(b *testing.B) {
	p, err := New(Options{Addresses: []string{"10.0.0.1:1883", "10.0.0.2:1883", "10.0.0.3:1883"}})
	if err != nil {
		b.Fatal(err)
	}
	id := []byte("a-device-with-23-bytes-")
	b.ReportAllocs()
	for b.Loop() {
		c := p.choose(id)
		if c.next(time.Second) == nil {
			b.Fatal("none")
		}
	}
}

func TestChoosingAllocatesNothing(t *testing.T) {
	p := nodes(t, ByClientID, 3)
	id := []byte("device")
	if n := testing.AllocsPerRun(100, func() {
		c := p.choose(id)
		c.next(time.Second)
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
