package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"mqttward/config"
)

// examineCertificates tells of our own certificates: those of the listeners, and the one that the
// broker sees.
func (g *generation) examineCertificates(now time.Time) (found findings) {
	for i, l := range g.config.Listeners {
		if g.tls[i] == nil {
			continue
		}
		files := append([]config.CertificateFiles{{CertFile: l.TLS.CertFile}}, l.TLS.Certificates...)
		for j, cert := range g.tls[i].conf.Certificates {
			found = append(found, certificate(fmt.Sprintf("listener %q, %s", l.Name, files[j].CertFile), chain(cert), now)...)
		}
	}
	if u := g.config.Upstream.TLS; u != nil && u.CertFile != "" {
		b := &builder{config: g.config}
		if cert, ok := b.certificate("upstream.tls.", u.CertFile, u.KeyFile); ok {
			found = append(found, certificate("upstream.tls, "+u.CertFile, chain(cert), now)...)
		}
	}
	return found
}

// chain is a certificate with those that are sent with it.
func chain(cert tls.Certificate) []*x509.Certificate {
	all := []*x509.Certificate{cert.Leaf}
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// certificate tells a chain's names, days left, and who has signed whom.
func certificate(name string, chain []*x509.Certificate, now time.Time) (found findings) {
	if len(chain) == 0 {
		return nil
	}
	leaf := chain[0]
	days := int(leaf.NotAfter.Sub(now).Hours() / 24)
	state, severity := fmt.Sprintf("%d days left, until %s", days, leaf.NotAfter.UTC().Format("2006-01-02")), Good
	switch {
	case now.After(leaf.NotAfter):
		state, severity = "expired on "+leaf.NotAfter.UTC().Format("2006-01-02"), Bad
	case now.Before(leaf.NotBefore):
		state, severity = "not valid before "+leaf.NotBefore.UTC().Format("2006-01-02"), Bad
	case leaf.NotAfter.Sub(now) < soon:
		severity = Doubtful
	}
	names := subjectNames(leaf)
	if names == "" {
		names = "no name: clients that check it will refuse it"
		severity = max(severity, Doubtful)
	}
	found.say(severity, "%s: %s; for %s; chain %s", name, state, names, signers(chain))
	for i, c := range chain[:len(chain)-1] {
		if err := c.CheckSignatureFrom(chain[i+1]); err != nil {
			found.say(Doubtful, "%s: certificate %d of the chain is not signed by the next one: put them in order, the server's own first", name, i+1)
		}
		if next := chain[i+1]; now.After(next.NotAfter) {
			found.say(Bad, "%s: certificate %d of the chain expired on %s", name, i+2, next.NotAfter.UTC().Format("2006-01-02"))
		}
	}
	return found
}

// subjectNames are the names and addresses that a certificate stands for.
func subjectNames(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return printable(strings.Join(names, ", "))
}

// signers are the common names from the certificate on to whoever signed the last one.
func signers(chain []*x509.Certificate) string {
	names := make([]string, 0, len(chain)+1)
	for _, c := range chain {
		names = append(names, c.Subject.String())
	}
	last := chain[len(chain)-1]
	if last.Issuer.String() != last.Subject.String() {
		names = append(names, last.Issuer.String())
	}
	for i, n := range names {
		if n == "" {
			names[i] = "(no subject)"
		}
	}
	return printable(strings.Join(names, " < "))
}

// printable is text of a certificate as it may be shown on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u202e' {
			return '?'
		}
		return r
	}, s)
}
