package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// observing is a policy that enforces nothing at the listener of a rig.
var observing = map[string]proxy.Enforcement{"main": {}}

// Whatever the chain refuses for, the client gets in, and the broker gets its CONNECT byte for byte,
// also where credentials are replaced or stripped.
func TestObserveLetsEveryReasonOfTheChainThrough(t *testing.T) {
	for _, mode := range []proxy.CredentialMode{proxy.Forward, proxy.Strip, proxy.Replace} {
		for _, reason := range auth.ChainReasons() {
			t.Run(fmt.Sprintf("%d/%v", mode, reason), func(t *testing.T) {
				w := newWitness()
				r := newRig(t, func(o *options) {
					o.Observer, o.Enforcement = w, observing
					o.Chain = chainOf(t, always(auth.Denied(reason, "the detail")))
					o.Credentials = proxy.CredentialPolicy{Mode: mode, UserName: template(t, "ours"), Password: []byte("ours, too")}
				})
				for _, v := range versions {
					sent := frame(full(v, "u1", "p1"))
					r.expectRelayed(v, sent, sent)
					r.expectLog(`msg="connected, would be refused"`, "mqtt="+v.String(), "stage=test ", "verdict=deny", "reason="+reason.String()+" ", `detail="the detail"`)
				}
				r.expectUpstream(len(versions))
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.spared) != 3 || len(w.refusals) != 0 || w.joined != 3 || w.spared[0].Reason != reason ||
					w.spared[0].Stage != "test" || w.spared[0].Detail != "the detail" {
					t.Errorf("got spared %+v, refused %+v, connected %d", w.spared, w.refusals, w.joined)
				}
			})
		}
	}
}

// TLS, and listeners of package net, observe as well.
func TestObserveOnEveryPath(t *testing.T) {
	ca := proxytest.NewCA(t, "authority")
	secure := proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
	for _, ofNet := range []bool{false, true} {
		for _, conf := range []*tls.Config{nil, secure} {
			t.Run(fmt.Sprintf("net %v tls %v", ofNet, conf != nil), func(t *testing.T) {
				r := newRig(t, func(o *options) {
					o.Enforcement, o.ofNet, o.tls = observing, ofNet, conf
					o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
				})
				for _, v := range versions {
					var conn net.Conn = r.dial()
					if conf != nil {
						conn = tls.Client(conn, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
					}
					sent := frame(full(v, "u1", "p1"))
					if _, err := conn.Write(sent); err != nil {
						t.Fatal(err)
					}
					read(t, conn, accepting(v))
					echoes(t, conn)
					connects := r.broker.Connects()
					if got := connects[len(connects)-1]; !bytes.Equal(got, sent) {
						t.Errorf("%v: the broker got\n% x, want\n% x", v, got, sent)
					}
					conn.Close()
				}
			})
		}
	}
}

// What is no judgement of the chain is refused as ever.
func TestObserveEnforcesAllElse(t *testing.T) {
	scram := client(packets.V5, "u", "p")
	scram.Properties = []byte{0x15, 0, 5, 'S', 'C', 'R', 'A', 'M'}
	for reason, sent := range map[auth.Reason][]byte{
		auth.NotMQTT:         []byte("GET / HTTP/1.1\r\n\r\n"),
		auth.Malformed:       bytes.Replace(frame(client(packets.V5, "u", "p")), []byte("device-1"), []byte("device-\xff"), 1),
		auth.ProtocolVersion: {0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 9, 2, 0, 60, 0, 1, 'a'},
		auth.AuthMethod:      frame(scram),
		auth.TooLarge:        {0x10, 0xff, 0xff, 0xff, 0x7f},
	} {
		t.Run(reason.String(), func(t *testing.T) {
			r := newRig(t, func(o *options) {
				o.Enforcement = observing
				o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
			})
			r.answer(sent)
			r.expectLog("msg=refused", "reason="+reason.String()+" ")
			r.expectUpstream(0)
		})
	}
	t.Run("max_connections", func(t *testing.T) {
		r := newRig(t, func(o *options) {
			o.Enforcement, o.Limits.MaxConnections = observing, 1
			o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
		})
		first := r.connected(client(packets.V311, "u", "p"))
		defer first.Close()
		if got := r.answer(frame(client(packets.V311, "u", "p"))); !bytes.Equal(got, wanted(auth.Busy, packets.V311)) {
			t.Errorf("got % x, want busy", got)
		}
	})
	t.Run("no broker", func(t *testing.T) {
		w := newWitness()
		r := newRig(t, func(o *options) {
			o.Enforcement, o.Upstream, o.Observer = observing, nowhere{}, w
			o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
		})
		if got := r.answer(frame(client(packets.V311, "u", "p"))); !bytes.Equal(got, wanted(auth.UpstreamUnavailable, packets.V311)) {
			t.Errorf("got % x, want upstream_unavailable", got)
		}
		r.expectLog("msg=refused", "reason=upstream_unavailable")
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.spared) != 1 || len(w.refusals) != 1 || w.refusals[0].Stage != "" {
			t.Errorf("got spared %+v and refused %+v, want one of each, the latter of no stage", w.spared, w.refusals)
		}
	})
}

// No session of an observing listener ends with its client's proof, nor of one of whom nothing is
// proven; one that enforces for the client ends it.
func TestObserveLeavesSessionsAlone(t *testing.T) {
	for percent, ends := range map[int]bool{0: false, 99: true} {
		for _, deny := range []bool{false, true} {
			if deny && ends {
				continue // it is refused
			}
			synctest.Test(t, func(t *testing.T) {
				p, stop := newPipes(t, func(o *proxy.Options) {
					v := auth.Accepted(auth.Identity{Expires: time.Now().Add(time.Minute)})
					if deny {
						v.Decision, v.Reason = auth.Deny, auth.ClaimMismatch // what it proves must not count
					}
					o.Chain = chainOf(t, always(v))
					o.Enforcement = map[string]proxy.Enforcement{"main": {Percent: percent}}
				})
				defer stop()
				c := p.connect(packets.V5)
				time.Sleep(time.Hour)
				if ends {
					readAll(t, c)
					return
				}
				p.expectOpen(c)
			})
		}
	}
}

// The share is the same in every process and version of the program, even over ids, and grows.
func TestEnforcementShare(t *testing.T) {
	for id, bucket := range map[string]int{"": 88, "device-1": 1, "meter-7": 82, "0": 37} {
		for percent := range 101 {
			want := percent > bucket
			if got := (proxy.Enforcement{Percent: percent}).HoldsFor([]byte(id)); got != want {
				t.Errorf("%q at %d per cent: got %v, want %v", id, percent, got, want)
				break
			}
		}
	}
	const ids = 100_000
	for _, percent := range []int{1, 10, 50, 99} {
		n := 0
		for i := range ids {
			if (proxy.Enforcement{Percent: percent}).HoldsFor(fmt.Appendf(nil, "device-%06d", i)) {
				n++
			}
		}
		if want := percent * ids / 100; n < want-ids/200 || n > want+ids/200 {
			t.Errorf("%d per cent: got %d of %d ids", percent, n, ids)
		}
	}
}

// fleet connects 2,000 clients, and returns the ids of those that were refused. Half of them may
// not come in.
func fleet(t *testing.T, percent int) (refused, spared []string) {
	w := newWitness()
	r := newRig(t, func(o *options) {
		o.Observer = w
		o.Enforcement = map[string]proxy.Enforcement{"main": {Percent: percent}}
		o.Chain = chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
			if c.ClientID[len(c.ClientID)-1]%2 == 0 {
				return auth.Denied(auth.ClaimMismatch, "")
			}
			return auth.Accepted(auth.Identity{})
		}))
	})
	r.level.Set(100) // 2,000 lines are of no use
	connected := 0
	for i := range 2000 {
		c := client(packets.V311, "u", "p")
		c.ClientID = fmt.Appendf(nil, "device-%04d", i)
		conn := r.send(frame(c))
		answer := make([]byte, 4)
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if n, err := conn.Read(answer); err != nil || n != 4 {
			t.Fatalf("%s: got % x, %v", c.ClientID, answer[:n], err)
		}
		switch {
		case bytes.Equal(answer, accepting(packets.V311)):
			connected++
			defer conn.Close()
		case bytes.Equal(answer, wanted(auth.ClaimMismatch, packets.V311)):
			refused = append(refused, string(c.ClientID))
			conn.Close()
		default:
			t.Fatalf("%s: got % x", c.ClientID, answer)
		}
	}
	if connected+len(refused) != 2000 {
		t.Errorf("got %d connected and %d refused of 2,000", connected, len(refused))
	}
	r.expectUpstream(connected)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.spared {
		spared = append(spared, s.ClientID)
	}
	if len(w.refusals) != len(refused) || w.joined != connected {
		t.Errorf("told of %d refusals and %d connected, want %d and %d", len(w.refusals), w.joined, len(refused), connected)
	}
	return refused, spared
}

// Two thousand clients of which a policy would refuse half: observed, none is; at ten per cent a
// tenth of these are, the same ones after a restart.
func TestObserveAFleet(t *testing.T) {
	refused, spared := fleet(t, 0)
	if len(refused) != 0 || len(spared) != 1000 {
		t.Errorf("observed: got %d refused and %d spared, want 0 and 1,000", len(refused), len(spared))
	}
	refused, spared = fleet(t, 10)
	if n := len(refused); n < 70 || n > 130 || n+len(spared) != 1000 {
		t.Errorf("at 10 per cent: got %d refused and %d spared, want a tenth of 1,000", n, len(spared))
	}
	t.Logf("at 10 per cent %d of 1,000 are refused", len(refused))
	again, _ := fleet(t, 10)
	if !slices.Equal(refused, again) {
		t.Error("other ids are refused after a restart")
	}
	more, _ := fleet(t, 30)
	for _, id := range refused {
		if !slices.Contains(more, id) {
			t.Errorf("%s is refused at 10 per cent, and not at 30", id)
		}
	}
}
