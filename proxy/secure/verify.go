package secure

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Verifier judges the certificates of clients. It is immutable and safe for concurrent use.
type Verifier struct {
	// Authorities are those that clients' certificates may come from.
	Authorities *x509.CertPool
	// Revocations are what these have revoked. Nil means that nobody asks.
	Revocations *Revocations
}

// VerifyConnection is for [tls.Config.VerifyConnection], where ClientAuth is at least
// VerifyClientCertIfGiven. A client without a certificate is not its matter. A certificate that
// came with a ticket is verified anew: since then an authority may have gone, or a certificate
// between have expired. The error is a *[tls.CertificateVerificationError] or a *[RevokedError].
func (v *Verifier) VerifyConnection(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return nil
	}
	chains := s.VerifiedChains
	if s.DidResume {
		var err error
		if chains, err = v.verify(s.PeerCertificates); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
		}
	}
	if v.Revocations == nil {
		return nil
	}
	return v.Revocations.judge(chains, time.Now())
}

func (v *Verifier) verify(shown []*x509.Certificate) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	return shown[0].Verify(x509.VerifyOptions{
		Roots: v.Authorities, Intermediates: between,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}
