package daemon

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// identity writes a certificate for 127.0.0.1 that signs itself, and returns its files and a
// pool that trusts it.
func identity(t *testing.T, key crypto.Signer) (settings string, roots *x509.CertPool) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "daemon"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	dir := t.TempDir()
	settings = "[listener.tls]\n"
	for _, f := range [...]struct {
		name, kind string
		der        []byte
	}{{"cert_file", "CERTIFICATE", der}, {"key_file", "PRIVATE KEY", private}} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), 0o600); err != nil {
			t.Fatal(err)
		}
		settings += f.name + " = '" + path + "'\n"
	}
	return settings, roots
}

func ecdsaIdentity(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return identity(t, key)
}

func rsaIdentity(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return identity(t, key)
}

// runTLS serves a TLS listener with more settings in its table.
func runTLS(t *testing.T, settings string) *running {
	t.Helper()
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	return run(t, `[upstream]
addresses = ["`+b.Addr()+`"]
[auth]
allow_anonymous = true
[[listener]]
name = "mqtts"
bind = "127.0.0.1:0"
`+settings)
}

// handshake makes a TLS connection to r.
func (r *running) handshake(conf *tls.Config) (*tls.Conn, error) {
	r.t.Helper()
	conf = conf.Clone()
	conf.ServerName = "127.0.0.1"
	conn := tls.Client(r.dial("mqtts"), conf)
	return conn, conn.Handshake()
}
