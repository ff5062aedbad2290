package proxytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
)

// validity is how long certificates are valid: long enough that nobody warns of their end.
const validity = 90 * 24 * time.Hour

// CA is a certificate authority that lives as long as a test.
type CA struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

// NewCA makes an authority with a fresh key.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	ca := &CA{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	ca.cert = ca.sign(template, template, ca.key)
	return ca
}

// Pool returns a pool that trusts this authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// PEM returns the authority's certificate.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})
}

// Issue returns a certificate for clients and servers, named name, valid for localhost and
// the loopback addresses.
func (ca *CA) Issue(name string) tls.Certificate {
	ca.t.Helper()
	return ca.IssueAs(name, func(*x509.Certificate) {})
}

// IssueAs is Issue, with what change makes of the certificate before it is signed.
func (ca *CA) IssueAs(name string, change func(*x509.Certificate)) tls.Certificate {
	ca.t.Helper()
	ca.next++
	key := newKey(ca.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1 + ca.next), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(validity),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	change(template)
	cert := ca.sign(template, ca.cert, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// IssueFiles is Issue, written to two PEM files of a temporary folder.
func (ca *CA) IssueFiles(name string) (certFile, keyFile string) {
	ca.t.Helper()
	dir := ca.t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	WriteFiles(ca.t, ca.Issue(name), certFile, keyFile)
	return certFile, keyFile
}

// WriteFiles writes a certificate and its key to two PEM files.
func WriteFiles(t testing.TB, cert tls.Certificate, certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certFile, "CERTIFICATE", cert.Certificate[0])
	writePEM(t, keyFile, "PRIVATE KEY", der)
}

// Authority makes an authority that this one has signed.
func (ca *CA) Authority(name string) *CA {
	ca.t.Helper()
	cert := ca.IssueAs(name, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.DNSNames, c.IPAddresses = true, true, nil, nil
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	})
	return &CA{t: ca.t, cert: cert.Leaf, key: cert.PrivateKey.(*ecdsa.PrivateKey)}
}

// Certificate is the authority's own.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

// CRL returns, in PEM, a list of revoked certificates, which says that another is due at next. The
// later it is made, the newer it is.
func (ca *CA) CRL(next time.Time, revoked ...tls.Certificate) []byte {
	ca.t.Helper()
	ca.next++
	l := &x509.RevocationList{Number: big.NewInt(ca.next), ThisUpdate: time.Now().Add(time.Duration(ca.next)*time.Second - time.Hour), NextUpdate: next}
	for _, c := range revoked {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now(),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, l, ca.cert, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// File returns the name of a file that holds PEM.
func (ca *CA) File() string {
	ca.t.Helper()
	name := filepath.Join(ca.t.TempDir(), "ca.pem")
	writePEM(ca.t, name, "CERTIFICATE", ca.cert.Raw)
	return name
}

func (ca *CA) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	ca.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatal(err)
	}
	return cert
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
