package proxy

import (
	"crypto/tls"
	"errors"
	"slices"

	"mqttward/auth"
	"mqttward/proxy/secure"
)

// TLS are the settings of a secure listener.
type TLS struct {
	// Config is what crypto/tls needs; see [WithALPN]. It must not be nil.
	Config *tls.Config
	// Name says what of a client's certificate is its name, for templates. The zero value means
	// that none has one.
	Name secure.NameField
}

// shownSubject names the client's certificate that an error is about, as a log may show it; empty
// where it is about none, or one without a name.
func shownSubject(err error) string {
	var unverified *tls.CertificateVerificationError
	var revoked *secure.RevokedError
	switch {
	case errors.As(err, &revoked) && revoked.Certificate != nil:
		return auth.Display([]byte(secure.Subject(revoked.Certificate)))
	case errors.As(err, &unverified) && len(unverified.UnverifiedCertificates) > 0:
		return auth.Display([]byte(secure.Subject(unverified.UnverifiedCertificates[0])))
	}
	return ""
}

// alpnMQTT is MQTT's protocol name in ALPN.
const alpnMQTT = "mqtt"

// WithALPN returns conf made to select "mqtt" where a client offers it, and to go on without
// ALPN where a client offers anything else, or nothing. crypto/tls on its own refuses a
// client whose offers are all unknown to it; brokers don't.
//
// Session tickets belong to what is returned: with another one, clients begin anew.
func WithALPN(conf *tls.Config) *tls.Config {
	chosen := conf.Clone()
	chosen.NextProtos = []string{alpnMQTT}
	conf = conf.Clone()
	conf.NextProtos = nil
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, alpnMQTT) {
			return chosen, nil
		}
		return nil, nil // conf itself
	}
	return conf
}
