package secure

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/url"
	"testing"

	"mqttward/proxy/proxytest"
)

// A subject is shown as people write it; where it is empty, a name that there is.
func TestSubject(t *testing.T) {
	ca := proxytest.NewCA(t, "test")
	for want, change := range map[string]func(*x509.Certificate){
		"CN=device-7": func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "urn", Opaque: "x"}} },
		"CN=d,O=o":    func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "d", Organization: []string{"o"}} },
		"urn:dev:7": func(c *x509.Certificate) {
			c.Subject, c.URIs = pkix.Name{}, []*url.URL{{Scheme: "urn", Opaque: "dev:7"}}
		},
		"localhost": func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		"e@f": func(c *x509.Certificate) {
			c.Subject, c.DNSNames, c.EmailAddresses = pkix.Name{}, nil, []string{"e@f"}
		},
		"": func(c *x509.Certificate) { c.Subject, c.DNSNames = pkix.Name{}, nil },
	} {
		if got := Subject(ca.IssueAs("device-7", change).Leaf); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A client sends a name of any length before anything is known of it.
func TestLongSubjectIsNotWrittenOut(t *testing.T) {
	long := pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: commonName, Value: "device-7"}}}
	for range 10_000 {
		long.ExtraNames = append(long.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 1}, Value: "a"})
	}
	ca := proxytest.NewCA(t, "test")
	for want, name := range map[string]pkix.Name{"CN=device-7": long, "localhost": {ExtraNames: long.ExtraNames[1:]}} {
		cert := ca.IssueAs("device-7", func(c *x509.Certificate) { c.Subject = name }).Leaf
		var got string
		if allocated := testing.AllocsPerRun(1, func() { got = Subject(cert) }); allocated > 10 {
			t.Errorf("%.0f allocations, want a few", allocated)
		}
		if got != want {
			t.Errorf("got %.40q, want %q", got, want)
		}
	}
}

func TestClientName(t *testing.T) {
	ca := proxytest.NewCA(t, "test")
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	full := func(c *x509.Certificate) {
		c.DNSNames, c.EmailAddresses = []string{"d.example"}, []string{"e@example.org"}
		c.URIs = []*url.URL{uri("spiffe://example.org/device/7")}
	}
	double := func(c *x509.Certificate) {
		c.DNSNames, c.EmailAddresses = []string{"d.example", "e.example"}, []string{"e@example.org", "f@example.org"}
		c.URIs = []*url.URL{uri("spiffe://example.org/1"), uri("spiffe://example.org/2")}
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: commonName, Value: "one"}, {Type: commonName, Value: "two"}}}
	}
	bare := func(c *x509.Certificate) {
		c.DNSNames, c.Subject = nil, pkix.Name{Organization: []string{"o"}}
	}
	for _, tc := range []struct {
		name   string
		change func(*x509.Certificate)
		want   [5]string // by field
	}{
		{"one of each", full, [5]string{"", "device-7", "spiffe://example.org/device/7", "d.example", "e@example.org"}},
		{"two of each", double, [5]string{}},
		{"none", bare, [5]string{}},
	} {
		cert := ca.IssueAs("device-7", tc.change).Leaf
		for field, want := range tc.want {
			s := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}, VerifiedChains: [][]*x509.Certificate{{cert, ca.Certificate()}}}
			if got := NameField(field).Of(s); got != want {
				t.Errorf("%s, field %d: got %q, want %q", tc.name, field, got, want)
			}
			s.VerifiedChains = nil
			if got := NameField(field).Of(s); got != "" {
				t.Errorf("%s, field %d, not verified: got %q, want none", tc.name, field, got)
			}
		}
	}
}
