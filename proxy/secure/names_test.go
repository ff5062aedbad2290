package secure

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"

	"mqttward/proxy/proxytest"
)

// named makes a certificate for DNS names, called by the first.
func named(ca *proxytest.CA, names ...string) tls.Certificate {
	return ca.IssueAs(names[0], func(c *x509.Certificate) { c.DNSNames = names })
}

func TestCertificateByName(t *testing.T) {
	ca := proxytest.NewCA(t, "test")
	all := []tls.Certificate{
		named(ca, "default.example"), named(ca, "*.example.org"), named(ca, "a.example.org", "Mixed.Example"), rsaCertificate(t, "rsa.example"),
	}
	server := &tls.Config{Certificates: all, GetCertificate: ByName(all)}
	rsaOnly := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	for _, tc := range []struct {
		asked, want string
		client      *tls.Config
	}{
		{"", "default.example", &tls.Config{}},
		{"default.example", "default.example", &tls.Config{}},
		{"a.example.org", "a.example.org", &tls.Config{}}, // though the wildcard stands before it
		{"A.Example.ORG", "a.example.org", &tls.Config{}},
		{"mixed.example", "a.example.org", &tls.Config{}},
		{"b.example.org", "*.example.org", &tls.Config{}},
		{"c.b.example.org", "default.example", &tls.Config{}},
		{"example.org", "default.example", &tls.Config{}},
		{"unknown.example", "default.example", &tls.Config{}},
		{"rsa.example", "rsa.example", &tls.Config{}},
		{"", "rsa.example", rsaOnly},
		{"unknown.example", "rsa.example", rsaOnly},
		{"a.example.org", "rsa.example", rsaOnly}, // better than none
	} {
		if got := shown(t, server, tc.client, tc.asked); got != tc.want {
			t.Errorf("asked for %q with %d suites: got %q, want %q", tc.asked, len(tc.client.CipherSuites), got, tc.want)
		}
	}
}

// shown returns the common name of what a server shows to a client that asks for a name.
func shown(t *testing.T, server, client *tls.Config, name string) string {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		defer b.Close()
		_ = tls.Server(b, server).Handshake()
	}()
	client = client.Clone()
	client.ServerName, client.InsecureSkipVerify = name, true
	c := tls.Client(a, client)
	if err := c.Handshake(); err != nil {
		t.Errorf("asked for %q: %v", name, err)
		return ""
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func rsaCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := named(proxytest.NewCA(t, "other"), name).Leaf
	template.SignatureAlgorithm, template.PublicKey = x509.UnknownSignatureAlgorithm, nil
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k, Leaf: leaf}
}
