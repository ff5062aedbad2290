package daemon

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"hash"
	"time"

	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/secure"
)

// sum tells TLS settings apart, the content of their files included.
type sum [sha256.Size]byte

// listenerTLS is the TLS of a listener.
type listenerTLS struct {
	conf *tls.Config
	name secure.NameField // of a client's certificate
	// revocations are nil where nobody asks for any.
	revocations *secure.Revocations
	sum         sum
}

// asksLess reports whether less is asked of clients' certificates than by o.
func (t *listenerTLS) asksLess(o *listenerTLS) bool {
	return t.conf.ClientAuth < o.conf.ClientAuth || t.revocations == nil && o.revocations != nil
}

// listenersTLS returns the TLS of each listener, nil where it has none.
func (b *builder) listenersTLS() []*listenerTLS {
	all := make([]*listenerTLS, len(b.config.Listeners))
	for i, l := range b.config.Listeners {
		if l.TLS != nil {
			s := &listenerSettings{b, fmt.Sprintf("listener[%d].tls.", i), l.Name, l.TLS, sha256.New(), nil}
			all[i] = s.build()
		}
	}
	return all
}

// listenerSettings are those of a listener's TLS while they are turned into what crypto/tls wants.
type listenerSettings struct {
	*builder
	key     string // of the table, with a dot at its end
	name    string
	c       *config.ListenerTLS
	content hash.Hash // of all files
	revoked *secure.Revocations
}

func (s *listenerSettings) build() *listenerTLS {
	conf := &tls.Config{MinVersion: s.c.MinVersion, CipherSuites: s.c.CipherSuites}
	fmt.Fprintf(s.content, "%+v\n", *s.c)
	s.certificates(conf)
	authorities := s.clients(conf)
	if s.c.SessionTicketKeysFile != "" {
		s.tickets(conf, authorities)
	}
	return &listenerTLS{conf: proxy.WithALPN(conf), name: certNameFields[s.c.UserNameFrom], revocations: s.revoked, sum: sum(s.content.Sum(nil))}
}

// certificates are those that clients are shown; the first is for those that ask for no name.
func (s *listenerSettings) certificates(conf *tls.Config) {
	add := func(key, certFile, keyFile string) {
		if cert, ok := s.certificate(key, certFile, keyFile); ok {
			conf.Certificates = append(conf.Certificates, cert)
			for _, der := range cert.Certificate {
				s.content.Write(der)
			}
		}
	}
	add(s.key, s.c.CertFile, s.c.KeyFile)
	for i, c := range s.c.Certificates {
		key := fmt.Sprintf("%scertificate[%d].", s.key, i)
		before := len(conf.Certificates)
		add(key, c.CertFile, c.KeyFile)
		if n := len(conf.Certificates); n > before && len(conf.Certificates[n-1].Leaf.DNSNames) == 0 {
			s.warn(key+"cert_file", "the certificate has no DNS name: no client that asks for a name is shown it")
		}
	}
	if len(s.c.Certificates) > 0 {
		conf.GetCertificate = secure.ByName(conf.Certificates)
	}
}

// clients says how the certificates of clients are judged, and returns the authorities that they
// may come from.
func (s *listenerSettings) clients(conf *tls.Config) []*x509.Certificate {
	switch s.c.ClientAuth {
	case config.ClientAuthNone:
		return nil
	case config.ClientAuthRequest:
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	case config.ClientAuthRequire:
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	authorities, text := s.authorities(s.key+"client_ca_file", s.c.ClientCAFile)
	s.content.Write(text)
	v := &secure.Verifier{Authorities: pool(authorities)}
	if s.c.CRLFile != "" && len(authorities) > 0 {
		s.revoked = s.revocations(authorities)
		v.Revocations = s.revoked
	}
	conf.ClientCAs, conf.VerifyConnection = v.Authorities, v.VerifyConnection
	return authorities
}

// revocations reads what the authorities have revoked.
func (s *listenerSettings) revocations(authorities []*x509.Certificate) *secure.Revocations {
	key := s.key + "crl_file"
	text, ok := s.readFile(key, s.c.CRLFile, maxCRLFile)
	if !ok {
		return nil
	}
	s.content.Write(text)
	r, err := secure.ParseRevocations(text, authorities)
	if err != nil {
		s.fault(key, "%s: %v", s.c.CRLFile, err)
		return nil
	}
	now, say := time.Now(), s.warn
	if r.RefuseAll(authorities, now) {
		say = s.lapse
	}
	for _, doubt := range r.Doubts(authorities, now, soonList) {
		say(key, "%s: %s", s.c.CRLFile, doubt)
	}
	return r
}

// soonList is how long before a new list of revoked certificates is due that is warned of.
// Authorities make a new one each week or so, and some each day.
const soonList = 12 * time.Hour

// tickets takes the keys of session tickets from their file, which belongs to nobody else: whoever
// reads it can read what clients of TLS 1.2 have sent, and pass for them.
func (s *listenerSettings) tickets(conf *tls.Config, authorities []*x509.Certificate) {
	key, file := s.key+"session_ticket_keys_file", s.c.SessionTicketKeysFile
	text, ok := s.readPrivateFile(key, file)
	if !ok {
		return
	}
	s.content.Write(text)
	keys, err := secure.ParseTicketKeys(text)
	if err != nil {
		s.fault(key, "%s: %v", file, err)
		return
	}
	conf.SetSessionTicketKeys(keys.For(s.name, authorities))
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
		roots, _ := b.authorities("upstream.tls.ca_file", c.CAFile)
		conf.RootCAs = pool(roots)
	}
	if c.CertFile != "" {
		if cert, ok := b.certificate("upstream.tls.", c.CertFile, c.KeyFile); ok {
			conf.Certificates = []tls.Certificate{cert}
		}
	}
	return conf
}
