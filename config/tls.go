package config

import (
	"crypto/tls"
	"slices"
	"strings"
)

// tlsVersions are the values of min_version.
var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10,
	"1.1": tls.VersionTLS11,
	"1.2": tls.VersionTLS12,
	"1.3": tls.VersionTLS13,
}

// readCipherSuites reads a list of cipher suites by the names that crypto/tls gives them,
// which are those of the IANA.
func readCipherSuites(t *table, name string) []uint16 {
	var ids []uint16
	for i, suite := range t.strings(name) {
		if suite == "" {
			continue
		}
		path := joinIndex(t.key(name), i)
		id, weak, fault := cipherSuite(suite)
		switch {
		case fault != "":
			t.doc.fault(path, "%s", fault)
		case slices.Contains(ids, id):
			t.doc.fault(path, "%s stands in the list already", suite)
		case weak:
			t.doc.warn(path, "%s is weak: keep it only for devices that know nothing better", suite)
		}
		ids = append(ids, id)
	}
	return ids
}

// cipherSuite finds a suite by its name, or says why there is none.
func cipherSuite(name string) (id uint16, weak bool, fault string) {
	byName := func(c *tls.CipherSuite) bool { return c.Name == name }
	secure, insecure := tls.CipherSuites(), tls.InsecureCipherSuites()
	if i := slices.IndexFunc(insecure, byName); i >= 0 {
		return insecure[i].ID, true, ""
	}
	if i := slices.IndexFunc(secure, byName); i >= 0 {
		if !slices.Contains(secure[i].SupportedVersions, uint16(tls.VersionTLS12)) {
			return 0, false, name + " is a suite of TLS 1.3, where all are always on: leave it out"
		}
		return secure[i].ID, false, ""
	}
	var names []string
	for _, c := range append(secure, insecure...) {
		names = append(names, c.Name)
	}
	if near := nearest(strings.ToUpper(name), names); near != "" {
		return 0, false, "unknown cipher suite: did you mean " + near + "?"
	}
	return 0, false, "unknown cipher suite: write a name such as TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
}
