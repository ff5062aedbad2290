// Package secure holds what crypto/tls leaves to its user when it serves many clients: which of
// several certificates a client is shown, how client certificates are judged beyond their chain,
// what name they hold, and what the keys of session tickets are.
//
// Client certificates are judged in VerifyConnection: crypto/tls calls VerifyPeerCertificate for
// full handshakes only, and whoever resumes a session would escape a revocation until its ticket
// expires, seven days later.
//
// A certificate is revoked where a list says so, and in doubt: where an authority has no list, or
// one whose next update is due, nothing that it signed is accepted. That is what OpenSSL does with
// X509_V_FLAG_CRL_CHECK_ALL, and with it mosquitto, nginx and HAProxy.
//
// The keys of tickets that come from a file are not used as they stand: each listener derives its
// own, bound to its name and to the set of authorities that it accepts. A ticket of another
// listener, or of a time when other authorities were accepted, is then no ticket at all, and its
// owner makes a full handshake. Processes with the same file, names and authorities share theirs.
package secure
