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

// longestSubject is how many bytes a subject's name may have, encoded, to be written out. Package pkix
// takes time by the square of its parts, seconds for the 256 KiB that a client may send before anything
// is known of it. RFC 5280 has 64 characters or so for each of a dozen.
const longestSubject = 2 << 10

// Subject is the name of the subject of a certificate, of one that is too long its common name alone, or,
// where that is empty, the first of its alternative names; empty where it has none. It is for people:
// whoever made the certificate has written into it what it likes, at any length. What it takes to find
// out is in proportion to the certificate.
func Subject(c *x509.Certificate) string {
	switch {
	case len(c.RawSubject) <= longestSubject:
		if name := c.Subject.String(); name != "" {
			return name
		}
	case c.Subject.CommonName != "":
		return "CN=" + c.Subject.CommonName
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
