package secure

import (
	"crypto/tls"
	"strings"
)

// ByName returns a function for [tls.Config.GetCertificate] that finds the certificate for the name
// that a client asks for: one that has the name itself before one that has a wildcard for it, and
// among several one that suits the client's algorithms, the first if more do. A client that asks
// for a name that none has gets the first that suits its algorithms. Each certificate must have
// its Leaf. The slice is kept.
//
// crypto/tls asks the function only where a client sends a name, if the configuration has
// Certificates too.
func ByName(all []tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	byName := map[string][]*tls.Certificate{}
	for i := range all {
		for _, name := range all[i].Leaf.DNSNames {
			name = strings.ToLower(name)
			byName[name] = append(byName[name], &all[i])
		}
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := strings.ToLower(hello.ServerName) // crypto/tls has taken a dot at its end away
		_, parent, _ := strings.Cut(name, ".")
		for _, key := range [...]string{name, "*." + parent} {
			for _, c := range byName[key] {
				if hello.SupportsCertificate(c) == nil {
					return c, nil
				}
			}
		}
		anyName := *hello
		anyName.ServerName = ""
		for i := range all {
			if anyName.SupportsCertificate(&all[i]) == nil {
				return &all[i], nil
			}
		}
		return nil, nil // crypto/tls knows what to say
	}
}
