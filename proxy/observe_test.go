package proxy_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/upstream"
)

// witness is an observer that remembers.
type witness struct {
	mu               sync.Mutex
	accepted, joined int
	secured          int
	closed           map[string]int
	limits           map[string]int
	refusals, spared []proxy.Refusal
	unheard          []proxy.Unheard
	curious          bool
	answered         []packets.ReasonCode
	broker           []packets.ReasonCode
	invalid          int
}

func newWitness() *witness {
	return &witness{closed: map[string]int{}, limits: map[string]int{}}
}

func (w *witness) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *witness) Accepted(string)                     { w.note(func() { w.accepted++ }) }
func (w *witness) Secured(proxy.HandshakeResult, bool) { w.note(func() { w.secured++ }) }
func (w *witness) Connected(string, packets.Version)   { w.note(func() { w.joined++ }) }
func (w *witness) Refused(r proxy.Refusal)             { w.note(func() { w.refusals = append(w.refusals, r) }) }
func (w *witness) Unheard(u proxy.Unheard)             { w.note(func() { w.unheard = append(w.unheard, u) }) }
func (w *witness) WantsExplanation() bool              { return w.curious }
func (w *witness) Spared(r proxy.Refusal)              { w.note(func() { w.spared = append(w.spared, r) }) }
func (w *witness) Answered(_ packets.Version, c packets.ReasonCode) {
	w.note(func() { w.answered = append(w.answered, c) })
}
func (w *witness) BrokerAnswered(c packets.ReasonCode, valid bool) {
	w.note(func() {
		if !valid {
			w.invalid++
			return
		}
		w.broker = append(w.broker, c)
	})
}
func (w *witness) Limited(l proxy.Limit)          { w.note(func() { w.limits[l.String()]++ }) }
func (w *witness) Closed(_ string, reason string) { w.note(func() { w.closed[reason]++ }) }

// over is how many connections are over.
func (w *witness) over() int {
	n := 0
	for _, count := range w.closed {
		n += count
	}
	return n
}

// Each connection that is accepted is closed once, for one reason, and each limit that it meets is
// told.
func TestObserverSeesEachEndAndLimit(t *testing.T) {
	v5 := frame(client(packets.V5, "u", "p"))
	busy := chainOf(t, always(auth.Denied(auth.Busy, "")))
	stuck := chainOf(t, stageFunc(func(ctx context.Context, _ *auth.Credentials) auth.Verdict {
		<-ctx.Done()
		return auth.Denied(auth.Busy, "")
	}))
	for _, tc := range []struct {
		name   string
		change func(*options)
		do     func(*rig)
		closed string
		limit  string // "" for none
	}{
		{"max_connections", func(o *options) { o.Limits.MaxConnections = 1 }, func(r *rig) {
			defer r.connected(client(packets.V5, "u", "p")).Close()
			r.answer(v5)
		}, "busy", "max_connections"},
		{"max_handshakes", func(o *options) { o.Limits.MaxHandshakes = 1 }, func(r *rig) {
			c := r.dial()
			r.dial()
			readAll(r.t, c)
		}, "gave_way", "max_handshakes"},
		{"max_connect_size", func(o *options) { o.Limits.MaxConnectSize = 10 }, func(r *rig) { r.answer(v5) },
			"too_large", "max_connect_size"},
		{"connect_timeout", func(o *options) { o.Limits.ConnectTimeout = 20 * time.Millisecond }, func(r *rig) { r.answer(nil) },
			"timeout", "connect_timeout"},
		{"auth_timeout", func(o *options) { o.Chain, o.Limits.AuthTimeout = stuck, 20*time.Millisecond }, func(r *rig) { r.answer(v5) },
			"busy", "auth_timeout"},
		{"hash queue", func(o *options) { o.Chain = busy }, func(r *rig) { r.answer(v5) }, "busy", "hash_queue"},
		{"connack_timeout", func(o *options) {
			o.broker = proxytest.BrokerOptions{Connack: []byte{}}
			o.Limits.ConnackTimeout = 20 * time.Millisecond
		}, func(r *rig) { r.answer(v5) }, "connack_timeout", "connack_timeout"},
		{"upstream rate", func(o *options) {
			o.UpstreamRate = proxy.UpstreamRate{Connects: 1, Burst: 1}
			o.Limits.MaxHandshakes = 4
		}, func(r *rig) {
			r.connected(client(packets.V5, "u", "p"))
			first, second := r.send(v5), r.send(v5)
			defer first.Close()
			readAll(r.t, second)
		}, "upstream_rate", "upstream_connect_rate"},
		{"bad password", func(o *options) { o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, ""))) },
			func(r *rig) { r.answer(v5) }, "bad_password", ""},
		{"no CONNECT", nil, func(r *rig) { r.dial().Close() }, "no_connect", ""},
		{"client", nil, func(r *rig) { r.connected(client(packets.V5, "u", "p")).Close() }, "client_closed", ""},
		{"no upstream", func(o *options) { o.Upstream = nowhere{} }, func(r *rig) { r.answer(v5) }, "upstream_unavailable", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWitness()
			r := newRig(t, func(o *options) {
				if tc.change != nil {
					tc.change(o)
				}
				o.Observer = w
			})
			tc.do(r)
			proxytest.Eventually(t, "the connection's end", func() bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return w.closed[tc.closed] > 0
			})
			r.server.Close()
			w.mu.Lock()
			defer w.mu.Unlock()
			if got := w.over(); got != w.accepted {
				t.Errorf("%d were accepted, and %v closed", w.accepted, w.closed)
			}
			want := map[string]int{}
			if tc.limit != "" {
				want[tc.limit] = w.limits[tc.limit]
			}
			if tc.limit != "" && w.limits[tc.limit] == 0 || !maps.Equal(w.limits, want) {
				t.Errorf("limits: got %v, want %q", w.limits, tc.limit)
			}
			for reason := range w.closed {
				if !strings.Contains(" "+strings.Join(proxy.CloseReasons(), " ")+" ", " "+reason+" ") {
					t.Errorf("%q is not in CloseReasons", reason)
				}
			}
		})
	}
}

// nowhere is an upstream that can't be reached.
type nowhere struct{}

func (nowhere) Dial(context.Context, upstream.Client) (upstream.Connection, error) {
	return upstream.Connection{}, io.ErrClosedPipe
}

// What is told of a refusal is what the log tells, and no more of what the client wrote.
func TestObserverOfARefusal(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	w := newWitness()
	r := newRig(t, func(o *options) {
		o.Observer = w
		o.Chain = chainOf(t, always(auth.Denied(auth.ClaimMissing, `claim "aud"`)))
	})
	c := client(packets.V5, jwt, "hunter2hunter2")
	c.ClientID = []byte("meter\n7\u202e" + strings.Repeat("x", 300))
	before := time.Now()
	got := r.answer(frame(c))
	// The client may have read its answer before that is told.
	proxytest.Eventually(t, "the answer", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.answered) > 0
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.refusals) != 1 || len(w.answered) != 1 || w.answered[0] != packets.NotAuthorized || len(got) != 5 {
		t.Fatalf("got % x, %+v and %v, want one refusal of 0x87", got, w.refusals, w.answered)
	}
	told := w.refusals[0]
	if told.Time.Before(before) || told.Listener != "main" || !told.Remote.Addr().IsLoopback() || told.Version != packets.V5 ||
		told.Stage != "test" || told.Reason != auth.ClaimMissing || told.Code != packets.NotAuthorized || told.Detail != `claim "aud"` {
		t.Errorf("got %+v", told)
	}
	if !told.HasUserName || told.UserName != "[jwt]" {
		t.Errorf("user name: got %q, want [jwt]", told.UserName)
	}
	if want := auth.Display(c.ClientID); told.ClientID != want || strings.ContainsAny(told.ClientID, "\n\u202e") || len(told.ClientID) > 2*auth.MaxDisplay {
		t.Errorf("client id: got %q, want %q", told.ClientID, want)
	}
}

func TestObserverOfTheBrokersAnswer(t *testing.T) {
	for _, connack := range [][]byte{{0x20, 2, 0, 5}, {0x30, 0}} {
		w := newWitness()
		r := newRig(t, func(o *options) { o.Observer, o.broker.Connack = w, connack })
		c := r.send(frame(client(packets.V311, "u", "p")))
		read(t, c, connack)
		c.Close()
		proxytest.Eventually(t, "the answer", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.broker)+w.invalid == 1
		})
		w.mu.Lock()
		if valid := connack[0] == 0x20; valid != (len(w.broker) == 1 && w.broker[0] == 5) || valid == (w.invalid == 1) {
			t.Errorf("% x: got %v and %d invalid", connack, w.broker, w.invalid)
		}
		w.mu.Unlock()
	}
}

// The bytes of all sessions never become less, and at the end are what was sent.
func TestTrafficNeverBecomesLess(t *testing.T) {
	r := newRig(t, nil)
	const clients, pings = 20, 50
	connect := frame(client(packets.V5, "u", "p"))
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if _, err := c.Write(connect); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(c, make([]byte, len(accepting(packets.V5)))); err != nil {
				t.Error(err)
			}
			for range pings {
				if _, err := c.Write([]byte{0xC0, 0}); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	wantUp, wantDown := uint64(clients*(len(connect)+2*pings)), uint64(clients*(len(accepting(packets.V5))+2*pings))
	var last proxy.Traffic
	look := func() {
		now := r.server.Traffic()
		if now.BytesUp < last.BytesUp || now.BytesDown < last.BytesDown || now.BytesUp > wantUp || now.BytesDown > wantDown {
			t.Fatalf("after %+v came %+v; there are %d and %d in all", last, now, wantUp, wantDown)
		}
		last = now
	}
	for done := false; !done; {
		look()
		select {
		case <-ended:
			done = true
		default:
		}
	}
	proxytest.Eventually(t, "the end of all sessions", func() bool { return r.server.Sessions() == 0 })
	look()
	if last.BytesUp != wantUp || last.BytesDown != wantDown || len(last.Sessions) != 0 {
		t.Errorf("got %+v, want %d up and %d down, and no sessions", last, wantUp, wantDown)
	}
}

func TestTrafficCountsSessions(t *testing.T) {
	r := newRig(t, nil)
	r.connected(client(packets.V311, "u", "p"))
	r.connected(client(packets.V5, "u", "p"))
	r.connected(client(packets.V5, "u", "p"))
	r.dial() // no session
	want := []proxy.SessionCount{
		{Listener: "main", Version: packets.V311, Upstream: r.broker.Addr(), Count: 1},
		{Listener: "main", Version: packets.V5, Upstream: r.broker.Addr(), Count: 2},
	}
	traffic := r.server.Traffic()
	if got := traffic.Sessions; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
	up, down := len(frame(client(packets.V311, "u", "p")))+2*len(frame(client(packets.V5, "u", "p"))), 4+2*5
	proxytest.Eventually(t, "the bytes of live sessions", func() bool {
		traffic := r.server.Traffic()
		return traffic.BytesUp == uint64(up) && traffic.BytesDown == uint64(down)
	})
}

// An observer that wants to know is told how the verdict came about, at any level of the log.
func TestObserverIsToldTheExplanation(t *testing.T) {
	for _, curious := range []bool{false, true} {
		w := newWitness()
		w.curious = curious
		r := newRig(t, func(o *options) {
			o.Observer = w
			o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
		})
		r.level.Set(slog.LevelInfo)
		r.answer(frame(client(packets.V311, "u", "p")))
		w.note(func() {
			if len(w.refusals) != 1 || (w.refusals[0].Explanation != nil) != curious {
				t.Errorf("curious %v: got %+v", curious, w.refusals)
			}
			if curious && w.refusals[0].Explanation.Verdict.Reason != auth.BadPassword {
				t.Errorf("got %+v", w.refusals[0].Explanation)
			}
		})
		if strings.Contains(r.log.String(), "judged") {
			t.Errorf("the explanation is in the log at info level:\n%s", r.log)
		}
	}
}
