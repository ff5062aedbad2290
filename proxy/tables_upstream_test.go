package proxy_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/packets"
	"mqttward/proxy"
)

// full is a CONNECT with all that one can have in version v: what it carries beside the
// credentials must reach the broker as it is.
func full(v packets.Version, user, password string) packets.Connect {
	c := packets.Connect{
		Version: v, Bridge: true, CleanStart: true, KeepAlive: 0xBEEF, ClientID: []byte("device-1"),
		Will: true, WillQoS: 2, WillRetain: true, WillTopic: []byte("last/words"), WillPayload: []byte{0, 0xff, 0, 4, 'u', 's', 'e', 'r'},
		HasUserName: user != absent, UserName: []byte(user), HasPassword: password != absent, Password: []byte(password),
	}
	if v == packets.V5 {
		c.Properties = bytes.Join([][]byte{
			{0x11, 0, 0, 0x0e, 0x10},          // session expiry interval
			{0x21, 0, 10, 0x27, 0, 0, 16, 0},  // receive maximum, maximum packet size
			{0x22, 0, 3, 0x19, 1, 0x17, 1},    // topic alias maximum, request response and problem information
			{0x26, 0, 1, 'a', 0, 2, 'b', 'c'}, // user properties, one of them twice
			{0x26, 0, 1, 'a', 0, 2, 'b', 'c'},
		}, nil)
		c.WillProperties = bytes.Join([][]byte{
			{0x18, 0, 0, 0, 5, 0x01, 0, 0x02, 0, 0, 0, 60},              // delay, payload format, expiry
			{0x03, 0, 4, 't', 'e', 'x', 't', 0x08, 0, 3, 'r', '/', 't'}, // content type, response topic
			{0x09, 0, 2, 0xca, 0xfe, 0x26, 0, 0, 0, 0},                  // correlation data, an empty user property
		}, nil)
	}
	return c
}

// rewritten is what must become of a CONNECT that ends in these credentials: all its bytes as
// they were, but for the Remaining Length, two flags, and other fields at the end. It is
// spelled out here, apart from the code that the proxy uses.
func rewritten(t *testing.T, sent []byte, v packets.Version, oldUser, oldPassword, user, password string) []byte {
	t.Helper()
	field := func(s string) []byte {
		if s == absent {
			return nil
		}
		return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
	}
	_, size := binary.Uvarint(sent[1:])
	tail := append(field(oldUser), field(oldPassword)...)
	body, ok := bytes.CutSuffix(bytes.Clone(sent[1+size:]), tail)
	if !ok {
		t.Fatalf("% x does not end in % x", sent, tail)
	}
	flags := 7 // after the protocol's name and level
	if v == packets.V31 {
		flags = 9
	}
	body[flags] &^= 0xC0
	if user != absent {
		body[flags] |= 0x80
	}
	if password != absent {
		body[flags] |= 0x40
	}
	body = bytes.Join([][]byte{body, field(user), field(password)}, nil)
	return append(binary.AppendUvarint([]byte{sent[0]}, uint64(len(body))), body...)
}

// expectRelayed demands that the broker was sent exactly this first packet, and that what came
// after it arrived behind it, in order: the broker sends that back.
func (r *rig) expectRelayed(v packets.Version, sent, want []byte) {
	r.t.Helper()
	behind := bytes.Repeat([]byte("\x30\x08\x00\x05topicx\x82\x06\x00\x01\x00\x01t\x00\xc0\x00"), 100)
	conn := r.send(append(bytes.Clone(sent), behind...)) // before any CONNACK
	defer conn.Close()
	read(r.t, conn, accepting(v))
	read(r.t, conn, behind)
	echoes(r.t, conn)
	connects := r.broker.Connects()
	if got := connects[len(connects)-1]; !bytes.Equal(got, want) {
		r.t.Errorf("%v: the broker got\n% x, want\n% x", v, got, want)
	}
}

// Section 11, mode forward: byte for byte.
func TestForwardIsByteForByte(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	for _, v := range versions {
		for name, sent := range map[string][]byte{
			"everything":                   frame(full(v, "u1", "p1")),
			"nothing":                      packets.AppendConnect(nil, &packets.Connect{Version: v, CleanStart: true}),
			"no clean start, no client id": packets.AppendConnect(nil, &packets.Connect{Version: v}),
			"user name alone":              frame(full(v, "u1", absent)),
			"password alone":               frame(full(v, absent, "p1")),
			"both empty":                   frame(full(v, "", "")),
			"a token for a user name":      frame(full(v, hs.Sign(nil), absent)),
			"a token for a password":       frame(full(v, "u1", hs.Sign(nil))),
			"binary password":              frame(full(v, "u1", "\x00\xff\xfe\x00")),
			"60,000 bytes":                 frame(full(v, "u1", strings.Repeat("p", 60_000))),
		} {
			t.Run(v.String()+" "+name, func(t *testing.T) {
				r := newRig(t, nil)
				r.expectRelayed(v, sent, sent)
				r.expectDialled(1)
			})
		}
	}
	t.Run("3.1 with flags that it does not use", func(t *testing.T) {
		sent := frame(client(packets.V31, "u1", "p1"))
		sent[0] |= 0x0b  // DUP, QoS and RETAIN of the fixed header
		sent[11] |= 0x01 // the lowest connect flag
		newRig(t, nil).expectRelayed(packets.V31, sent, sent)
	})
}

// Section 11, mode strip: what carried the credential is removed.
func TestStripTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := hs.Sign(nil)
	strip := func(name string, from jwt.Source, sent, want creds, want5 *creds) rewriteRow {
		return rewriteRow{name: name, mode: proxy.Strip, from: from, sent: sent, want: want, want5: want5}
	}
	runRewrites(t, hs, []rewriteRow{
		strip("a built-in user's password", jwt.FromPassword, creds{"alice", rightPassword}, creds{"alice", absent}, nil),
		strip("a token for a password", jwt.FromPassword, creds{"u1", token}, creds{"u1", absent}, nil),
		strip("a token for a password, no user name", jwt.FromPassword, creds{absent, token}, creds{absent, absent}, nil),
		strip("an anonymous client's password", jwt.FromPassword, creds{"u1", "secret"}, creds{"u1", absent}, nil),
		strip("an empty password", jwt.FromPassword, creds{"u1", ""}, creds{"u1", absent}, nil),
		strip("no password", jwt.FromPassword, creds{"u1", absent}, creds{"u1", absent}, nil),
		strip("nothing", jwt.FromPassword, creds{absent, absent}, creds{absent, absent}, nil),

		// Without a user name 3.x allows no password: it goes too.
		strip("a token for a user name", jwt.FromUserName, creds{token, "any"}, creds{absent, absent}, &creds{absent, "any"}),
		strip("a token for a user name, no password", jwt.FromUserName, creds{token, absent}, creds{absent, absent}, nil),
		strip("a built-in user's password beside such tokens", jwt.FromUserName, creds{"alice", rightPassword}, creds{"alice", absent}, nil),
		strip("an anonymous client's password beside such tokens", jwt.FromUserName, creds{"u1", "secret"}, creds{"u1", absent}, nil),
		strip("nothing beside such tokens", jwt.FromUserName, creds{absent, absent}, creds{absent, absent}, nil),
	})
}

// A user name with the shape of a token is removed even where it was not what let the client
// in; the password that did must not stay in its place.
func TestStripOfAPasswordBesideATokenThatWasNotJudged(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := hs.Sign(nil)
	for name, users := range map[string]*builtin.Stage{
		"user found by client id":     people(t, builtin.Options{IdentifyBy: builtin.ClientID}, "device-1:"+hashSHA512),
		"user by the name of a token": people(t, builtin.Options{}, token+":"+hashSHA512),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *options) {
				o.Chain = chainOf(t, users, tokens(t, jwt.Options{Secret: hs.Secret(), From: jwt.FromUserName}))
				o.Credentials = proxy.CredentialPolicy{Mode: proxy.Strip, TokenInUserName: true}
			})
			for _, v := range versions {
				sent := frame(full(v, token, rightPassword))
				r.expectRelayed(v, sent, rewritten(t, sent, v, token, rightPassword, absent, absent))
				r.expectLog("msg=connected", "mqtt="+v.String(), "stage=builtin ")
			}
			r.expectDialled(3)
		})
	}
}
