package secure

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// RevokedError says that a client's certificate is revoked, or that nobody can tell.
type RevokedError struct{ why string }

// Error returns the reason. It holds names of authorities and a serial number.
func (e *RevokedError) Error() string { return "client certificate: " + e.why }

// Revocations are the lists of certificates that authorities have revoked. They are immutable and
// safe for concurrent use.
type Revocations struct{ lists map[string]*list } // by the authority's name, in DER

// list is what one authority has revoked.
type list struct {
	authority string    // its name, to be shown
	until     time.Time // when the next list is due; zero: never
	revoked   map[string]struct{}
}

// ParseRevocations reads lists in PEM, one or more, or a single one in DER. Each must be signed by
// one of authorities; of several of one authority the newest holds.
func ParseRevocations(text []byte, authorities []*x509.Certificate) (*Revocations, error) {
	r := &Revocations{lists: map[string]*list{}}
	newest := map[string]*x509.RevocationList{}
	ders, err := derLists(text)
	if err != nil {
		return nil, err
	}
	for i, der := range ders {
		l, err := x509.ParseRevocationList(der)
		if err == nil {
			err = acceptable(l, authorities)
		}
		if err != nil {
			return nil, fmt.Errorf("list %d: %w", i+1, err)
		}
		if n := newest[string(l.RawIssuer)]; n == nil || l.ThisUpdate.After(n.ThisUpdate) {
			newest[string(l.RawIssuer)] = l
		}
	}
	for issuer, l := range newest {
		r.lists[issuer] = newList(l)
	}
	return r, nil
}

// derLists takes the lists out of their PEM, where they are in it.
func derLists(text []byte) ([][]byte, error) {
	if len(text) > 0 && text[0] == 0x30 { // an ASN.1 sequence
		return [][]byte{text}, nil
	}
	var ders [][]byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			return nil, fmt.Errorf("holds a block %q: only X509 CRL may be in it", block.Type)
		}
		ders, text = append(ders, block.Bytes), rest
	}
	if bytes.Contains(text, []byte("-----BEGIN")) {
		return nil, errors.New("holds a block that is no PEM, or is not whole")
	}
	if len(ders) == 0 {
		return nil, errors.New("holds no list of revoked certificates in PEM or DER")
	}
	return ders, nil
}

// acceptable judges a list by who signed it, and by whether all of it is understood.
func acceptable(l *x509.RevocationList, authorities []*x509.Certificate) error {
	var err error = fmt.Errorf("its authority %q is not in client_ca_file", l.Issuer)
	for _, a := range authorities {
		if !bytes.Equal(a.RawSubject, l.RawIssuer) {
			continue
		}
		if err = l.CheckSignatureFrom(a); err == nil {
			break
		}
		err = fmt.Errorf("it is not signed by %q: %w", a.Subject, err)
	}
	if err != nil {
		return err
	}
	for _, e := range l.Extensions {
		if e.Critical {
			return fmt.Errorf("its extension %v is not understood: only whole lists of all that an authority has revoked are", e.Id)
		}
	}
	for _, c := range l.RevokedCertificateEntries {
		for _, e := range c.Extensions {
			if e.Critical {
				return fmt.Errorf("the extension %v of an entry is not understood", e.Id)
			}
		}
	}
	return nil
}

func newList(l *x509.RevocationList) *list {
	n := &list{authority: l.Issuer.String(), until: l.NextUpdate, revoked: make(map[string]struct{}, len(l.RevokedCertificateEntries))}
	for _, c := range l.RevokedCertificateEntries {
		n.revoked[string(c.SerialNumber.Bytes())] = struct{}{}
	}
	return n
}

// NextUpdate is when the first of the lists is too old; the zero time means never.
func (r *Revocations) NextUpdate() (first time.Time) {
	for _, l := range r.lists {
		if !l.until.IsZero() && (first.IsZero() || l.until.Before(first)) {
			first = l.until
		}
	}
	return first
}

// Doubts tells what of the lists will have clients refused, now or before soon is over, in a
// sentence each: lists that are too old, and authorities without one.
func (r *Revocations) Doubts(authorities []*x509.Certificate, now time.Time, soon time.Duration) []string {
	var doubts []string
	for _, a := range authorities {
		switch l := r.lists[string(a.RawSubject)]; {
		case l == nil && !signsNobody(a):
			doubts = append(doubts, fmt.Sprintf("there is no list of %q: clients whose certificates it has signed are refused", a.Subject))
		case l == nil:
		case l.expired(now):
			doubts = append(doubts, fmt.Sprintf("a newer list of %q was due on %s: clients whose certificates it has signed are refused", l.authority, l.until.Format(time.DateOnly)))
		case l.expired(now.Add(soon)):
			doubts = append(doubts, fmt.Sprintf("a newer list of %q is due on %s: without it clients whose certificates it has signed are refused", l.authority, l.until.Format(time.DateOnly)))
		}
	}
	return doubts
}

// signsNobody reports whether an authority can't sign certificates of clients: it stands in the
// file as a client's certificate that is trusted by itself.
func signsNobody(a *x509.Certificate) bool { return a.BasicConstraintsValid && !a.IsCA }

func (l *list) expired(now time.Time) bool { return !l.until.IsZero() && now.After(l.until) }

// judge accepts a client whose certificate has a chain, from it to an authority that is trusted,
// in which nothing is revoked.
func (r *Revocations) judge(chains [][]*x509.Certificate, now time.Time) error {
	var err error = &RevokedError{"it has no chain"}
	for _, chain := range chains {
		if err = r.judgeChain(chain, now); err == nil {
			return nil
		}
	}
	return err
}

// judgeChain wants a list for all in the chain but its end, which is trusted by itself. Where there
// is one for that too, it must not be on it.
func (r *Revocations) judgeChain(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain {
		l, end := r.lists[string(c.RawIssuer)], i == len(chain)-1
		switch {
		case l == nil && end:
		case l == nil:
			return &RevokedError{fmt.Sprintf("there is no list of what %q has revoked", c.Issuer)}
		case l.has(c):
			return &RevokedError{fmt.Sprintf("serial number %x of %q is revoked", c.SerialNumber, c.Issuer)}
		case l.expired(now) && !end:
			return &RevokedError{fmt.Sprintf("the list of what %q has revoked is too old: a newer one was due on %s", c.Issuer, l.until.Format(time.DateOnly))}
		}
	}
	return nil
}

func (l *list) has(c *x509.Certificate) bool {
	_, revoked := l.revoked[string(c.SerialNumber.Bytes())]
	return revoked
}
