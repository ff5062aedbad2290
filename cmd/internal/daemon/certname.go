package daemon

import (
	"strings"

	"mqttward/config"
	"mqttward/proxy/secure"
)

// certNameFields are what the values of username_from mean.
var certNameFields = map[config.CertName]secure.NameField{
	config.CertNameNone:  secure.NoName,
	config.CertNameCN:    secure.CommonName,
	config.CertNameURI:   secure.URIName,
	config.CertNameDNS:   secure.DNSName,
	config.CertNameEmail: secure.EmailName,
}

// checkCertName judges a template with %n, at key, by the listeners whose clients have a name in
// their certificate. Those of the others are refused.
func (b *builder) checkCertName(key string) {
	var without, optional []string
	for _, l := range b.config.Listeners {
		switch {
		case l.TLS == nil || l.TLS.UserNameFrom == config.CertNameNone:
			without = append(without, l.Name)
		case l.TLS.ClientAuth != config.ClientAuthRequire:
			optional = append(optional, l.Name)
		}
	}
	switch {
	case len(without) == len(b.config.Listeners):
		b.fault(key, "%%n is the name in a client's certificate, and no listener takes one: write username_from below a [listener.tls]")
	case len(without) > 0:
		b.warn(key, "%%n is the name in a client's certificate: the clients of %s are refused, since it takes none", strings.Join(without, ", "))
	case len(optional) > 0:
		b.warn(key, "%%n is the name in a client's certificate: clients of %s that show none are refused", strings.Join(optional, ", "))
	}
}
