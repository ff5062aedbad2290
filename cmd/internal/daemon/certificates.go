package daemon

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// certificate reads a certificate chain and its key.
func (b *builder) certificate(key, certFile, keyFile string) (tls.Certificate, bool) {
	chain, certOK := b.readFile(key+"cert_file", certFile, maxPEMFile)
	private, keyOK := b.readFile(key+"key_file", keyFile, maxPEMFile)
	if !certOK || !keyOK {
		return tls.Certificate{}, false
	}
	if !wholePEM(chain) {
		b.fault(key+"cert_file", "%s %s", certFile, notWhole)
		return tls.Certificate{}, false
	}
	cert, err := tls.X509KeyPair(chain, private)
	if err != nil {
		b.fault(key+"cert_file", "%s and %s are no certificate and its key: %v", certFile, keyFile, err)
		return cert, false
	}
	b.warnOfDates(key+"cert_file", cert.Leaf)
	return cert, true
}

// soon is how long before its end a certificate is warned of.
const soon = 14 * 24 * time.Hour

// warnOfDates warns of a certificate that is not valid now, or not for long.
func (b *builder) warnOfDates(key string, cert *x509.Certificate) {
	switch now := time.Now(); {
	case now.After(cert.NotAfter):
		b.warn(key, "the certificate has expired on %s", cert.NotAfter.Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		b.warn(key, "the certificate is valid from %s on", cert.NotBefore.Format(time.DateOnly))
	case now.Add(soon).After(cert.NotAfter):
		b.warn(key, "the certificate expires on %s", cert.NotAfter.Format(time.DateOnly))
	}
}

// authorities reads a file of certificates, of which there must be at least one, and returns
// its content too. Blocks of another kind, and certificates that can't be read, are passed over, as
// x509.CertPool does.
func (b *builder) authorities(key, file string) ([]*x509.Certificate, []byte) {
	text, ok := b.readFile(key, file, maxPEMFile)
	if !ok {
		return nil, nil
	}
	var all []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	switch {
	case !wholePEM(text):
		b.fault(key, "%s %s", file, notWhole)
	case len(all) == 0:
		b.fault(key, "%s holds no certificate in PEM", file)
	}
	return all, text
}

// notWhole is said of a file that wholePEM refuses.
const notWhole = "holds a block that is no PEM, or is not whole"

// wholePEM reports whether every block that begins in text is one. Package pem passes over what is
// none: of a file that is half written, an authority fewer would be in force, or a chain without its end.
func wholePEM(text []byte) bool {
	begun, whole := bytes.Count(text, []byte("-----BEGIN ")), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		whole++
	}
	return begun == whole
}

// pool makes a pool of certificates.
func pool(all []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range all {
		p.AddCert(c)
	}
	return p
}
