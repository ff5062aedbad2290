package secure

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

const hour = time.Hour

// parseLists reads lists that have no fault.
func parseLists(t *testing.T, text []byte, authorities ...*proxytest.CA) *Revocations {
	t.Helper()
	r, err := ParseRevocations(text, certificates(authorities))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func certificates(all []*proxytest.CA) []*x509.Certificate {
	var certs []*x509.Certificate
	for _, ca := range all {
		certs = append(certs, ca.Certificate())
	}
	return certs
}

// chains returns those that crypto/x509 finds from a certificate to one of roots.
func chains(t *testing.T, c tls.Certificate, between []*proxytest.CA, roots ...*proxytest.CA) [][]*x509.Certificate {
	t.Helper()
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, r := range roots {
		o.Roots.AddCert(r.Certificate())
	}
	for _, b := range between {
		o.Intermediates.AddCert(b.Certificate())
	}
	all, err := c.Leaf.Verify(o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRevocations(t *testing.T) {
	root, other := proxytest.NewCA(t, "root"), proxytest.NewCA(t, "other")
	issuing := root.Authority("issuing")
	good, bad, direct := issuing.Issue("good"), issuing.Issue("bad"), root.Issue("direct")
	foreign := other.IssueAs("foreign", func(c *x509.Certificate) { c.SerialNumber = bad.Leaf.SerialNumber })
	between := []*proxytest.CA{issuing}
	renewed := proxytest.NewCA(t, "other") // another key for the same name
	next := time.Now().Add(hour)
	issuingCert := tls.Certificate{Leaf: issuing.Certificate()}
	all := slices.Concat(root.CRL(next), issuing.CRL(next, bad), other.CRL(next))
	for _, tc := range []struct {
		name  string
		lists []byte
		cert  tls.Certificate
		roots []*proxytest.CA
		want  string
	}{
		{"good", all, good, []*proxytest.CA{root, issuing}, ""},
		{"revoked", all, bad, []*proxytest.CA{root, issuing}, "is revoked"},
		{"of the root itself", all, direct, []*proxytest.CA{root, issuing}, ""},
		{"same serial number of another authority", all, foreign, []*proxytest.CA{root, issuing, other}, ""},
		{"authority revoked", slices.Concat(root.CRL(next, issuingCert), issuing.CRL(next)), good, []*proxytest.CA{root, issuing}, "is revoked"},
		{"no list of the issuer", root.CRL(next), good, []*proxytest.CA{root, issuing}, "no list"},
		{"no list of the issuer's issuer", issuing.CRL(next), good, []*proxytest.CA{root, issuing}, ""}, // issuing is trusted by itself
		{"list too old", slices.Concat(root.CRL(next), issuing.CRL(time.Now().Add(-time.Second))), good, []*proxytest.CA{issuing, root}, "too old"},
		{"the newer of two lists", slices.Concat(issuing.CRL(next), issuing.CRL(next, good)), good, []*proxytest.CA{issuing}, "is revoked"},
		{"the newer of two lists, first", slices.Concat(newer(issuing, next, good), issuing.CRL(next)), good, []*proxytest.CA{issuing}, "is revoked"},
		{"a newer list by another key of its authority", slices.Concat(other.CRL(next, foreign), newer(renewed, next)), foreign, []*proxytest.CA{other, renewed}, "is revoked"},
		{"by another key of its authority", slices.Concat(other.CRL(next), newer(renewed, next, foreign)), foreign, []*proxytest.CA{other, renewed}, "is revoked"},
		{"on no list of two keys", slices.Concat(other.CRL(next), renewed.CRL(next)), foreign, []*proxytest.CA{other, renewed}, ""},
		{"list of one of two keys too old", slices.Concat(other.CRL(time.Now().Add(-time.Second)), renewed.CRL(next)), foreign, []*proxytest.CA{other, renewed}, "too old"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := parseLists(t, tc.lists, root, issuing, other, renewed)
			err := r.judge(chains(t, tc.cert, between, tc.roots...), time.Now())
			var revoked *RevokedError
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tc.want != "" && (!errors.As(err, &revoked) || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want a RevokedError with %q", err, tc.want)
			}
		})
	}
	if err := (&Revocations{}).judge(nil, time.Now()); err == nil {
		t.Error("a client without a chain was accepted")
	}
}

// Who was found good goes by what is on the lists alone: that one is missing or too old takes nothing back.
func TestRevokedLaterOn(t *testing.T) {
	root, other := proxytest.NewCA(t, "root"), proxytest.NewCA(t, "other")
	issuing := root.Authority("issuing")
	good, bad := issuing.Issue("good"), issuing.Issue("bad")
	foreign := other.IssueAs("foreign", func(c *x509.Certificate) { c.SerialNumber = bad.Leaf.SerialNumber })
	next, past := time.Now().Add(hour), time.Now().Add(-time.Minute)
	issuingCert := tls.Certificate{Leaf: issuing.Certificate()}
	between := []*proxytest.CA{issuing}
	for _, tc := range []struct {
		name  string
		lists []byte
		cert  tls.Certificate
		roots []*proxytest.CA
		want  string
	}{
		{"good", slices.Concat(root.CRL(next), issuing.CRL(next, bad)), good, []*proxytest.CA{root}, ""},
		{"revoked", issuing.CRL(next, bad), bad, []*proxytest.CA{root}, "it is revoked"},
		{"revoked, by a list that is too old", issuing.CRL(past, bad), bad, []*proxytest.CA{root}, "it is revoked"},
		{"no list", other.CRL(next), bad, []*proxytest.CA{root}, ""},
		{"a list that is too old", issuing.CRL(past), good, []*proxytest.CA{root}, ""},
		{"the same serial number of another authority", issuing.CRL(next, bad), foreign, []*proxytest.CA{root, other}, ""},
		{"its authority", root.CRL(next, issuingCert), good, []*proxytest.CA{root}, `its authority is revoked: "CN=issuing`},
		{"its authority, that is trusted by itself", root.CRL(next, issuingCert), good, []*proxytest.CA{root, issuing}, "its authority"},
	} {
		err := parseLists(t, tc.lists, root, issuing, other).Revoked(chains(t, tc.cert, between, tc.roots...))
		var revoked *RevokedError
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%s: got %v, want no error", tc.name, err)
		case tc.want != "" && (!errors.As(err, &revoked) || !strings.Contains(err.Error(), tc.want) || revoked.Certificate != tc.cert.Leaf):
			t.Errorf("%s: got %v of %v, want %q of the client's own", tc.name, err, revoked, tc.want)
		}
	}
	if err := parseLists(t, root.CRL(next), root).Revoked(nil); err != nil {
		t.Errorf("without a certificate: got %v", err)
	}
	// Of two ways to an authority one that is good is enough, as when it was judged.
	way := []*x509.Certificate{bad.Leaf, issuing.Certificate(), root.Certificate()}
	if err := parseLists(t, root.CRL(next, issuingCert), root).Revoked([][]*x509.Certificate{way, {good.Leaf, root.Certificate()}}); err != nil {
		t.Errorf("with another chain: got %v", err)
	}
}

// newer returns a list that is newer than the next one.
func newer(ca *proxytest.CA, next time.Time, revoked ...tls.Certificate) []byte {
	old := *ca
	for range 5 {
		old.CRL(next)
	}
	return old.CRL(next, revoked...)
}

// A list without a date for the next one holds for ever. CRL writes one always, so that this list
// is made by hand.
func TestListWithoutANextUpdateHolds(t *testing.T) {
	l := &list{}
	if l.expired(time.Now().Add(100 * 365 * 24 * hour)) {
		t.Error("it is too old")
	}
}

func TestFaultyRevocations(t *testing.T) {
	root, stranger, namesake := proxytest.NewCA(t, "root"), proxytest.NewCA(t, "stranger"), proxytest.NewCA(t, "root")
	next := time.Now().Add(hour)
	good := root.CRL(next)
	for name, tc := range map[string]struct {
		text []byte
		want string
	}{
		"empty":               {nil, "no list"},
		"text":                {[]byte("x"), "no list"},
		"a certificate":       {root.PEM(), "CERTIFICATE"},
		"cut":                 {good[:len(good)-30], "not whole"},
		"cut after a list":    {slices.Concat(good, good[:50]), "not whole"},
		"damaged before one":  {slices.Concat(bytes.Replace(good, []byte("\n"), []byte("\n!"), 2), root.CRL(next)), "not whole"},
		"broken DER":          {[]byte{0x30, 1, 2}, "list 1"},
		"of a stranger":       {stranger.CRL(next), "not in client_ca_file"},
		"signed by another":   {namesake.CRL(next), "not signed by"},
		"the second is wrong": {slices.Concat(good, stranger.CRL(next)), "list 2"},
	} {
		if _, err := ParseRevocations(tc.text, certificates([]*proxytest.CA{root})); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tc.want)
		}
	}
}

func TestDoubtsAboutRevocations(t *testing.T) {
	root, second := proxytest.NewCA(t, "root"), proxytest.NewCA(t, "second")
	renewed := proxytest.NewCA(t, "second")
	both := certificates([]*proxytest.CA{root, second})
	now := time.Now()
	for name, tc := range map[string]struct {
		lists []byte
		want  []string
	}{
		"none":               {slices.Concat(root.CRL(now.Add(48*hour)), second.CRL(now.Add(48*hour))), nil},
		"missing":            {root.CRL(now.Add(48 * hour)), []string{`no list of "CN=second"`}},
		"too old":            {slices.Concat(root.CRL(now.Add(-time.Minute)), second.CRL(now.Add(48*hour))), []string{`"CN=root" was due`}},
		"too old by one key": {slices.Concat(root.CRL(now.Add(48*hour)), second.CRL(now.Add(48*hour)), renewed.CRL(now.Add(-time.Minute))), []string{`"CN=second" was due`}},
		"due soon":           {slices.Concat(root.CRL(now.Add(48*hour)), second.CRL(now.Add(hour))), []string{`"CN=second" is due`}},
	} {
		got := parseLists(t, tc.lists, root, second, renewed).Doubts(both, now, 12*hour)
		if len(got) != len(tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
			continue
		}
		for i, want := range tc.want {
			if !strings.Contains(got[i], want) {
				t.Errorf("%s: got %q, want %q", name, got[i], want)
			}
		}
	}
	for name, tc := range map[string]struct {
		lists []byte
		want  bool
	}{
		"both hold":          {slices.Concat(root.CRL(now.Add(hour)), second.CRL(now.Add(hour))), false},
		"one is missing":     {root.CRL(now.Add(hour)), false},
		"one is too old":     {slices.Concat(root.CRL(now.Add(-time.Minute)), second.CRL(now.Add(hour))), false},
		"both too old":       {slices.Concat(root.CRL(now.Add(-time.Minute)), second.CRL(now.Add(-time.Minute))), true},
		"too old or missing": {second.CRL(now.Add(-time.Minute)), true},
		"too old by one key": {slices.Concat(second.CRL(now.Add(hour)), renewed.CRL(now.Add(-time.Minute))), true},
	} {
		r := parseLists(t, tc.lists, root, second, renewed)
		if got := r.RefuseAll(both, now); got != tc.want {
			t.Errorf("%s: all are refused: got %v, want %v", name, got, tc.want)
		}
		accepted := 0
		for _, ca := range []*proxytest.CA{root, second} {
			if r.judge(chains(t, ca.Issue("device"), nil, root, second), now) == nil {
				accepted++
			}
		}
		if accepted == 0 != tc.want {
			t.Errorf("%s: a client of %d authorities is accepted", name, accepted)
		}
	}
	due := now.Add(hour).Truncate(time.Second)
	if got := parseLists(t, slices.Concat(root.CRL(due.Add(hour)), second.CRL(due)), root, second).NextUpdate(); !got.Equal(due) {
		t.Errorf("NextUpdate: got %v, want the first, %v", got, due)
	}
	if got := (&Revocations{lists: map[string][]*list{"": {{}}}}).NextUpdate(); !got.IsZero() {
		t.Errorf("NextUpdate without a date: got %v, want none", got)
	}
	leaf := []*x509.Certificate{root.Issue("trusted by itself").Leaf}
	leaf[0].BasicConstraintsValid = true
	if got := (&Revocations{}).Doubts(leaf, now, hour); len(got) > 0 {
		t.Errorf("a certificate that signs nobody: got %q, want nothing", got)
	}
	if (&Revocations{}).RefuseAll(leaf, now) {
		t.Error("a certificate that is trusted by itself is taken to be refused")
	}
}
