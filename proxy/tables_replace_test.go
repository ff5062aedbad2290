package proxy_test

import (
	"bytes"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
	"mqttward/proxy"
)

// Section 11, mode replace: the proxy's own credentials in place of the client's.
func TestReplaceTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := hs.Sign(map[string]any{"sub": "meter-7", "tenant": "north"})
	replace := func(name, template string, password []byte, sent, want creds) rewriteRow {
		return rewriteRow{name: name, mode: proxy.Replace, template: template, password: password, sent: sent, want: want}
	}
	inName := func(w rewriteRow) rewriteRow { w.from = jwt.FromUserName; return w }
	pw := []byte("broker's")
	runRewrites(t, hs, []rewriteRow{
		replace("fixed", "mqttward", pw, creds{"u1", token}, creds{"mqttward", "broker's"}),
		replace("fixed, without a password", "mqttward", nil, creds{"u1", token}, creds{"mqttward", absent}),
		replace("fixed, with an empty password", "mqttward", []byte{}, creds{"u1", token}, creds{"mqttward", ""}),
		replace("fixed, where the client sent nothing", "mqttward", pw, creds{absent, absent}, creds{"mqttward", "broker's"}),
		replace("%u", "%u", pw, creds{"u1", token}, creds{"u1", "broker's"}),
		replace("%u of a built-in user", "dev-%u", pw, creds{"alice", rightPassword}, creds{"dev-alice", "broker's"}),
		replace("%c", "%c", pw, creds{"u1", token}, creds{"device-1", "broker's"}),
		replace("%c of an anonymous client", "%c", pw, creds{absent, absent}, creds{"device-1", "broker's"}),
		replace("a claim", "%{claim:sub}", pw, creds{"u1", token}, creds{"meter-7", "broker's"}),
		replace("all of them", "%{claim:tenant}/%{claim:sub}/%u/%c/100%%", pw, creds{"u1", token}, creds{"north/meter-7/u1/device-1/100%", "broker's"}),
		replace("longer than what was there", "%c"+strings.Repeat("x", 60_000), pw, creds{"u1", token}, creds{"device-1" + strings.Repeat("x", 60_000), "broker's"}),
		replace("as long as a field can be", strings.Repeat("x", 65_535), pw, creds{"u1", token}, creds{strings.Repeat("x", 65_535), "broker's"}),
		inName(replace("a claim of a token for a user name", "%{claim:sub}", pw, creds{token, "any"}, creds{"meter-7", "broker's"})),
		inName(replace("%c beside a token for a user name", "%c", nil, creds{token, absent}, creds{"device-1", absent})),
	})
}

// Section 11: a template that yields nothing, a NUL or too much refuses the client, and the
// broker never hears of it.
func TestReplaceRefusesTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	refuse := func(name, template string, sent creds, reason auth.Reason) rewriteRow {
		return rewriteRow{name: name, mode: proxy.Replace, template: template, password: []byte("broker's"), sent: sent, reason: reason}
	}
	sub := func(v any) creds { return creds{"u1", hs.Sign(map[string]any{"sub": v})} }
	runRewrites(t, hs, []rewriteRow{
		refuse("%u, user name absent", "%u", creds{absent, absent}, auth.ClaimMissing),
		refuse("%u, user name empty", "dev-%u", creds{"", absent}, auth.ClaimMissing),
		refuse("a claim that is missing", "%{claim:tenant}", sub("meter-7"), auth.ClaimMissing),
		refuse("a claim that is missing, in a longer name", "dev-%{claim:tenant}", sub("meter-7"), auth.ClaimMissing),
		refuse("a claim that is empty", "%{claim:sub}", sub(""), auth.ClaimMissing),
		refuse("a claim that is a number", "%{claim:sub}", sub(7), auth.ClaimMissing),
		refuse("a claim of another case", "%{claim:Sub}", sub("meter-7"), auth.ClaimMissing),
		refuse("a claim of a built-in user", "%{claim:sub}", creds{"alice", rightPassword}, auth.ClaimMissing),
		refuse("a claim of an anonymous client", "%{claim:sub}", creds{absent, absent}, auth.ClaimMissing),
		refuse("a claim with a NUL", "%{claim:sub}", sub("meter\x007"), auth.ClaimMalformed),
		refuse("a claim with a NUL in a longer name", "dev-%{claim:sub}", sub("\x00"), auth.ClaimMalformed),
		refuse("65,536 bytes", strings.Repeat("x", 65_528)+"%c", sub("meter-7"), auth.ClaimMalformed),
		refuse("a claim twice, too much", "%{claim:sub}%{claim:sub}", sub(strings.Repeat("x", 40_000)), auth.ClaimMalformed),
	})
}

// An empty client id, which a full CONNECT does not have.
func TestReplaceRefusesAnEmptyClientID(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Credentials = proxy.CredentialPolicy{Mode: proxy.Replace, UserName: template(t, "dev-%c")}
	})
	for _, v := range versions {
		c := client(v, "u1", "")
		c.ClientID = nil
		if got := r.answer(frame(c)); !bytes.Equal(got, wanted(auth.ClaimMissing, v)) {
			t.Errorf("%v: got % x, want % x", v, got, wanted(auth.ClaimMissing, v))
		}
		r.expectLog("msg=refused", "mqtt="+v.String(), "stage=test", "verdict=accept", "reason=claim_missing")
	}
	r.expectDialled(0)
}

func TestCredentialsOfTheBrokerAreNotLogged(t *testing.T) {
	const secret = "the-broker's-own"
	r := newRig(t, func(o *options) {
		o.Credentials = proxy.CredentialPolicy{Mode: proxy.Replace, UserName: template(t, "dev-%c"), Password: []byte(secret)}
	})
	for _, v := range versions {
		conn := r.connected(client(v, "u1", "hunter22"))
		conn.Close()
		r.expectLog("msg=\"session ended\"", "mqtt="+v.String())
	}
	for _, s := range []string{secret, "hunter22"} {
		if strings.Contains(r.log.String(), s) {
			t.Errorf("%q is in the log:\n%s", s, r.log)
		}
	}
	r.expectDialled(3)
}
