package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// HandshakeResult says in a word how a TLS handshake ended.
type HandshakeResult uint8

// The results.
const (
	HandshakeOK          HandshakeResult = iota
	HandshakeTimeout                     // not whole within connect_timeout
	HandshakeClosed                      // the client went away, or its place was needed
	HandshakeNotTLS                      // what came was no TLS record
	HandshakeCertificate                 // the client's certificate is not valid
	HandshakeAlert                       // the client gave up: our certificate is not to its liking, say
	HandshakeOther                       // no version or cipher suite in common, no certificate, anything else
	numHandshakeResults
)

// String returns the result's word, as it stands in metrics.
func (r HandshakeResult) String() string {
	return [numHandshakeResults]string{"ok", "timeout", "closed", "not_tls", "client_certificate", "client_alert", "other"}[r]
}

// HandshakeResults returns every result.
func HandshakeResults() []HandshakeResult {
	all := make([]HandshakeResult, numHandshakeResults)
	for i := range all {
		all[i] = HandshakeResult(i)
	}
	return all
}

// handshakeResult tells what became of a handshake by its error.
func handshakeResult(err error) HandshakeResult {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case err == nil:
		return HandshakeOK
	case errors.Is(err, os.ErrDeadlineExceeded):
		return HandshakeTimeout
	case errors.As(err, &certificate):
		return HandshakeCertificate
	case errors.As(err, &record):
		return HandshakeNotTLS
	case wentAway(err):
		return HandshakeClosed
	case errors.As(err, &op) && op.Op == "remote error": // as crypto/tls calls an alert
		return HandshakeAlert
	}
	return HandshakeOther
}

// wentAway reports whether err says that a peer is just no longer there.
func wentAway(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}
