package secure

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
)

// NameField says what of a client's certificate is its name.
type NameField uint8

// The fields. The zero value means that no certificate has a name.
const (
	NoName     NameField = iota
	CommonName           // of the subject
	URIName              // a subject alternative name, as the three below
	DNSName              //
	EmailName            //
)

// commonName is id-at-commonName. [RFC 5280 A.1]
var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// Of returns the name in the certificate that a client was verified by, or the empty string where
// it has none. A certificate that has several has none: nothing says which of them is meant, and
// their order is not the client's alone to choose.
func (f NameField) Of(s *tls.ConnectionState) string {
	if f == NoName || len(s.VerifiedChains) == 0 {
		return ""
	}
	names := f.names(s.VerifiedChains[0][0])
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// Subject is the name of the subject of a certificate, or, where that is empty, the first of its
// alternative names; empty where it has none. It is for people: whoever made the certificate has
// written into it what it likes, at any length.
func Subject(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return name
	}
	for _, f := range [...]NameField{URIName, DNSName, EmailName} {
		if names := f.names(c); len(names) > 0 {
			return names[0]
		}
	}
	return ""
}

func (f NameField) names(c *x509.Certificate) (names []string) {
	switch f {
	case CommonName:
		for _, n := range c.Subject.Names {
			if text, ok := n.Value.(string); ok && n.Type.Equal(commonName) {
				names = append(names, text)
			}
		}
	case URIName:
		for _, u := range c.URIs {
			names = append(names, u.String())
		}
	case DNSName:
		return c.DNSNames
	case EmailName:
		return c.EmailAddresses
	}
	return names
}
