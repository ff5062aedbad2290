package daemon

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"mqttward/config"
	"mqttward/proxy"
)

// sum tells TLS settings apart, the content of their files included.
type sum [sha256.Size]byte

// listenerTLS is the TLS of a listener.
type listenerTLS struct {
	conf *tls.Config
	sum  sum
}

// listenersTLS returns the TLS of each listener, nil where it has none.
func (b *builder) listenersTLS() []*listenerTLS {
	all := make([]*listenerTLS, len(b.config.Listeners))
	for i, l := range b.config.Listeners {
		if l.TLS != nil {
			all[i] = b.listenerTLS(fmt.Sprintf("listener[%d].tls.", i), l.TLS)
		}
	}
	return all
}

func (b *builder) listenerTLS(key string, c *config.ListenerTLS) *listenerTLS {
	conf := &tls.Config{MinVersion: c.MinVersion, CipherSuites: c.CipherSuites}
	content := sha256.New()
	fmt.Fprintf(content, "%+v\n", *c)
	if cert, ok := b.certificate(key, c.CertFile, c.KeyFile); ok {
		conf.Certificates = []tls.Certificate{cert}
		for _, der := range cert.Certificate {
			content.Write(der)
		}
	}
	switch c.ClientAuth {
	case config.ClientAuthRequest:
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	case config.ClientAuthRequire:
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if c.ClientCAFile != "" {
		var text []byte
		conf.ClientCAs, text = b.authorities(key+"client_ca_file", c.ClientCAFile)
		content.Write(text)
	}
	return &listenerTLS{conf: proxy.WithALPN(conf), sum: sum(content.Sum(nil))}
}

// upstreamTLS returns how the broker is spoken to, nil where that is in clear.
func (b *builder) upstreamTLS() *tls.Config {
	c := b.config.Upstream.TLS
	if c == nil {
		return nil
	}
	conf := &tls.Config{
		ServerName: c.ServerName, MinVersion: tls.VersionTLS12,
		// Each client is a connection of its own: the broker resumes rather than begins anew.
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if c.CAFile != "" {
		conf.RootCAs, _ = b.authorities("upstream.tls.ca_file", c.CAFile)
	}
	if c.CertFile != "" {
		if cert, ok := b.certificate("upstream.tls.", c.CertFile, c.KeyFile); ok {
			conf.Certificates = []tls.Certificate{cert}
		}
	}
	return conf
}

// certificate reads a certificate chain and its key.
func (b *builder) certificate(key, certFile, keyFile string) (tls.Certificate, bool) {
	chain, certOK := b.readFile(key+"cert_file", certFile)
	private, keyOK := b.readFile(key+"key_file", keyFile)
	if !certOK || !keyOK {
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
	const day = "2006-01-02"
	switch now := time.Now(); {
	case now.After(cert.NotAfter):
		b.warn(key, "the certificate has expired on %s", cert.NotAfter.Format(day))
	case now.Before(cert.NotBefore):
		b.warn(key, "the certificate is valid from %s on", cert.NotBefore.Format(day))
	case now.Add(soon).After(cert.NotAfter):
		b.warn(key, "the certificate expires on %s", cert.NotAfter.Format(day))
	}
}

// authorities reads a file of certificates, of which there must be at least one, and returns
// its content too.
func (b *builder) authorities(key, file string) (*x509.CertPool, []byte) {
	pool := x509.NewCertPool()
	text, ok := b.readFile(key, file)
	if ok && !pool.AppendCertsFromPEM(text) {
		b.fault(key, "%s holds no certificate in PEM", file)
	}
	return pool, text
}
