package auth

import (
	"context"
	"strings"
	"testing"
)

func clientIDRule(t *testing.T, s string) *ClientIDRule {
	t.Helper()
	r, err := ParseClientIDRule(s)
	if err != nil {
		t.Fatalf("ParseClientIDRule(%q): %v", s, err)
	}
	if r.String() != s {
		t.Errorf("String: got %q, want %q", r.String(), s)
	}
	return r
}

func TestClientIDRule(t *testing.T) {
	const absent = "\x00absent"
	for _, tc := range []struct {
		rule, user, id string // the certificate's name is cert-9
		claims         map[string]string
		want           bool
	}{
		{"%u", "bob", "bob", nil, true},
		{"%u", "bob", "Bob", nil, false},
		{"%u", "bob", "bob-1", nil, false},
		{"%u", "bob", "bo", nil, false},
		{"%u", "bob", "", nil, false},
		{"%u", "", "", nil, false},
		{"%u", absent, "", nil, false},
		{"%u", "*", "anything", nil, false}, // a value's * is no wildcard
		{"%u", "*", "*", nil, true},
		{"${username}", "bob", "bob", nil, true},
		{"%u-*", "bob", "bob-1", nil, true},
		{"%u-*", "bob", "bob-", nil, true},
		{"%u-*", "bob", "bob", nil, false},
		{"%u-*", "bob", "bobby-1", nil, false},
		{"%u-*", "bob", "x-bob-1", nil, false},
		{"%u-*", "", "-1", nil, false},
		{"%u-*", absent, "-1", nil, false},
		{"a%%%u", "bob", "a%bob", nil, true},
		{"%n", "bob", "cert-9", nil, true},
		{"%n/*", "bob", "cert-9/1", nil, true},
		{"%n", "cert-9", "bob", nil, false},
		{"%n/%u", "bob", "cert-9/bob", nil, true},
		{"dev-*", absent, "dev-1", nil, true},
		{"dev-*", absent, "dev", nil, false},
		{"%{claim:device}", "bob", "d1", map[string]string{"device": "d1"}, true},
		{"%{claim:device}", "bob", "bob", map[string]string{"device": "d1"}, false},
		{"%{claim:device}", "bob", "", map[string]string{"device": ""}, false},
		{"%{claim:device}", "bob", "d1", map[string]string{"other": "d1"}, false},
		{"%{claim:device}", "bob", "", nil, false},
		{"%{claim:a*b}-%u/*", "bob", "x-bob/7", map[string]string{"a*b": "x"}, true},
	} {
		c := &Credentials{ClientID: []byte(tc.id), UserName: []byte(tc.user), HasUserName: tc.user != absent, CertName: "cert-9"}
		accepted := Accepted(Identity{Name: "n", Claims: tc.claims})
		v := clientIDRule(t, tc.rule).judge(c, accepted, nil)
		if got := v.Decision == Accept; got != tc.want {
			t.Errorf("%q, user %q, id %q, claims %v: got %v, want let in %v", tc.rule, tc.user, tc.id, tc.claims, v, tc.want)
		}
		if !tc.want && (v.Reason != ClientIDMismatch || v.Identity.Name != "" || !strings.Contains(v.Detail, tc.rule)) {
			t.Errorf("%q: got %+v, want client_id_mismatch that quotes the rule, without an identity", tc.rule, v)
		}
	}
}

func TestClientIDRuleErrors(t *testing.T) {
	for _, s := range []string{"", "*", "**", "%u**", "*%u", "%u*x", "a*%u-*", "%c", "%u-%c", "${clientid}", "%x", "%*", "%{claim:}", "%{claim:a*"} {
		if r, err := ParseClientIDRule(s); err == nil {
			t.Errorf("ParseClientIDRule(%q): got %v, want an error", s, r)
		}
	}
}

// The rule is judged after every stage, and only where somebody would be let in.
func TestChainJudgesTheClientID(t *testing.T) {
	good := &Credentials{ClientID: []byte("bob-1"), UserName: []byte("bob"), HasUserName: true}
	bad := &Credentials{ClientID: []byte("alice-1"), UserName: []byte("bob"), HasUserName: true}
	accept, deny := Accepted(Identity{Name: "bob"}), Denied(BadPassword, "")
	for _, tc := range []struct {
		name   string
		stages []Verdict
		creds  *Credentials
		want   Reason
		stage  string
	}{
		{"the first accepts", []Verdict{accept}, good, None, "a"},
		{"the first accepts another's id", []Verdict{accept, accept}, bad, ClientIDMismatch, "a"},
		{"the second accepts", []Verdict{Ignored(), accept}, good, None, "b"},
		{"the second accepts another's id", []Verdict{Ignored(), accept}, bad, ClientIDMismatch, "b"},
		{"a deny keeps its reason", []Verdict{deny}, bad, BadPassword, "a"},
		{"anonymous", []Verdict{Ignored()}, good, None, StageAnonymous},
		{"anonymous with another's id", []Verdict{Ignored()}, bad, ClientIDMismatch, StageAnonymous},
	} {
		o := Options{AllowAnonymous: true, ClientID: clientIDRule(t, "%u-*")}
		for i, v := range tc.stages {
			o.Stages = append(o.Stages, always(string(rune('a'+i)), v))
		}
		c := newChain(t, o)
		v := c.Authenticate(context.Background(), tc.creds)
		if v.Reason != tc.want || v.Stage != tc.stage || (v.Decision == Accept) != (tc.want == None) {
			t.Errorf("%s: got %+v, want %v of %q", tc.name, v, tc.want, tc.stage)
		}
		if counts := c.Counts()[0]; tc.want == ClientIDMismatch && tc.stage == "a" && (counts.Accept != 0 || counts.Deny != 1) {
			t.Errorf("%s: got %+v, want one deny", tc.name, counts)
		}
	}
}

func TestClientIDRuleAllocatesNothing(t *testing.T) {
	r := clientIDRule(t, "%u/%{claim:device}/*")
	c := &Credentials{ClientID: []byte("bob/7/1"), UserName: []byte("bob"), HasUserName: true}
	v := Accepted(Identity{Claims: map[string]string{"device": "7"}})
	if n := testing.AllocsPerRun(100, func() {
		if r.judge(c, v, nil).Decision != Accept {
			t.Fatal("not let in")
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// A rule that names the certificate's name is obeyed by nobody who has none.
func TestClientIDRuleWithoutACertificate(t *testing.T) {
	r := clientIDRule(t, "%n*")
	if r.NamesNobody() || !r.UsesCertName() || !r.Unseparated() {
		t.Errorf("names nobody %v, uses the certificate's name %v, unseparated %v; want false, true, true", r.NamesNobody(), r.UsesCertName(), r.Unseparated())
	}
	for _, id := range []string{"", "%n", "anything"} {
		v := r.judge(&Credentials{ClientID: []byte(id), UserName: []byte("bob"), HasUserName: true}, Accepted(Identity{}), nil)
		if v.Decision != Deny || v.Reason != ClientIDMismatch || !strings.Contains(v.Detail, "%n has no value") {
			t.Errorf("%q: got %+v, want client_id_mismatch that names %%n", id, v)
		}
	}
}
