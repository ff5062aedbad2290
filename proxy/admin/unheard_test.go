package admin

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttward/proxy"
)

// unheardOf is a connection of an address that ended before its CONNECT was whole.
func unheardOf(conn int, address string) proxy.Unheard {
	return proxy.Unheard{
		Time: time.Unix(1_700_000_000+int64(conn), 0), Conn: uint64(conn), Listener: "mqtts",
		Remote: netip.AddrPortFrom(netip.MustParseAddr(address), uint16(conn)), Reason: "no_connect", Detail: "closed",
	}
}

func TestTheUnheardThatAreAlikeAreOne(t *testing.T) {
	u := newUnheard()
	tls := func(conn int, r proxy.HandshakeResult, detail string) proxy.Unheard {
		one := unheardOf(conn, "192.0.2.1")
		one.Reason, one.Handshake, one.Detail = "tls_handshake", r, detail
		return one
	}
	certified := tls(9, proxy.HandshakeVersion, "d")
	certified.CertSubject = "CN=Meter-9"
	other := unheardOf(8, "192.0.2.1")
	other.Listener = "mqtt"
	for _, one := range []proxy.Unheard{
		unheardOf(1, "192.0.2.1"), unheardOf(2, "192.0.2.2"), unheardOf(3, "192.0.2.1"),
		tls(4, proxy.HandshakeVersion, "a"), tls(5, proxy.HandshakeNotTLS, "b"), tls(6, proxy.HandshakeVersion, "c"),
		unheardOf(7, "192.0.2.1"), other, certified,
	} {
		u.add(one)
	}
	last, total := u.lately("")
	got := ""
	for _, a := range last {
		got += fmt.Sprintf("%s %s %s%s x%d %d %s%s\n", a.Listener, shownAddress(a.Remote), a.Reason, a.handshake(), a.count, a.Conn, a.Detail, a.CertSubject)
	}
	const want = `mqtts 192.0.2.1 tls_handshakeversion x1 9 dCN=Meter-9
mqtt 192.0.2.1 no_connect x1 8 closed
mqtts 192.0.2.1 no_connect x3 7 closed
mqtts 192.0.2.1 tls_handshakeversion x2 6 c
mqtts 192.0.2.1 tls_handshakenot_tls x1 5 b
mqtts 192.0.2.2 no_connect x1 2 closed
`
	if got != want || total != 9 {
		t.Errorf("of %d got\n%s, want of 9\n%s", total, got, want)
	}
	for word, want := range map[string]int{"192.0.2.2": 1, "TLS_": 3, "meter-9": 1, "not_tls": 1, "mqtts": 5, "closed": 3, "nobody": 0} {
		if last, _ := u.lately(word); len(last) != want {
			t.Errorf("%q: found %d, want %d", word, len(last), want)
		}
	}
}

// A balancer that keeps coming pushes nobody out; of strangers, those that have not come for longest go.
func TestTheUnheardAreBounded(t *testing.T) {
	u := newUnheard()
	device := unheardOf(1, "198.51.100.1")
	device.Reason, device.Handshake = "tls_handshake", proxy.HandshakeCertificate
	u.add(device)
	for i := range 10 * lastUnheard {
		u.add(unheardOf(i, "192.0.2.1"))
	}
	if last, _ := u.lately("client_certificate"); len(last) != 1 {
		t.Fatalf("the device's handshake is not kept: %+v", last)
	}
	const strangers = 3 * lastUnheard
	for i := range strangers {
		u.add(unheardOf(i, fmt.Sprintf("2001:db8::%x", i)))
		u.add(unheardOf(i, "192.0.2.1"))
	}
	last, total := u.lately("")
	if len(last) != lastUnheard || cap(u.kept) != lastUnheard || total != 1+10*lastUnheard+2*strangers {
		t.Fatalf("got %d of %d, and room for %d", len(last), total, cap(u.kept))
	}
	if a := last[0]; shownAddress(a.Remote) != "192.0.2.1" || a.count != 10*lastUnheard+strangers {
		t.Errorf("the balancer: got %+v", a)
	}
	for i, a := range last[1:] {
		if want := fmt.Sprintf("2001:db8::%x", strangers-1-i); shownAddress(a.Remote) != want {
			t.Fatalf("at %d: got %s, want %s", i+1, shownAddress(a.Remote), want)
		}
	}
}

func TestTheUnheardFromManySides(t *testing.T) {
	u := newUnheard()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 500 {
				u.add(unheardOf(n, fmt.Sprintf("2001:db8:%d::%x", i, n)))
				u.lately("db8")
			}
		})
	}
	group.Wait()
	if _, total := u.lately(""); total != 4000 {
		t.Errorf("got %d, want 4000", total)
	}
}

// They are in the status and on the page, and what a stranger brought into a text is text there.
func TestStatusOfTheUnheard(t *testing.T) {
	s := busy(t)
	if page := pageOf(t, s, ""); strings.Contains(page, "The last that ended before") {
		t.Errorf("the page tells of some where there are none:\n%s", page)
	}
	one := unheardOf(5, "192.0.2.9")
	one.Reason, one.Handshake, one.CertSubject, one.Detail = "tls_handshake", proxy.HandshakeCertificate, "CN=<i>meter", "signed by <b>nobody</b>"
	s.recorder.Unheard(one)
	s.recorder.Unheard(one)
	s.recorder.Unheard(unheardOf(6, "192.0.2.8"))
	st := statusOf(t, s, "/status?q=192.0.2.9").Unheard
	want := alikeStatus{
		Time: time.Unix(1_700_000_005, 0).UTC(), Count: 2, Conn: 5, Listener: "mqtts", Remote: "192.0.2.9",
		Reason: "tls_handshake", Handshake: "client_certificate", CertSubject: one.CertSubject, Detail: one.Detail,
	}
	if st.Total != 3 || len(st.Last) != 1 || st.Last[0] != want {
		t.Errorf("got %+v, want %+v of 3", st, want)
	}
	page := pageOf(t, s, "")
	for _, part := range []string{"<b>3</b> ended before a CONNECT", "tls_handshake: client_certificate</td>", "192.0.2.9", "CN=&lt;i&gt;meter", "&lt;b&gt;nobody", "no_connect</td>", "192.0.2.8"} {
		if !strings.Contains(page, part) {
			t.Errorf("%q is not on the page:\n%s", part, page)
		}
	}
	if page := pageOf(t, s, "?q=192.0.2.9"); strings.Contains(page, "192.0.2.8") {
		t.Error("one that was not asked for is on the page")
	}
}
