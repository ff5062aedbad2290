package proxy_test

import (
	"bytes"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/packets"
	"mqttward/proxy"
)

// creds is a user name and a password, as sent by a client or to the broker.
type creds struct{ user, password string }

// rewriteRow is a row of section 11's modes: the broker gets want where the client sent sent,
// unless reason is why it is refused.
type rewriteRow struct {
	name string
	mode proxy.CredentialMode
	from jwt.Source
	// template and password are those of the mode replace.
	template string
	password []byte
	sent     creds
	want     creds
	want5    *creds // in 5.0, where that differs
	reason   auth.Reason
}

// rewriteChain is a chain with a user "alice" and tokens of hs, whose "sub" and "tenant" are kept.
func rewriteChain(t *testing.T, hs *authtest.Signer, from jwt.Source) *auth.Chain {
	field := builtin.TokenInPassword
	if from == jwt.FromUserName {
		field = builtin.TokenInUserName
	}
	chain, err := auth.NewChain(auth.Options{
		Stages: []auth.Authenticator{
			people(t, builtin.Options{Token: field}, "alice:"+hashSHA512),
			tokens(t, jwt.Options{Secret: hs.Secret(), From: from, KeepClaims: []string{"sub", "tenant"}}),
		},
		AllowAnonymous: true, Log: discarding(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// runRewrites runs each row in all versions.
func runRewrites(t *testing.T, hs *authtest.Signer, rows []rewriteRow) {
	t.Helper()
	for _, w := range rows {
		t.Run(w.name, func(t *testing.T) {
			r := newRig(t, func(o *options) {
				o.Chain = rewriteChain(t, hs, w.from)
				o.Credentials = proxy.CredentialPolicy{Mode: w.mode, TokenInUserName: w.from == jwt.FromUserName, Password: w.password}
				if w.mode == proxy.Replace {
					o.Credentials.UserName = template(t, w.template)
				}
			})
			accepted := 0
			for _, v := range versions {
				sent := frame(full(v, w.sent.user, w.sent.password))
				if w.reason != auth.None {
					if got := r.answer(sent); !bytes.Equal(got, wanted(w.reason, v)) {
						t.Errorf("%v: got % x, want % x (%v)", v, got, wanted(w.reason, v), w.reason)
					}
					r.expectLog("msg=refused", "mqtt="+v.String(), "verdict=accept", "reason="+w.reason.String()+" ", "upstream.credentials.username")
					continue
				}
				want := w.want
				if v == packets.V5 && w.want5 != nil {
					want = *w.want5
				}
				r.expectRelayed(v, sent, rewritten(t, sent, v, w.sent.user, w.sent.password, want.user, want.password))
				accepted++
			}
			r.expectDialled(accepted)
		})
	}
}
