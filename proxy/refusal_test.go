package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// want is the refusal table of the design: the bytes that a client of 3.1 or 3.1.1 and one of
// 5.0 sees before the connection is closed. Nil is a plain close.
var want = map[auth.Reason]struct{ v3, v5 []byte }{
	auth.NotMQTT:             {nil, nil},
	auth.TooLarge:            {nil, nil},
	auth.Timeout:             {nil, nil},
	auth.Malformed:           {nil, []byte{0x20, 3, 0, 0x81, 0}},
	auth.ProtocolError:       {nil, []byte{0x20, 3, 0, 0x82, 0}},
	auth.ProtocolVersion:     {[]byte{0x20, 2, 0, 0x01}, []byte{0x20, 3, 0, 0x84, 0}},
	auth.AuthMethod:          {nil, []byte{0x20, 3, 0, 0x8C, 0}},
	auth.Banned:              {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x8A, 0}},
	auth.RateLimited:         {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x9F, 0}},
	auth.UpstreamRate:        {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x9F, 0}},
	auth.Busy:                {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x89, 0}},
	auth.ShuttingDown:        {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x88, 0}},
	auth.UpstreamUnavailable: {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x88, 0}},
	auth.NoCredentials:       {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.BadPassword:         {[]byte{0x20, 2, 0, 0x04}, []byte{0x20, 3, 0, 0x86, 0}},
	auth.TokenMalformed:      {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.AlgNotAllowed:       {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.BadSignature:        {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.UnknownKid:          {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.KeysUnavailable:     {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x88, 0}},
	auth.TokenExpired:        {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.TokenNotYetValid:    {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.TokenIssuedInFuture: {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.ClaimMalformed:      {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.ClaimMissing:        {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.ClaimMismatch:       {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.ClientIDMismatch:    {[]byte{0x20, 2, 0, 0x05}, []byte{0x20, 3, 0, 0x87, 0}},
	auth.InternalError:       {[]byte{0x20, 2, 0, 0x03}, []byte{0x20, 3, 0, 0x88, 0}},
}

// wanted is what a client of version v sees for r.
func wanted(r auth.Reason, v packets.Version) []byte {
	if v == packets.V5 {
		return want[r].v5
	}
	return want[r].v3
}

func TestEveryReasonIsInTheTable(t *testing.T) {
	for _, r := range auth.Reasons() {
		if _, ok := want[r]; !ok {
			t.Errorf("%v has no row", r)
		}
		for _, v := range versions {
			code, ok := proxy.RefusalOptions{}.Code(r, v)
			if answer := wanted(r, v); ok != (answer != nil) || ok && byte(code) != answer[3] {
				t.Errorf("%v for %v: got %v, %v, want % x", r, v, code, ok, answer)
			}
		}
	}
}

// Whatever a stage denies for, the client gets the table's answer and the broker nothing.
func TestEveryReasonAtTheSocket(t *testing.T) {
	for _, reason := range auth.Reasons() {
		t.Run(reason.String(), func(t *testing.T) {
			r := newRig(t, func(o *options) { o.Chain = chainOf(t, always(auth.Denied(reason, ""))) })
			for _, v := range versions {
				if got := r.answer(frame(client(v, "u", "p"))); !bytes.Equal(got, wanted(reason, v)) {
					t.Errorf("%v: got % x, want % x", v, got, wanted(reason, v))
				}
				r.expectLog("msg=refused", "reason="+reason.String(), "mqtt="+v.String(), "username=u", "client_id=device-1", "stage=test")
			}
			r.expectUpstream(0)
		})
	}
}

func TestUniformCodes(t *testing.T) {
	var now atomic.Uint32 // the reason that everybody is refused for
	r := newRig(t, func(o *options) {
		o.Refusals.Uniform = true
		o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
			return auth.Denied(auth.Reason(now.Load()), "")
		}))
	})
	for _, reason := range []auth.Reason{auth.BadPassword, auth.NoCredentials, auth.TokenExpired, auth.BadSignature, auth.InternalError} {
		now.Store(uint32(reason))
		for _, v := range versions {
			if got := r.answer(frame(client(v, "u", "p"))); !bytes.Equal(got, wanted(auth.NoCredentials, v)) {
				t.Errorf("%v for %v: got % x, want % x", reason, v, got, wanted(auth.NoCredentials, v))
			}
		}
	}
	for _, reason := range []auth.Reason{auth.KeysUnavailable, auth.Busy} {
		now.Store(uint32(reason))
		for _, v := range versions {
			if got := r.answer(frame(client(v, "u", "p"))); !bytes.Equal(got, wanted(reason, v)) {
				t.Errorf("%v for %v: got % x, want % x", reason, v, got, wanted(reason, v))
			}
		}
	}
	r.expectUpstream(0)
}

func TestReasonStrings(t *testing.T) {
	const word = "bad_password"
	spoken := append([]byte{0x20, 18, 0, 0x86, 15, 0x1F, 0, 12}, word...)
	for name, test := range map[string]struct {
		on    bool
		props []byte
		want  []byte
	}{
		"off":                      {false, nil, wanted(auth.BadPassword, packets.V5)},
		"on":                       {true, nil, spoken},
		"the client wants none":    {true, []byte{0x17, 0}, wanted(auth.BadPassword, packets.V5)},
		"the client wants them":    {true, []byte{0x17, 1}, spoken},
		"it fits the maximum":      {true, []byte{0x27, 0, 0, 0, 20}, spoken},
		"it exceeds the maximum":   {true, []byte{0x27, 0, 0, 0, 19}, wanted(auth.BadPassword, packets.V5)},
		"even the code exceeds it": {false, []byte{0x27, 0, 0, 0, 4}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *options) {
				o.Refusals.ReasonStrings = test.on
				o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
			})
			c := client(packets.V5, "u", "p")
			c.Properties = test.props
			if got := r.answer(frame(c)); !bytes.Equal(got, test.want) {
				t.Errorf("got % x, want % x", got, test.want)
			}
			r.expectUpstream(0)
		})
	}
}

// With uniform codes the text must not tell what the code hides.
func TestReasonStringsOfUniformCodes(t *testing.T) {
	answers := map[string]bool{}
	for _, reason := range []auth.Reason{auth.BadPassword, auth.NoCredentials, auth.TokenExpired} {
		r := newRig(t, func(o *options) {
			o.Refusals = proxy.RefusalOptions{Uniform: true, ReasonStrings: true}
			o.Chain = chainOf(t, always(auth.Denied(reason, "")))
		})
		answers[string(r.answer(frame(client(packets.V5, "u", "p"))))] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
}

// Packets that the proxy judges by itself, before any stage.
func TestRefusedBeforeTheChain(t *testing.T) {
	with := func(v packets.Version, change func(p []byte)) []byte {
		p := frame(client(v, "u", "p"))
		change(p)
		return p
	}
	// The level is the last byte of the protocol's name field, flags follow.
	level := map[packets.Version]int{packets.V31: 10, packets.V311: 8, packets.V5: 8}
	type test struct {
		name   string
		packet []byte
		reason auth.Reason
		v      packets.Version // whose answer is wanted
	}
	tests := []test{
		{"PUBLISH first", []byte{0x30, 4, 0, 1, 't', 'x'}, auth.NotMQTT, packets.V311},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), auth.NotMQTT, packets.V311},
		{"TLS on a plain port", []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00}, auth.NotMQTT, packets.V311},
		{"another protocol's name", with(packets.V311, func(p []byte) { p[4] = 'X' }), auth.NotMQTT, packets.V311},
		{"256 MiB declared", []byte{0x10, 0xff, 0xff, 0xff, 0x7f}, auth.TooLarge, packets.V311},
		{"a length of five bytes", []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x01}, auth.Malformed, packets.V311},
		{"level 6", with(packets.V5, func(p []byte) { p[level[packets.V5]] = 6 }), auth.ProtocolVersion, packets.V311},
		{"level 3 by the name MQTT", with(packets.V311, func(p []byte) { p[level[packets.V311]] = 3 }), auth.ProtocolVersion, packets.V311},
		{"an authentication method", authMethod(), auth.AuthMethod, packets.V5},
	}
	for _, v := range []packets.Version{packets.V311, packets.V5} { // 3.1 leaves the bit alone
		tests = append(tests, test{fmt.Sprintf("reserved flag in %v", v),
			with(v, func(p []byte) { p[level[v]+1] |= 1 }), auth.Malformed, v})
	}
	twice := client(packets.V5, "u", "p")
	twice.Properties = []byte{0x21, 0, 5, 0x21, 0, 5}
	tests = append(tests, test{"a property twice", frame(twice), auth.ProtocolError, packets.V5})

	r := newRig(t, nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, want := r.answer(test.packet), wanted(test.reason, test.v); !bytes.Equal(got, want) {
				t.Errorf("got % x, want % x", got, want)
			}
			r.expectLog("msg=refused", "reason="+test.reason.String())
			r.expectUpstream(0)
		})
	}
}

// authMethod is a 5.0 CONNECT with an Authentication Method.
func authMethod() []byte {
	c := client(packets.V5, "u", "p")
	c.Properties = append([]byte{0x15, 0, 5}, "PLAIN"...)
	return frame(c)
}

func TestRefusalSurvivesWhatTheClientSendsOn(t *testing.T) {
	r := newRig(t, func(o *options) { o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, ""))) })
	for _, v := range versions {
		// A client may send on before CONNACK: a close with that unread would reset the
		// connection and could destroy the answer on its way.
		packet := append(frame(client(v, "u", "p")), bytes.Repeat([]byte{0x30, 4, 0, 1, 't', 'x'}, 5000)...)
		c := r.send(packet)
		if got := readAll(t, c); !bytes.Equal(got, wanted(auth.BadPassword, v)) {
			t.Errorf("%v: got % x, want % x", v, got, wanted(auth.BadPassword, v))
		}
	}
	r.expectUpstream(0)
}

func TestUpstreamUnavailable(t *testing.T) {
	r := newRig(t, func(o *options) { o.Upstream = deadUpstream{} })
	for _, v := range versions {
		if got := r.answer(frame(client(v, "u", "p"))); !bytes.Equal(got, wanted(auth.UpstreamUnavailable, v)) {
			t.Errorf("%v: got % x, want % x", v, got, wanted(auth.UpstreamUnavailable, v))
		}
		r.expectLog("stage=test", "verdict=accept", "reason=upstream_unavailable", "no route")
	}
}

type deadUpstream struct{}

func (deadUpstream) Dial(context.Context, upstream.Client) (upstream.Connection, error) {
	return upstream.Connection{}, errors.New("no route")
}
