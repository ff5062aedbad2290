package secure

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RevokedError says that a client's certificate is revoked, or that nobody can tell.
type RevokedError struct {
	// Certificate is the client's own, whichever of its chain is revoked. Nil where it has no chain.
	Certificate *x509.Certificate

	why string
}

// Error returns the reason. It holds names of authorities and a serial number, at any length.
func (e *RevokedError) Error() string { return "client certificate: " + e.why }

// Revocations are the lists of certificates that authorities have revoked. They are immutable and
// safe for concurrent use.
type Revocations struct {
	lists map[string][]*list // by the authority's name, in DER: one for each of its keys
}

// list is what one authority has revoked, as far as one of its keys says so.
type list struct {
	authority string    // its name, to be shown
	until     time.Time // when the next list is due; zero: never
	revoked   map[string]struct{}
}

// ParseRevocations reads lists in PEM, one or more, or a single one in DER. Each must be signed by
// one of authorities; of several that one key has signed the newest holds. Authorities of the same
// name are one, which has got a new key, or several, and nothing tells which: a certificate must be
// on the list of none of their keys, and none of these may be too old.
func ParseRevocations(text []byte, authorities []*x509.Certificate) (*Revocations, error) {
	r := &Revocations{lists: map[string][]*list{}}
	newest := map[string]*x509.RevocationList{} // by the authority's name and key
	ders, err := derLists(text)
	if err != nil {
		return nil, err
	}
	for i, der := range ders {
		var signer *x509.Certificate
		l, err := x509.ParseRevocationList(der)
		if err == nil {
			signer, err = acceptable(l, authorities)
		}
		if err != nil {
			return nil, fmt.Errorf("list %d: %w", i+1, err)
		}
		key := string(l.RawIssuer) + string(signer.RawSubjectPublicKeyInfo)
		if n := newest[key]; n == nil || l.ThisUpdate.After(n.ThisUpdate) {
			newest[key] = l
		}
	}
	for _, l := range newest {
		r.lists[string(l.RawIssuer)] = append(r.lists[string(l.RawIssuer)], newList(l))
	}
	return r, nil
}

// derLists takes the lists out of their PEM, where they are in it.
func derLists(text []byte) ([][]byte, error) {
	if len(text) > 0 && text[0] == 0x30 { // an ASN.1 sequence
		return [][]byte{text}, nil
	}
	// pem.Decode passes over a block that is damaged: an older list would be in force, or none.
	begun := bytes.Count(text, []byte("-----BEGIN "))
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
	if len(ders) != begun {
		return nil, errors.New("holds a block that is no PEM, or is not whole")
	}
	if len(ders) == 0 {
		return nil, errors.New("holds no list of revoked certificates in PEM or DER")
	}
	return ders, nil
}

// acceptable judges a list by who signed it, whom it returns, and by whether all of it is understood.
func acceptable(l *x509.RevocationList, authorities []*x509.Certificate) (signer *x509.Certificate, _ error) {
	var err error = fmt.Errorf("its authority %q is not in client_ca_file", l.Issuer)
	for _, a := range authorities {
		if !bytes.Equal(a.RawSubject, l.RawIssuer) {
			continue
		}
		if err = l.CheckSignatureFrom(a); err == nil {
			signer = a
			break
		}
		err = fmt.Errorf("it is not signed by %q: %w", a.Subject, err)
	}
	if err != nil {
		return nil, err
	}
	for _, e := range l.Extensions {
		if e.Critical {
			return nil, fmt.Errorf("its extension %v is not understood: only whole lists of all that an authority has revoked are", e.Id)
		}
	}
	for _, c := range l.RevokedCertificateEntries {
		for _, e := range c.Extensions {
			if e.Critical {
				return nil, fmt.Errorf("the extension %v of an entry is not understood", e.Id)
			}
		}
	}
	return signer, nil
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
	for _, lists := range r.lists {
		l := oldest(lists)
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
		lists := r.lists[string(a.RawSubject)]
		if len(lists) == 0 {
			if !signsNobody(a) {
				doubts = append(doubts, fmt.Sprintf("there is no list of %q: clients whose certificates it has signed are refused", a.Subject))
			}
			continue
		}
		switch l := oldest(lists); {
		case l.expired(now):
			doubts = append(doubts, fmt.Sprintf("a newer list of %q was due on %s: clients whose certificates it has signed are refused", l.authority, l.until.Format(time.DateOnly)))
		case l.expired(now.Add(soon)):
			doubts = append(doubts, fmt.Sprintf("a newer list of %q is due on %s: without it clients whose certificates it has signed are refused", l.authority, l.until.Format(time.DateOnly)))
		}
	}
	return doubts
}

// RefuseAll reports whether no certificate that one of authorities has signed is accepted: of each the
// list is missing, or too old.
func (r *Revocations) RefuseAll(authorities []*x509.Certificate, now time.Time) bool {
	return !slices.ContainsFunc(authorities, func(a *x509.Certificate) bool {
		lists := r.lists[string(a.RawSubject)]
		return signsNobody(a) || len(lists) > 0 && !oldest(lists).expired(now)
	})
}

// signsNobody reports whether an authority can't sign certificates of clients: it stands in the
// file as a client's certificate that is trusted by itself.
func signsNobody(a *x509.Certificate) bool { return a.BasicConstraintsValid && !a.IsCA }

func (l *list) expired(now time.Time) bool { return !l.until.IsZero() && now.After(l.until) }

// oldest is the first of some lists to be too old.
func oldest(lists []*list) *list {
	first := lists[0]
	for _, l := range lists[1:] {
		if first.until.IsZero() || !l.until.IsZero() && l.until.Before(first.until) {
			first = l
		}
	}
	return first
}

// judge accepts a client whose certificate has a chain, from it to an authority that is trusted,
// in which nothing is revoked.
func (r *Revocations) judge(chains [][]*x509.Certificate, now time.Time) error {
	var err error = &RevokedError{why: "it has no chain"}
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
	if err := r.listed(chain); err != nil {
		return err
	}
	for _, c := range chain[:len(chain)-1] {
		lists := r.lists[string(c.RawIssuer)]
		if len(lists) == 0 {
			return &RevokedError{chain[0], fmt.Sprintf("there is no list of what %q has revoked", c.Issuer)}
		}
		if l := oldest(lists); l.expired(now) {
			return &RevokedError{chain[0], fmt.Sprintf("the list of what %q has revoked is too old: a newer one was due on %s", c.Issuer, l.until.Format(time.DateOnly))}
		}
	}
	return nil
}

// Revoked judges a client anew that was accepted once, by the chains of its certificate: it returns a
// *[RevokedError] where each of them has one that is on a list, however old that is. It returns nil
// where there is no chain, and also where a list is missing or too old: that refuses those who come, and
// takes nothing back from whom was found to be good. It looks at no time and no signature.
func (r *Revocations) Revoked(chains [][]*x509.Certificate) (err error) {
	for _, chain := range chains {
		if err = r.listed(chain); err == nil {
			return nil
		}
	}
	return err
}

// listed returns an error where one in the chain is on a list.
func (r *Revocations) listed(chain []*x509.Certificate) error {
	for i, c := range chain {
		for _, l := range r.lists[string(c.RawIssuer)] {
			switch {
			case l.has(c) && i == 0:
				return &RevokedError{chain[0], fmt.Sprintf("it is revoked: serial number %x of %q", c.SerialNumber, c.Issuer)}
			case l.has(c):
				return &RevokedError{chain[0], fmt.Sprintf("its authority is revoked: %q, serial number %x of %q", c.Subject, c.SerialNumber, c.Issuer)}
			}
		}
	}
	return nil
}

func (l *list) has(c *x509.Certificate) bool {
	_, revoked := l.revoked[string(c.SerialNumber.Bytes())]
	return revoked
}
