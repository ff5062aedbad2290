package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"mqttward/proxy/secure"
)

// HandshakeResult says in a word how a TLS handshake ended.
type HandshakeResult uint8

// The results.
const (
	HandshakeOK            HandshakeResult = iota
	HandshakeTimeout                       // not whole within connect_timeout
	HandshakeClosed                        // the client went away, or its place was needed
	HandshakeNotTLS                        // what came was no TLS record
	HandshakeVersion                       // no version in common, or what came was no client's hello
	HandshakeCipherSuite                   // no cipher suite in common, or no certificate that suits the client
	HandshakeNoCertificate                 // the client showed no certificate, and must
	HandshakeCertificate                   // the client's certificate is not valid
	HandshakeRevoked                       // the client's certificate is revoked, or nobody can tell
	HandshakeAlert                         // the client gave up: our certificate is not to its liking, say
	HandshakeOther                         // anything else
	numHandshakeResults
)

// String returns the result's word, as it stands in the log and in metrics.
func (r HandshakeResult) String() string {
	return [numHandshakeResults]string{"ok", "timeout", "closed", "not_tls", "version", "cipher_suite",
		"no_client_certificate", "client_certificate", "client_revoked", "client_alert", "other"}[r]
}

// HandshakeResults returns every result.
func HandshakeResults() []HandshakeResult {
	all := make([]HandshakeResult, numHandshakeResults)
	for i := range all {
		all[i] = HandshakeResult(i)
	}
	return all
}

// handshakeResult tells what became of a handshake by its error, or, where crypto/tls has none of a
// kind of its own, by how far it came before it. demanded says that a client must show a certificate.
func handshakeResult(err error, s *tls.ConnectionState, demanded bool) HandshakeResult {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var revoked *secure.RevokedError
	var op *net.OpError
	switch {
	case err == nil:
		return HandshakeOK
	case errors.Is(err, os.ErrDeadlineExceeded):
		return HandshakeTimeout
	case errors.As(err, &certificate):
		return HandshakeCertificate
	case errors.As(err, &revoked):
		return HandshakeRevoked
	case errors.As(err, &record):
		return HandshakeNotTLS
	case wentAway(err):
		return HandshakeClosed
	case errors.As(err, &op) && op.Op == "remote error": // as crypto/tls calls an alert
		return HandshakeAlert
	case s.Version == 0:
		return HandshakeVersion
	case s.CipherSuite == 0:
		return HandshakeCipherSuite
	case demanded && len(s.PeerCertificates) == 0:
		return HandshakeNoCertificate
	}
	return HandshakeOther
}

// wentAway reports whether err says that a peer is just no longer there.
func wentAway(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}
